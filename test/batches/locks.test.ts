import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { syncBatch } from '../../src/batches/sync.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { sweep } from '../../src/worker/sweep.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, makeBatch, withProvider } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SYNC_WAIT_SECONDS: '0' });
});
afterAll(() => service.close());

it('Syncs, sweeps and a cancellation of a batch of many jobs, all at once, never wait for each other in a circle', async () => {
  const { scope } = await service.addOrganization('hurried');
  const services = withProvider(service, { ...openai, limits: { ...openai.limits, requestsMax: 1 } });
  const other = anotherProcess(service);
  const texts = Array.from({ length: 12 }, (_, index) => `request ${index}`);
  const { id } = await makeBatch(services, scope, { texts });
  await service.work();
  // Each gets a time of its own, in an order that is not that of their numbers.
  await services.db.read((q) =>
    q.execute(sql`update jobs set due_at = due_at + (number * 7 % 12) * interval '1 ms'`),
  );
  service.clock.advance({ seconds: 10 });
  await Promise.all([
    ...Array.from({ length: 8 }, () => [
      syncBatch(services, scope, id),
      sweep(services),
      syncBatch({ ...services, db: other.db }, scope, id),
      sweep(other.services),
    ]).flat(),
    cancelBatch(services, scope, id),
  ]);
  await other.db.close();
  await expectInvariants(services.db);
});
