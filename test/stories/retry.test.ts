/** A batch fails in part, is tried again by error code, and ends complete: as a frontend sees it, from beginning to end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { makeBusy } from '../support/busy-provider.ts';
import { bodyFor } from '../support/documents.ts';
import { batchUpdatedDocument, expectToldExactly, iterate, type Told, take } from '../support/live.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const report = `query($id: ID!) { batch(id: $id) {
  status progress attempt completedAt outputUrl errorUrl usage { outputTokens }
  counts { pending submitted succeeded errored }
  errorGroups { code count }
  jobs { edges { node { number attempt requestCount } } }
  items { edges { node { customId status attempt text error { code } attempts { totalCount edges { node {
    attempt status text finishedAt error { code retryable } usage { outputTokens } job { number } } } } } } }
} }`;

const read = async (id: string) => (await service.query(report, { id })).data.batch;
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
const nodes = (connection: any): any[] => connection.edges.map(({ node }: { node: unknown }) => node);
const positionsIn = async (url: string): Promise<number[]> => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${sandboxKey}` } });
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line).position);
};

/** Everything that a subscriber is told from `after` on, until the stream completes. */
function follow(id: string, after: number | null): { readonly told: Promise<Told[]> } {
  const variables = { id, after };
  const subscriber = subscribeByWebSocket({ url: service.url, query: batchUpdatedDocument, variables });
  const told = take(iterate(subscriber, 'batchUpdated'), Number.POSITIVE_INFINITY);
  return { told: told.finally(() => subscriber.stop()) };
}

describe('A batch that failed in part', () => {
  it('is tried again by error code, and ends with every answer; earlier attempts and the whole course stay readable', async () => {
    const calmDown = makeBusy(service, [1, 4]);
    const list = Array.from({ length: 6 }, (_, index) => ({
      customId: `r${index}`,
      body: bodyFor('openai', `question ${index}`, index === 2 ? 'emulate:errored' : ''),
    }));
    const { batch } = await mutate(
      service,
      'createBatch',
      { provider: 'openai', submit: 'NOW', requests: { list } },
      { batch: 'id uuid version' },
    );
    const { told: first } = follow(batch.id, null);
    await service.work();
    await service.turn(60, 15);
    const failed = await read(batch.id);
    expect(failed).toMatchObject({
      status: 'COMPLETED',
      attempt: 1,
      counts: { succeeded: 3, errored: 3 },
      errorGroups: [
        { code: 'server_overloaded', count: 2 },
        { code: 'invalid_request_error', count: 1 },
      ],
    });
    const seenFirst = await first;
    expect(seenFirst.at(-1)).toMatchObject({ kind: 'BATCH_ENDED' });

    calmDown();
    const filter = { errorCode: ['server_overloaded'] };
    const retried = await mutate(
      service,
      'retryBatch',
      { batchId: batch.id, filter },
      { batch: 'status progress completedAt counts { pending succeeded errored }' },
    );
    expect(retried).toEqual({
      __typename: 'RetryBatchPayload',
      replayed: false,
      attempt: 2,
      requests: 2,
      batch: {
        status: 'IN_PROGRESS',
        progress: 4 / 6,
        completedAt: null,
        counts: { pending: 2, succeeded: 3, errored: 1 },
      },
    });
    const meanwhile = await read(batch.id);
    expect(nodes(meanwhile.items)[4]).toMatchObject({ status: 'PENDING', attempt: null, error: null });
    expect(meanwhile.errorGroups).toEqual([{ code: 'invalid_request_error', count: 1 }]);
    expect(await positionsIn(meanwhile.errorUrl)).toEqual([2]);

    // One goes on after the end that was the end, one after an event before it, one begins now.
    const later = [follow(batch.id, seenFirst.at(-1)?.seq ?? 0), follow(batch.id, 3), follow(batch.id, null)];
    await service.work();
    await service.turn(60, 15);
    const [afterEnd = [], beforeEnd = [], fresh = []] = await Promise.all(later.map(({ told }) => told));
    const upToThree = seenFirst.filter(({ seq }) => seq <= 3);
    expect(upToThree.at(-1)?.seq).toBe(3);
    await expectToldExactly(
      service,
      batch.uuid,
      [...seenFirst, ...afterEnd],
      [...upToThree, ...beforeEnd],
      fresh,
    );
    expect(beforeEnd.flatMap(({ kinds }) => kinds)).toEqual(
      expect.arrayContaining(['BATCH_ENDED', 'BATCH_RETRIED']),
    );

    const ended = await read(batch.id);
    expect(ended).toMatchObject({
      status: 'COMPLETED',
      progress: 1,
      attempt: 2,
      completedAt: expect.not.stringMatching(failed.completedAt),
      counts: { pending: 0, submitted: 0, succeeded: 5, errored: 1 },
    });
    expect(nodes(ended.jobs)).toEqual([
      { number: 1, attempt: 1, requestCount: 6 },
      { number: 2, attempt: 2, requestCount: 2 },
    ]);
    const [kept, again] = [0, 4].map((position) => nodes(ended.items)[position]);
    expect(kept).toEqual(nodes(failed.items)[0]);
    const [before, after] = nodes(again.attempts);
    expect(again).toMatchObject({ status: 'SUCCEEDED', attempt: 2, error: null, text: after.text });
    expect(before).toEqual(nodes(nodes(failed.items)[4].attempts)[0]);
    expect(before).toMatchObject({ attempt: 1, status: 'ERRORED', text: null, job: { number: 1 } });
    expect(after).toMatchObject({ attempt: 2, status: 'SUCCEEDED', error: null, job: { number: 2 } });
    expect(await positionsIn(ended.outputUrl)).toEqual([0, 1, 3, 4, 5]);
    expect(await positionsIn(ended.errorUrl)).toEqual([2]);
  });
});
