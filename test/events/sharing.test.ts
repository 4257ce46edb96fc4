/** Many subscribers of the same operation: one reading, one execution, and nobody gets what is another's. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { expectToldExactly, heavyDocument, heavyMetadata } from '../support/live.ts';
import { mutate } from '../support/mutations.ts';
import { rawTransports } from '../support/raw-subscribers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { type Subscriber, transports } from '../support/subscribers.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
});
beforeEach(async () => {
  ({ key, scope } = await service.addOrganization('watched'));
});
afterAll(() => service.close());

const query = `subscription($id: ID!, $after: Int) { batchUpdated(id: $id, after: $after) {
  fromSeq seq kind kinds resync batch { status name version jobs(first: 1) { totalCount } } } }`;
const feedQuery =
  'subscription { batchesUpdated { seq cursor batch { name jobs(first: 1) { totalCount } } } }';

const openBatch = () => makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
const rename = (id: string, name: string) => verbs.updateBatch(services, scope, id, { name });
const statements = (part: string) => service.statements.filter((text) => text.includes(part)).length;
/** How often a batch was read for followers, and how often a selection with jobs was executed. */
const done = () => ({
  readings: statements('as k(id, after)'),
  executions: statements('count(*)::int from "jobs"'),
});

/** Ten subscribers over each transport. */
const crowd = (request: { query: string; variables?: Record<string, unknown>; key?: string }): Subscriber[] =>
  Object.values(transports).flatMap((subscribe) =>
    Array.from({ length: 10 }, () => subscribe({ url: service.url, key, ...request })),
  );
const named = (subscribers: readonly Subscriber[], field: string, name: string) =>
  Promise.all(subscribers.map((each) => each.waitFor((data) => data[field].batch?.name === name)));
const stopped = (subscribers: readonly Subscriber[]) =>
  Promise.all(subscribers.map((subscriber) => subscriber.stop()));

describe('A change that twenty subscribers are told over both transports', () => {
  it('of a batch is read once and executed once', async () => {
    const { id } = await openBatch();
    const subscribers = crowd({ query, variables: { id } });
    await Promise.all(subscribers.map((each) => each.waitFor(() => true)));
    for (const name of ['first', 'second']) {
      service.statements.length = 0;
      await rename(id, name);
      const told = await named(subscribers, 'batchUpdated', name);
      expect(done()).toEqual({ readings: 1, executions: 1 });
      for (const one of told) expect(one).toEqual(told[0]);
    }
    await stopped(subscribers);
  });

  it('of an organization is read once and executed once, and its cursor leads to the same place for all', async () => {
    const subscribers = crowd({ query: feedQuery });
    await expect.poll(() => services.hub.size, { timeout: 20_000 }).toBe(subscribers.length);
    const { id } = await openBatch();
    await rename(id, 'joined');
    await named(subscribers, 'batchesUpdated', 'joined');
    service.statements.length = 0;
    await rename(id, 'shared');
    const told = await named(subscribers, 'batchesUpdated', 'shared');
    expect(done()).toEqual({ readings: 1, executions: 1 });
    for (const one of told) expect(one).toEqual(told[0]);
    await stopped(subscribers);
  });

  it('is shared by those who resumed from different numbers, once they have caught up', async () => {
    const { id } = await openBatch();
    for (let count = 0; count < 4; count += 1) await rename(id, `name ${count}`);
    const subscribers = [1, 2, 3, 4].map((after) =>
      transports.WebSocket({ url: service.url, key, query, variables: { id, after } }),
    );
    const caughtUp = await named(subscribers, 'batchUpdated', 'name 3');
    expect(caughtUp.map(({ batchUpdated }) => batchUpdated.fromSeq)).toEqual([2, 3, 4, 5]);
    service.statements.length = 0;
    await rename(id, 'for all');
    await named(subscribers, 'batchUpdated', 'for all');
    expect(done()).toEqual({ readings: 1, executions: 1 });
    await verbs.cancelBatch(services, scope, id);
    await Promise.all(subscribers.map((each) => each.done));
    for (const { messages } of subscribers) expect(messages.at(-1)).toEqual(subscribers[0]?.messages.at(-1));
  });

  it('goes on for the others when the key of one of them is taken back, who gets no more', async () => {
    const { id } = await openBatch();
    const { key: revoked, apiKey } = await mutate(
      service,
      'createApiKey',
      { name: 'page', scope: 'ADMIN' },
      { key },
    );
    const staying = crowd({ query, variables: { id } });
    const leaving = transports.SSE({ url: service.url, key: revoked, query, variables: { id } });
    await Promise.all([leaving, ...staying].map((each) => each.waitFor(() => true)));
    await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id }, { key });
    await leaving.done;
    await rename(id, 'after its end');
    await named(staying, 'batchUpdated', 'after its end');
    expect(leaving.messages).toHaveLength(2);
    expect(leaving.messages[1].errors[0].extensions.code).toBe('UNAUTHENTICATED');
    await stopped(staying);
  });
});

it('two organizations that follow their feeds with the same operation are each told of their own batches alone', async () => {
  const other = await service.addOrganization('other');
  const ours = crowd({ query: feedQuery });
  const theirs = crowd({ query: feedQuery, key: other.key });
  await expect.poll(() => services.hub.size, { timeout: 20_000 }).toBe(ours.length + theirs.length);
  const made = (of: OrganizationScope, name: string) =>
    verbs.createBatch(services, of, { provider: 'openai', name, requests: null, submit: { kind: 'MANUAL' } });
  await Promise.all([made(scope, 'ours'), made(other.scope, 'theirs')]);
  await Promise.all([named(ours, 'batchesUpdated', 'ours'), named(theirs, 'batchesUpdated', 'theirs')]);
  const names = (subscribers: readonly Subscriber[]) =>
    new Set(
      subscribers.flatMap(({ messages }) => messages.map(({ data }) => data.batchesUpdated.batch.name)),
    );
  expect([names(ours), names(theirs)]).toEqual([new Set(['ours']), new Set(['theirs'])]);
  await stopped([...ours, ...theirs]);
});

it('a token that opens one batch is told of that one alone, beside keys that follow the same feed', async () => {
  const { id: shown, organizationId } = await openBatch();
  const { id: hidden } = await openBatch();
  const { token } = await mutate(service, 'createReadToken', { batches: { ids: [shown] } }, { key });
  const byKey = crowd({ query: feedQuery });
  const byToken = crowd({ query: feedQuery, key: token });
  await expect.poll(() => services.hub.size, { timeout: 20_000 }).toBe(byKey.length + byToken.length);
  await rename(hidden, 'hidden');
  await rename(shown, 'shown');
  await named(byKey, 'batchesUpdated', 'shown');
  await named(byToken, 'batchesUpdated', 'shown');
  services.hub.announce({ organizationId, batchId: hidden });
  for (const { messages } of byToken) {
    expect(messages.map(({ data }) => data.batchesUpdated.batch.name)).toEqual(['shown']);
  }
  await stopped([...byKey, ...byToken]);
});

it('what is signed in the name of a key is for its own subscribers alone', async () => {
  const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
  const { key: another } = await mutate(service, 'createApiKey', { name: 'page', scope: 'ADMIN' }, { key });
  const linkQuery = `subscription($id: ID!) { batchUpdated(id: $id) {
    batch { name inputUrl(expiresInSeconds: 60) jobs(first: 1) { totalCount } } } }`;
  const groups = [key, another].map((each) => crowd({ query: linkQuery, variables: { id }, key: each }));
  await Promise.all(groups.flat().map((each) => each.waitFor(() => true)));
  service.statements.length = 0;
  await rename(id, 'linked');
  const links = await Promise.all(
    groups.map(async (group) => {
      const told = await named(group, 'batchUpdated', 'linked');
      return new Set(told.map(({ batchUpdated }) => batchUpdated.batch.inputUrl));
    }),
  );
  expect(done()).toEqual({ readings: 1, executions: 2 });
  const [[ours], [theirs]] = links.map((set) => [...set]) as [string[], string[]];
  expect(links.map(({ size }) => size)).toEqual([1, 1]);
  expect(ours).not.toBe(theirs);
  await stopped(groups.flat());
});

it('a subscriber that does not read holds up nobody, and is told the rest as one change by a reading of its own', async () => {
  const { id } = await openBatch();
  await verbs.updateBatch(services, scope, id, { metadata: heavyMetadata });
  const slow = rawTransports.WebSocket({ url: service.url, key, query: heavyDocument, variables: { id } });
  await slow.received(1);
  slow.pause();
  const others = crowd({ query, variables: { id } });
  for (let count = 0; count < 10; count += 1) {
    await rename(id, `name ${count}`);
    await named(others, 'batchUpdated', `name ${count}`);
  }
  slow.resume();
  await verbs.cancelBatch(services, scope, id);
  await Promise.all([slow.completed, ...others.map((each) => each.done)]);
  for (const { messages } of [slow, ...others]) {
    await expectToldExactly(
      service,
      id,
      messages.map(({ data }) => data.batchUpdated),
    );
  }
  expect(slow.messages.length).toBeLessThan(8);
  slow.destroy();
});

it('changes that come faster than subscribers are told reach them merged, with the last state in the end', async () => {
  const paced = await startTestService({ EVENTS_PER_SECOND_MAX: '4' });
  const { scope: itsScope, key: itsKey } = await paced.addOrganization('paced');
  const its = paced.app.services;
  const { id } = await makeBatch(its, itsScope, { submit: { kind: 'MANUAL' } });
  const subscriber = transports.WebSocket({ url: paced.url, key: itsKey, query, variables: { id } });
  await subscriber.waitFor(() => true);
  for (let count = 0; count < 200; count += 1)
    await verbs.updateBatch(its, itsScope, id, { name: `name ${count}` });
  await verbs.cancelBatch(its, itsScope, id);
  await subscriber.done;
  const told = subscriber.messages.map(({ data }) => data.batchUpdated);
  await expectToldExactly(paced, id, told);
  expect(told.length).toBeLessThan(100);
  await paced.close();
});
