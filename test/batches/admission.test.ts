/**
 * Room at a provider: jobs wait for it, say so, and are sent as soon as there is some, so that a provider with a limit
 * of its own never has to refuse one.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { findProvider } from '../../src/providers/registry.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, jobNow, jobsNow, makeBatch, withProvider } from '../support/verbs.ts';

let service: TestService;
let scope: OrganizationScope;
let other: OrganizationScope;
const emulators: Emulator[] = [];
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  ({ scope } = await service.addOrganization('waiting for room'));
  ({ scope: other } = await service.addOrganization('waiting, too'));
});
afterAll(async () => {
  await Promise.all(emulators.map((emulator) => emulator.close()));
  await service.close();
});

/** The services where the provider has so little room, and an emulator that refuses what is beyond. */
async function limited(name: string, setting: string, most: number, switches: Record<string, string>) {
  const provider: Provider | null = findProvider(name);
  if (provider === null) throw new Error(`there is no ${name}`);
  const emulator = await provider.emulate({ clock: service.clock, pace: { runningSeconds: 4 }, switches });
  emulators.push(emulator);
  const reached = withProvider(service, provider, emulator);
  const settings = { ...reached.settings, queues: { [setting]: { '*': most } } };
  return { services: { ...reached, settings }, emulator };
}
const work = (services: Services) => workOnce(services, service.app.databaseUrl);
async function turn(services: Services, seconds: number, step: number): Promise<void> {
  for (let left = seconds; left > 0; left -= step) {
    service.clock.advance({ seconds: step });
    await work(services);
  }
}
const texts = (count: number, long = '') =>
  Array.from({ length: count }, (_, index) => `question ${index}${long}`);
const isThere = async (services: Services, id: string) => (await jobNow(services, id)).providerJobId !== null;
const refusals = ({ calls }: Emulator) => calls.filter(({ status }) => status === 429);

describe('A provider with room for so much', () => {
  it.each([
    ['anthropic', 'ANTHROPIC_QUEUE_REQUESTS', 3, { queuedRequestsMax: '3' }, 'REQUESTS', 1],
    ['gemini', 'GEMINI_QUEUE_JOBS', 2, { concurrentJobsMax: '2' }, 'JOBS', 1],
    ['sync', 'SYNC_QUEUE_JOBS', 2, { batchesAtOnce: '2' }, 'JOBS', 20],
  ])(
    '%s is sent what fits, the rest when there is room, and refuses nothing',
    async (name, setting, most, switches, kind, count) => {
      const { services, emulator } = await limited(name, setting, most, switches);
      const ids: string[] = [];
      for (let index = 0; index < 4; index += 1) {
        service.clock.advance({ seconds: 1 });
        ids.push((await makeBatch(services, scope, { provider: name, texts: texts(count) })).id);
      }
      await work(services);
      const [, , third = '', fourth = ''] = ids;
      expect((await emulator.batches()).length).toBe(most);
      expect(await jobNow(services, fourth)).toMatchObject({
        status: 'CREATED',
        errorCode: 'waiting_for_room',
        waitingFor: { kind, limit: most, current: most, requested: 1, ahead: most === 3 ? 0 : 1 },
      });
      // Nobody looks at the clock for it: the end of one lets the next one go.
      await turn(services, 120, 5);
      for (const id of ids) expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED' });
      expect(await jobNow(services, third)).toMatchObject({ waitingFor: null, errorCode: null });
      expect(refusals(emulator)).toEqual([]);
      await expectInvariants(services.db);
    },
  );

  it('of tokens for each model is sent jobs that fit into it, split for that, and fails none', async () => {
    const { services, emulator } = await limited('openai', 'OPENAI_QUEUE_TOKENS', 100, {
      enqueuedTokensMax: '100',
    });
    const { id } = await makeBatch(services, scope, { texts: texts(4) });
    const planned = await jobsNow(services, id);
    expect(planned.length).toBeGreaterThan(1);
    expect(planned.every(({ bytes }) => bytes <= 400)).toBe(true);
    await work(services);
    const model = planned[0]?.model;
    const waiting = (await jobsNow(services, id)).find(({ status }) => status === 'CREATED');
    expect(waiting?.waitingFor).toMatchObject({ kind: 'TOKENS', limit: 100, model });
    await turn(services, 180, 5);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 4 });
    expect((await emulator.batches()).length).toBe(planned.length);
  });

  it('is sent a job that is larger than all of it, when there is nothing else', async () => {
    const roomy = await limited('openai', 'OPENAI_QUEUE_TOKENS', 1_000_000, {});
    const settings = { ...roomy.services.settings, queues: { OPENAI_QUEUE_TOKENS: { '*': 100 } } };
    const narrow = { ...roomy.services, settings };
    const first = await makeBatch(narrow, scope, { texts: texts(1) });
    service.clock.advance({ seconds: 1 });
    const large = await makeBatch(roomy.services, scope, { texts: texts(20) });
    await work(narrow);
    expect([await isThere(narrow, first.id), await isThere(narrow, large.id)]).toEqual([true, false]);
    await turn(narrow, 120, 5);
    expect(await batchNow(narrow, large.id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('is shared by organizations with the same key: who has sent nothing comes before who has', async () => {
    const { services, emulator } = await limited('gemini', 'GEMINI_QUEUE_JOBS', 1, {});
    const ids: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      service.clock.advance({ seconds: 1 });
      ids.push((await makeBatch(services, scope, { provider: 'gemini', texts: texts(1) })).id);
    }
    await work(services);
    service.clock.advance({ seconds: 1 });
    const late = await makeBatch(services, other, { provider: 'gemini', texts: texts(2) });
    await turn(services, 240, 5);
    expect(await batchNow(services, late.id)).toMatchObject({ status: 'COMPLETED' });
    const order = (await emulator.batches()).map(({ requestCount }) => requestCount);
    expect(order).toHaveLength(5);
    expect(order.indexOf(2)).toBeLessThanOrEqual(2);
  });
});

describe('A job that waits', () => {
  it('says what for to those who look, and nothing of it any more once it was sent', async () => {
    const { services } = await limited('gemini', 'GEMINI_QUEUE_JOBS', 1, {});
    const { key, scope: owner } = await service.addOrganization('looking');
    await makeBatch(services, owner, { provider: 'gemini', texts: texts(1) });
    service.clock.advance({ seconds: 1 });
    const { id } = await makeBatch(services, owner, { provider: 'gemini', texts: texts(1) });
    await work(services);
    const look = async () => {
      const { data } = await service.query(
        `query($id: ID!) { batch(id: $id) { jobs(first: 1) { edges { node { status
          waitingFor { kind limit current requested model ahead message } } } } } }`,
        { id },
        key,
      );
      return data.batch.jobs.edges[0].node;
    };
    expect(await look()).toEqual({
      status: 'CREATED',
      waitingFor: {
        ...{ kind: 'JOBS', limit: 1, current: 1, requested: 1, model: null, ahead: 0 },
        message: 'Its provider works on 1 jobs at once, and has 1.',
      },
    });
    await turn(services, 60, 5);
    expect(await look()).toMatchObject({ waitingFor: null });
  });
});
