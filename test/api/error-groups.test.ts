/** What failed in a batch, told by code: the most frequent first, each with an example, and never more than one can read. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

interface Group {
  readonly code: string;
  readonly count: number;
  readonly message: string | null;
  readonly sample: { readonly position: number; readonly error: { readonly code: string } } | null;
}

/** The groups of a batch whose items fail with these codes, in this order; null succeeds. */
async function groupsOf(codes: readonly (string | null)[]): Promise<Group[]> {
  const list = codes.map((code, index) => ({
    body: chatBody(`q ${index}`, code === null ? '' : 'emulate:errored'),
  }));
  const input = { provider: 'openai', requests: { list }, submit: 'NOW' };
  const { batch } = await mutate(service, 'createBatch', input);
  const codeOfLine = (line: string) => codes[Number(/"custom_id":"[a-z0-9]+-(\d+)"/.exec(line)?.[1])];
  const rewrite = (text: string) =>
    text
      .split('\n')
      .map((line) => line.replace('"code":null', `"code":${JSON.stringify(codeOfLine(line))}`))
      .join('\n');
  const { faults } = service.emulator('openai');
  faults.add({ operation: 'content', effect: { kind: 'rewrite', rewrite }, times: 2 });
  await service.work();
  await service.turn(30, 15);
  faults.clear();
  const { data } = await service.query(
    'query($id: ID!) { batch(id: $id) { errorGroups { code count message sample { position error { code } } } } }',
    { id: batch.id },
  );
  return data.batch.errorGroups;
}

describe('The error groups of a batch', () => {
  it('are none where nothing failed', async () => {
    expect(await groupsOf([null, null])).toEqual([]);
  });

  it('count each code, most frequent first, with the first item that met it', async () => {
    const message = 'This request was asked to fail.';
    expect(await groupsOf(['b', null, 'a', 'c', 'c', 'b', 'c'])).toEqual([
      { code: 'c', count: 3, message, sample: { position: 3, error: { code: 'c' } } },
      { code: 'b', count: 2, message, sample: { position: 0, error: { code: 'b' } } },
      { code: 'a', count: 1, message, sample: { position: 2, error: { code: 'a' } } },
    ]);
  });

  it('are at most a hundred, the most frequent, however many codes a provider finds', async () => {
    const codes = Array.from({ length: 130 }, (_, index) => `code_${String(index % 120).padStart(3, '0')}`);
    const groups = await groupsOf(codes);
    expect(groups).toHaveLength(100);
    expect(groups.map(({ count }) => count)).toEqual([...Array(10).fill(2), ...Array(90).fill(1)]);
    for (const { code, sample } of groups) expect(sample?.error.code).toBe(code);
  });
});
