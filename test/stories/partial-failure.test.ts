import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

const report = `query($id: ID!) { batch(id: $id) {
  status progress counts { total succeeded errored expired cancelled } error { code }
  usage { inputTokens outputTokens }
  errorGroups { code count message sample { customId } }
  outputUrl errorUrl
  failed: items(first: 50, filter: { status: [ERRORED, EXPIRED] }) {
    totalCount edges { node { customId status error { code retryable } text } } }
  items(first: 50) { edges { node { customId status usage { inputTokens outputTokens } } } }
} }`;

interface FailedItem {
  readonly customId: string;
  readonly status: string;
  readonly error: { readonly code: string; readonly retryable: boolean };
  readonly text: string | null;
}
interface AnsweredItem {
  readonly usage: { readonly outputTokens: string | null } | null;
}

/** Which requests fail, and how; all others succeed. */
const fates: Readonly<Record<number, string>> = {
  2: 'emulate:errored',
  5: 'emulate:overloaded',
  7: 'emulate:expired',
  8: 'emulate:errored',
  11: 'emulate:expired',
  13: 'emulate:missing',
};

/** The vendors' words for what went wrong, and ours for what they left out: an expired job's rest is expired. */
const codes = {
  openai: {
    refused: 'invalid_request_error',
    overloaded: 'server_overloaded',
    expired: 'batch_expired',
    missing: { status: 'ERRORED', code: 'missing_result' },
  },
  anthropic: {
    refused: 'invalid_request_error',
    overloaded: 'overloaded_error',
    expired: 'expired',
    missing: { status: 'EXPIRED', code: 'job_expired' },
  },
} as const;

const lines = async (url: string) => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${sandboxKey}` } });
  return (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
};

describe.each(['openai', 'anthropic'] as const)('A batch for %s of which some requests fail', (provider) => {
  it('ends, keeps every answer, and tells in groups what failed, and whether trying again makes sense', async () => {
    const list = Array.from({ length: 15 }, (_, index) => ({
      customId: `r${index}`,
      body: bodyFor(provider, `question ${index}`, fates[index]),
    }));
    const created = await mutate(service, 'createBatch', { provider, submit: 'NOW', requests: { list } });
    const { id } = created.batch;
    await service.work();
    await service.turn(120, 15);
    const { batch } = (await service.query(report, { id })).data;
    const { refused, overloaded, expired, missing } = codes[provider];
    const lost = missing.status === 'EXPIRED' ? 3 : 2;

    expect(batch).toMatchObject({ status: 'COMPLETED', progress: 1, error: null });
    expect(batch.counts).toEqual({
      total: 15,
      succeeded: 9,
      errored: 6 - lost,
      expired: lost,
      cancelled: 0,
    });
    expect(batch.failed.totalCount).toBe(6);
    const failed: FailedItem[] = batch.failed.edges.map(({ node }: { node: FailedItem }) => node);
    expect(
      Object.fromEntries(
        failed.map(({ customId, status, error, text }) => [
          customId,
          [status, error.code, error.retryable, text],
        ]),
      ),
    ).toEqual({
      r2: ['ERRORED', refused, false, null],
      r5: ['ERRORED', overloaded, true, null],
      r7: ['EXPIRED', expired, true, null],
      r8: ['ERRORED', refused, false, null],
      r11: ['EXPIRED', expired, true, null],
      r13: [missing.status, missing.code, true, null],
    });
    const groups: { code: string; count: number; sample: { customId: string } }[] = batch.errorGroups;
    expect(groups.map(({ count }) => count)).toEqual([2, 2, 1, 1]);
    expect(
      Object.fromEntries(groups.map(({ code, count, sample }) => [code, [count, sample.customId]])),
    ).toEqual({
      [refused]: [2, 'r2'],
      [expired]: [2, 'r7'],
      [overloaded]: [1, 'r5'],
      [missing.code]: [1, 'r13'],
    });

    const order = (all: { customId: string }[]) => all.map(({ customId }) => customId);
    expect(order(await lines(batch.outputUrl))).toEqual(
      [0, 1, 3, 4, 6, 9, 10, 12, 14].map((index) => `r${index}`),
    );
    expect(order(await lines(batch.errorUrl))).toEqual(['r2', 'r5', 'r7', 'r8', 'r11', 'r13']);
    const nodes: AnsweredItem[] = batch.items.edges.map(({ node }: { node: AnsweredItem }) => node);
    const spent = nodes.reduce((sum, { usage }) => sum + Number(usage?.outputTokens ?? 0), 0);
    expect(Number(batch.usage.outputTokens)).toBe(spent);
    expect(spent).toBeGreaterThan(0);
  });
});
