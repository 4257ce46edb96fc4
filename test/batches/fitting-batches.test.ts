/**
 * Recovery at a provider that shows no key of ours (Anthropic): a batch that fits by time and number is adopted
 * for the time being, and only its results prove whose it is.
 */
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { messageBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, makeBatch, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
let emulator: Emulator;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '1200' });
  services = service.app.services;
  emulator = service.emulator('anthropic');
  ({ scope, key } = await service.addOrganization('recovering'));
});
afterEach(async () => {
  emulator.faults.clear();
  await expectInvariants(services.db);
  // The next test must not find this one's batches by their time.
  service.clock.advance({ hours: 1 });
  await service.work();
});
afterAll(() => service.close());

/** What stands between an intent and the moment from which absence counts. */
const graceSeconds = 600 + 60 + 60;

/** A batch of two requests that somebody else makes with the same credentials; its id. */
async function makeForeign(text = 'foreign'): Promise<string> {
  const requests = [1, 2].map((index) => ({ custom_id: `theirs-${index}`, params: messageBody(text) }));
  const response = await fetch(`${emulator.baseUrl}/v1/messages/batches`, {
    method: 'POST',
    headers: { authorization: `Bearer ${emulator.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ requests }),
  });
  return ((await response.json()) as { id: string }).id;
}

const submit = () => makeBatch(services, scope, { provider: 'anthropic' });
const lose = (kind: 'drop' | 'accept-and-drop') =>
  emulator.faults.add({ operation: 'create', effect: { kind } });
const ourBatches = async (nonce: string) =>
  (await emulator.batches()).filter(({ keys }) => keys[0]?.startsWith(nonce));

describe('A batch that fits a lost submission', () => {
  it('is adopted for the time being, and taken for good when its results carry our keys', async () => {
    lose('accept-and-drop');
    const { id } = await submit();
    await service.work();
    const { nonce } = await jobNow(services, id);
    const [made] = await ourBatches(nonce);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'RUNNING',
      providerJobId: made?.id,
      evidence: { proof: 'PROVISIONAL', found: { id: made?.id } },
    });
    await service.turn(1600, 400);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(await ourBatches(nonce)).toHaveLength(1);
  });

  it('is never taken for finished before its results were read, though it had ended when it was found', async () => {
    lose('accept-and-drop');
    emulator.faults.add({ operation: 'list', effect: { kind: 'drop' }, times: Number.POSITIVE_INFINITY });
    const { id } = await submit();
    await service.work();
    await service.turn(1300, 650);
    expect((await jobNow(services, id)).status).toBe('UNKNOWN');
    emulator.faults.clear();
    const before = emulator.calls.length;
    await service.turn(600, 300);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    // Once to prove whose they are, and once to copy them.
    expect(callsOf(emulator.calls.slice(before), 'results')).toBe(2);
  });

  it('and is somebody else’s is let go of at its end; nothing of it is taken, and the search goes on', async () => {
    lose('drop');
    const { id } = await submit();
    await service.work();
    const foreign = await makeForeign();
    await workAt(service, (await jobNow(services, id)).dueAt);
    expect(await jobNow(services, id)).toMatchObject({ status: 'RUNNING', providerJobId: foreign });
    // It ends here; by now absence counts at once.
    await service.turn(650, 650);
    expect((await jobNow(services, id)).status).toBe('RUNNING');
    emulator.faults.add({ operation: 'list', effect: { kind: 'drop' } });
    await service.turn(650, 650);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'UNKNOWN',
      providerJobId: null,
      providerStatus: null,
      raw: null,
      submittedAt: null,
      inProgressAt: null,
      expiresAt: null,
      resultsExpireAt: null,
      providerTotal: null,
      evidence: { notOurs: [foreign] },
    });
    expect(await batchNow(services, id)).toMatchObject({
      submitted: 2,
      submittedAt: null,
      expiresAt: null,
      inputTokens: null,
    });
    await service.turn(5, 5);
    const { nonce, providerJobId } = await jobNow(services, id);
    expect((await ourBatches(nonce)).map((batch) => batch.id)).toEqual([providerJobId]);
    await service.turn(1600, 400);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(callsOf(emulator.calls, 'cancel')).toBe(0);
  });
});

describe('Two batches that fit one lost submission', () => {
  it('are told apart by their results: ours is collected, the other is left alone, nothing is sent again', async () => {
    const creates = callsOf(emulator.calls, 'create');
    lose('accept-and-drop');
    emulator.faults.add({ operation: 'list', effect: { kind: 'drop' } });
    const { id } = await submit();
    await service.work();
    const foreign = await makeForeign();
    const { nonce, dueAt } = await jobNow(services, id);
    await workAt(service, dueAt);
    const undecided = await jobNow(services, id);
    expect(undecided).toMatchObject({ status: 'UNKNOWN', providerJobId: null });
    expect(undecided.evidence?.['sightings']).toHaveLength(2);
    await service.turn(2400, 300);
    const [made, ...others] = await ourBatches(nonce);
    expect(others).toEqual([]);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'COMPLETED',
      providerJobId: made?.id,
      evidence: { notOurs: [foreign] },
    });
    // Whoever owns the batch is not told which other one fitted: it may be another organization's.
    const { data } = await service.query(
      'query($id: ID!) { batch(id: $id) { jobs { edges { node { evidence } } } } }',
      { id },
      key,
    );
    const [{ evidence }] = data.batch.jobs.edges.map(({ node }: { node: unknown }) => node);
    expect(evidence).toMatchObject({ notOurs: 1, sightings: [{ id: made?.id }] });
    expect(JSON.stringify(evidence)).not.toContain(foreign);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect((await itemsNow(services, id)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
    // One by us, and one by the somebody else.
    expect(callsOf(emulator.calls, 'create') - creates).toBe(2);
  });

  it('stay undecided as long as they run: nobody is asked, nothing is adopted, nothing is sent', async () => {
    lose('drop');
    const { id } = await submit();
    await service.work();
    const foreign = [await makeForeign('one emulate:stuck'), await makeForeign('another emulate:stuck')];
    const creates = callsOf(emulator.calls, 'create');
    await service.turn(3 * graceSeconds, 360);
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ status: 'UNKNOWN', providerJobId: null, dueAt: expect.any(Date) });
    expect(job.evidence?.['sightings']).toEqual(
      foreign.toReversed().map((found) => expect.objectContaining({ id: found })),
    );
    expect(callsOf(emulator.calls, 'create')).toBe(creates);
  });
});

describe('Two lost submissions that one batch fits', () => {
  const sentWith = (batchId: string, credential: string) =>
    services.db.read((q) =>
      q.execute(sql`update jobs set credential = ${credential} where batch_id = ${batchId}`),
    );

  it('end with one batch each: the second is not called absent while the first may hold its batch', async () => {
    lose('drop');
    const absent = await submit();
    await service.work();
    const { status, dueAt, credential } = await jobNow(services, absent.id);
    expect(status).toBe('UNKNOWN');
    service.clock.advance({ seconds: 29.5 });
    lose('accept-and-drop');
    emulator.faults.add({ operation: 'list', effect: { kind: 'drop' } });
    // Of one credential the second would wait for the first; an account may have several.
    await sentWith(absent.id, 'another key of the account');
    const made = await submit();
    await service.work();
    await sentWith(absent.id, credential);
    const { nonce } = await jobNow(services, made.id);
    const [ours] = await ourBatches(nonce);
    // The search for the first comes before the second's own, and holds what it finds until that ends.
    await workAt(service, dueAt);
    expect((await jobNow(services, absent.id)).providerJobId).toBe(ours?.id);
    expect(await jobNow(services, made.id)).toMatchObject({ status: 'UNKNOWN', providerJobId: null });
    await service.turn(4800, 400);
    expect(await ourBatches(nonce)).toHaveLength(1);
    expect((await jobNow(services, made.id)).providerJobId).toBe(ours?.id);
    for (const { id } of [absent, made]) {
      expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    }
    expect(await ourBatches((await jobNow(services, absent.id)).nonce)).toHaveLength(1);
  });
});
