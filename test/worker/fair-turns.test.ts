/** Work is taken by turns over organizations: who has a thousand jobs does not hold up another's one. */
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { jobsDue } from '../../src/db/queries/jobs.ts';
import { takeLease } from '../../src/db/queries/leases.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { sweep } from '../../src/worker/sweep.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let large: OrganizationScope;
let small: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  large = (await service.addOrganization('large')).scope;
  small = (await service.addOrganization('small')).scope;
});
afterEach(() => service.turn(60, 10));
afterAll(() => service.close());

/** So many jobs of the organization, by their ids, each of a batch of its own. */
async function jobsOf(scope: OrganizationScope, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    // Told apart by their times.
    service.clock.advance({ seconds: 1 });
    const texts = scope === large ? ['one'] : ['one', 'two'];
    ids.push((await jobNow(services, (await makeBatch(services, scope, { texts })).id)).id);
  }
  return ids;
}

/** The jobs whose submission is queued, in the order in which workers take them. */
async function queued(): Promise<string[]> {
  const { rows } = await services.db.read((q) =>
    q.execute<{ id: string }>(sql`
      select j.payload ->> 'id' as id from graphile_worker._private_jobs j order by j.priority, j.run_at, j.id`),
  );
  return rows.map(({ id }) => id);
}
const take = (id: string) =>
  services.db.read((q) => takeLease(workerScope, q, id, { now: service.clock.now(), seconds: 30 }));

it('One job is sent after at most one of the twelve that another organization had waiting before it', async () => {
  await jobsOf(large, 12);
  await jobsOf(small, 1);
  await service.work();
  const sizes = (await service.emulator('openai').batches()).map(({ requestCount }) => requestCount);
  expect(sizes).toHaveLength(13);
  expect(sizes.indexOf(2)).toBeLessThanOrEqual(1);
});

it('Who has jobs in work already comes after those who have none', async () => {
  const [first = '', second = '', third = ''] = await jobsOf(large, 4);
  const [one = '', two = '', ...rest] = await jobsOf(small, 4);
  await take(first);
  await take(second);
  await sweep(services);
  const order = (await queued()).filter((id) => id !== first && id !== second);
  expect(order.slice(0, 3)).toEqual([one, two, third]);
  expect(order.slice(3)).toEqual(expect.arrayContaining(rest));
  await services.db.read((q) =>
    q.execute(sql`update jobs set lease_until = null where id in (${first}, ${second})`),
  );
});

it('A sweep that cannot look at everything looks at something of everybody', async () => {
  await jobsOf(large, 5);
  const [one] = await jobsOf(small, 1);
  const wanted = { stage: 'sending', now: service.clock.now() } as const;
  const due = await services.db.read((q) => jobsDue(workerScope, q, wanted, 2));
  expect(due.map(({ id }) => id)).toContain(one);
});

it('What has just come up is behind all whose turn is known, and ahead of none', async () => {
  const waiting = await jobsOf(large, 3);
  await sweep(services);
  const late = await jobsOf(large, 2);
  expect(await queued()).toEqual([...waiting, ...late]);
});
