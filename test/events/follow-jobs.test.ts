import { afterAll, beforeAll, expect, it } from 'vitest';
import { createBatch } from '../../src/batches/create.ts';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { NotFoundError } from '../../src/errors.ts';
import { followJobs } from '../../src/events/follow-jobs.ts';
import { newId, type Services } from '../../src/services.ts';
import { chatBody } from '../support/documents.ts';
import { take } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { jobsNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
  ({ key, scope } = await service.addOrganization('jobs'));
});
afterAll(() => service.close());

/** A batch of three jobs, one of which fails at the provider. */
async function threeJobs() {
  const { batch } = await createBatch(services, scope, {
    provider: 'openai',
    submit: { kind: 'NOW' },
    requests: {
      kind: 'list',
      requests: ['one', 'two', 'three'].map((model) => ({
        body: { ...chatBody('hello', model === 'two' ? 'emulate:job-failed' : ''), model },
      })),
    },
  });
  return batch;
}
const lastOf = (told: readonly { number: number; status: string }[]) =>
  [1, 2, 3].map((number) => told.findLast((job) => job.number === number)?.status);

it('every job comes at once, then each that changed, its last state in the end, and the stream completes', async () => {
  const { id } = await threeJobs();
  const stream = await followJobs(services, scope, id);
  const told = await take(stream, 3);
  expect(told.map(({ number, status }) => [number, status])).toEqual([
    [1, 'CREATED'],
    [2, 'CREATED'],
    [3, 'CREATED'],
  ]);
  const rest = take(stream, Number.POSITIVE_INFINITY);
  await service.turn(60);
  told.push(...(await rest));
  expect(lastOf(told)).toEqual(['COMPLETED', 'FAILED', 'COMPLETED']);
  expect(new Set(told.filter(({ number }) => number === 1).map(({ status }) => status))).toContain('RUNNING');
  for (const number of [1, 2, 3]) {
    const versions = told.filter((job) => job.number === number).map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
  }
});

it('a subscriber that did not read meanwhile gets each job once more, in its last state', async () => {
  const { id } = await threeJobs();
  const stream = await followJobs(services, scope, id);
  await take(stream, 3);
  await service.turn(60);
  const rest = await take(stream, Number.POSITIVE_INFINITY);
  expect(rest.map(({ number, status }) => [number, status])).toEqual([
    [1, 'COMPLETED'],
    [2, 'FAILED'],
    [3, 'COMPLETED'],
  ]);
});

it('the jobs of a batch that has ended come once, and those of an open batch when there are any', async () => {
  const { id } = await threeJobs();
  await service.turn(60);
  const ended = await take(await followJobs(services, scope, id), Number.POSITIVE_INFINITY);
  expect(ended.map(({ number }) => number)).toEqual([1, 2, 3]);

  const open = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
  const first = take(await followJobs(services, scope, open.id), 1);
  await verbs.submitBatch(services, scope, open.id);
  expect(await first).toMatchObject([{ batchId: open.id, number: 1, status: 'CREATED' }]);
});

it('the stream ends with the deletion of the batch, and finds none of nobody or of another organization', async () => {
  const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
  const other = await service.addOrganization('other');
  await expect(followJobs(services, other.scope, id)).rejects.toThrow(NotFoundError);
  await expect(followJobs(services, scope, newId(service.clock))).rejects.toThrow(NotFoundError);
  const reading = take(await followJobs(services, scope, id), 9);
  await verbs.deleteBatch(services, scope, id);
  expect(await reading).toEqual([]);
});

it.each(Object.entries(transports))(
  'jobUpdated tells jobs in their last state over %s',
  async (_name, subscribe) => {
    const { id } = await threeJobs();
    const query =
      'subscription($id: ID!) { jobUpdated(batchId: $id) { number status providerJobId counts { succeeded } } }';
    const subscriber = subscribe({ url: service.url, query, variables: { id }, key });
    await service.turn(60);
    await subscriber.done;
    const told = subscriber.messages.map(({ data }) => data.jobUpdated);
    const jobs = await jobsNow(services, id);
    for (const { number, status, providerJobId, providerSucceeded } of jobs) {
      expect(told.findLast((job) => job.number === number)).toEqual({
        number,
        status,
        providerJobId,
        counts: { succeeded: providerSucceeded },
      });
    }
    expect(lastOf(told)).toEqual(['COMPLETED', 'FAILED', 'COMPLETED']);
    await subscriber.stop();
  },
);
