/** Subscribers that come and go by the thousand, in every way in which they do. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { type RawSubscriber, rawTransports } from '../support/raw-subscribers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ key, scope } = await service.addOrganization('crowd'));
});
afterAll(() => service.close());

const query = 'subscription($id: ID!) { batchUpdated(id: $id) { seq batch { name } } }';
const rounds = 12;
const perTransport = 50;

/** What keeps a process busy or alive, by kind. */
function resources(): Record<string, number> {
  const kinds = Object.groupBy(process.getActiveResourcesInfo(), (kind) => kind);
  return Object.fromEntries(['TCPSocketWrap', 'Timeout'].map((kind) => [kind, kinds[kind]?.length ?? 0]));
}

it('more than a thousand subscribers that come, are told and go leave no follower, connection or timer behind', async () => {
  const { id } = await makeBatch(service.app.services, scope, { submit: { kind: 'MANUAL' } });
  const round = async (name: string) => {
    const request = { url: service.url, key, query, variables: { id } };
    const subscribers: RawSubscriber[] = Object.values(rawTransports).flatMap((subscribe) =>
      Array.from({ length: perTransport }, () => subscribe(request)),
    );
    // Every third goes before it is told anything.
    const early = subscribers.filter((_each, at) => at % 3 === 0);
    for (const each of early) each.destroy();
    const staying = subscribers.filter((each) => !early.includes(each));
    await Promise.all(staying.map((each) => each.received(1)));
    await verbs.updateBatch(service.app.services, scope, id, { name });
    // And every other of the rest while it is told.
    for (const [at, each] of staying.entries()) if (at % 2 === 0) each.destroy();
    await Promise.all(staying.filter((_each, at) => at % 2 === 1).map((each) => each.received(2)));
    for (const each of staying) each.destroy();
    await Promise.all(subscribers.map(({ closed }) => closed));
    await expect.poll(() => service.app.services.hub.isEmpty, { timeout: 20_000 }).toBe(true);
  };
  // The first makes what is kept: connections of the pool, and what is loaded late.
  await round('warm');
  await expect.poll(() => resources()['TCPSocketWrap'], { timeout: 20_000 }).toBeLessThan(40);
  const before = resources();
  for (let at = 0; at < rounds; at += 1) await round(`round ${at}`);
  await expect
    .poll(() => Object.entries(resources()).filter(([kind, count]) => count > (before[kind] ?? 0) + 5), {
      timeout: 20_000,
    })
    .toEqual([]);
});
