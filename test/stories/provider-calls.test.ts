/**
 * Providers that call us: over a real socket, signed as they sign, about a job that would not be asked about for an
 * hour. A genuine call makes us look at once; nothing else does anything.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/registry.ts';
import { bodyFor, modelFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { jobsNow } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  // The first poll comes when the job is long over.
  service = await startTestService({
    SANDBOX_SECONDS: '20',
    POLL_FIRST_SECONDS: '3600',
    POLL_MAX_SECONDS: '3600',
  });
});
afterEach(() => expectInvariants(service.app.services.db));
afterAll(() => service.close());

const calling = providers.filter(({ webhook }) => webhook !== null).map(({ name }) => name);
const perJob = providers.filter(({ webhook }) => webhook?.registration === 'JOB').map(({ name }) => name);

/** A batch whose job is over at its provider, and not asked about for an hour. */
async function endedBatch(name: string): Promise<{ id: string; uuid: string }> {
  const { limits } = providers.find((provider) => provider.name === name)!;
  const list = Array.from({ length: limits.requestsMin + 1 }, (_, index) => ({
    body: bodyFor(name, `question ${index}`, '', index),
  }));
  const input = { provider: name, ...modelFor(name), submit: 'NOW', requests: { list } };
  const { batch } = await mutate(service, 'createBatch', input, { batch: 'id uuid' });
  await service.work();
  await service.turn(60, 60);
  return batch;
}

const statusOf = async (id: string): Promise<string> =>
  (await service.query('query($id: ID!) { batch(id: $id) { status } }', { id })).data.batch.status;

const deliver = async (name: string): Promise<number> => (await service.emulator(name).deliver?.()) ?? 0;

const questions = (name: string): number =>
  service.emulator(name).calls.filter(({ operation }) => operation === 'retrieve').length;

describe.each(calling)('A call of %s', (name) => {
  it('about a job that has ended brings its results at once, long before the next poll', async () => {
    const { id } = await endedBatch(name);
    expect(await statusOf(id)).not.toBe('COMPLETED');
    expect(await deliver(name)).toBe(1);
    await service.work();
    expect(await statusOf(id)).toBe('COMPLETED');
    expect(await deliver(name)).toBe(0);
  });
});

describe.each(perJob)('The path that %s was told for a job', (name) => {
  it('is its own: one that nobody was told answers 404, and asks the provider nothing', async () => {
    const before = questions(name);
    const response = await fetch(`${service.url}/callbacks/${name}/aaaaaaaaaaaaaaaaaaaa`, {
      method: 'POST',
      body: '{}',
    });
    expect(response.status).toBe(404);
    await service.work();
    expect(questions(name)).toBe(before);
  });

  it('takes no other method than POST, and no body without end', async () => {
    const url = `${service.url}/callbacks/${name}/aaaaaaaaaaaaaaaaaaaa`;
    expect((await fetch(url)).status).toBe(405);
    expect((await fetch(url, { method: 'POST', body: 'x'.repeat(1_000_001) })).status).toBe(413);
  });

  it('refuses a call that is not genuine, and asks nothing because of it', async () => {
    const { uuid } = await endedBatch(name);
    const [job] = await jobsNow(service.app.services, uuid);
    const url = job?.callbackUrl ?? '';
    expect(url).toBe(`${service.url}/callbacks/${name}/${job?.callbackToken}`);
    expect(job?.callbackToken).toMatch(/^[0-9a-f]{32}$/);
    const before = questions(name);
    const body = '{"id":"somebody else\'s","job_id":7}';
    const response = await fetch(url, { method: 'POST', body });
    expect(response.status).toBe(401);
    expect(JSON.stringify(await response.json())).not.toContain('somebody');
    await service.work();
    expect(questions(name)).toBe(before);
    // The next poll sees to it all the same.
    await service.turn(7_200, 3_600);
  });
});

describe('A call that comes twice', () => {
  it('makes one question of the provider: the second is known by what it is', async () => {
    const { uuid } = await endedBatch('letta');
    const [job] = await jobsNow(service.app.services, uuid);
    const before = questions('letta');
    const call = () =>
      fetch(job?.callbackUrl ?? '', {
        method: 'POST',
        body: JSON.stringify({ job_id: job?.providerJobId, status: 'completed', completed_at: null }),
      });
    const answers = await Promise.all([call(), call(), call()]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
    await service.work();
    // One poll that saw the end, and one look at the report that its results are collected by.
    expect(questions('letta') - before).toBe(2);
    expect((await call()).status).toBe(204);
    await service.work();
    expect(questions('letta') - before).toBe(2);
  });
});

describe('A job whose answer was lost and that its provider’s list does not show any more', () => {
  it('is found by the call that tells its id, and by nothing that is made up', async () => {
    const emulator = service.emulator('letta');
    emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    emulator.faults.add({ operation: 'list', effect: { kind: 'drop' } });
    const { uuid } = await endedBatch('letta');
    await service.turn(1_200, 60);
    const [job] = await jobsNow(service.app.services, uuid);
    expect(job).toMatchObject({ status: 'UNKNOWN', providerJobId: null, dueAt: null });
    const other = (await emulator.batches()).at(0);
    const madeUp = await fetch(job?.callbackUrl ?? '', {
      method: 'POST',
      body: JSON.stringify({ job_id: other?.id, status: 'completed' }),
    });
    expect(madeUp.status).toBe(204);
    await service.work();
    expect((await jobsNow(service.app.services, uuid))[0]).toMatchObject({
      status: 'UNKNOWN',
      providerJobId: null,
    });
    expect(await deliver('letta')).toBeGreaterThan(0);
    await service.work();
    expect((await jobsNow(service.app.services, uuid))[0]).toMatchObject({
      status: 'COMPLETED',
      collected: true,
    });
    const created = emulator.calls.filter(({ operation }) => operation === 'create');
    expect(created.filter(({ status }) => status === null)).toHaveLength(1);
  });
});
