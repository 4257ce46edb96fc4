import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '300' });
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

const report = `query($id: ID!) { batch(id: $id) {
  status version counts { total pending submitted succeeded errored } error { code } nextSyncAt
  jobs(first: 5) { edges { node { status error { code } } } }
} }`;

describe.each(['openai', 'anthropic'])('%s is down for ten minutes', (provider) => {
  const create = async () => {
    const list = [1, 2, 3].map((index) => ({ body: bodyFor(provider, `question ${index}`) }));
    const created = await mutate(service, 'createBatch', { provider, submit: 'NOW', requests: { list } });
    return created.batch.id;
  };
  const look = async (id: string) => (await service.query(report, { id })).data.batch;
  const down = () =>
    service.emulator(provider).faults.add({
      operation: '*',
      effect: { kind: 'answer', status: 503, body: 'down for maintenance' },
      times: Number.POSITIVE_INFINITY,
    });

  it('while a batch runs there: it is asked ever more rarely, nothing is lost, and the batch completes', async () => {
    const emulator = service.emulator(provider);
    const id = await create();
    await service.work();
    await service.turn(20, 20);
    expect(await look(id)).toMatchObject({ status: 'IN_PROGRESS' });
    down();
    const before = emulator.calls.length;
    await service.turn(600, 20);
    // The pauses double from one second on; a poll at each turn of the clock would make thirty calls.
    expect(emulator.calls.length - before).toBeGreaterThan(5);
    expect(emulator.calls.length - before).toBeLessThan(15);
    const meanwhile = await look(id);
    expect(meanwhile).toMatchObject({
      status: 'IN_PROGRESS',
      error: null,
      counts: { total: 3, submitted: 3, succeeded: 0, errored: 0 },
    });
    expect(meanwhile.nextSyncAt).not.toBeNull();
    emulator.faults.clear();
    await service.turn(330, 110);
    expect(await look(id)).toMatchObject({
      status: 'COMPLETED',
      counts: { total: 3, succeeded: 3 },
      jobs: { edges: [{ node: { status: 'COMPLETED', error: null } }] },
    });
  });

  it('when a batch is submitted: it waits, is sent once when the provider is back, and completes', async () => {
    const emulator = service.emulator(provider);
    const before = (await emulator.batches()).length;
    down();
    const id = await create();
    await service.work();
    await service.turn(600, 100);
    expect(await look(id)).toMatchObject({
      status: 'SUBMITTED',
      error: null,
      counts: { total: 3, errored: 0 },
    });
    expect((await emulator.batches()).length).toBe(before);
    emulator.faults.clear();
    await service.turn(900, 100);
    expect(await look(id)).toMatchObject({ status: 'COMPLETED', counts: { total: 3, succeeded: 3 } });
    expect((await emulator.batches()).length).toBe(before + 1);
  });
});
