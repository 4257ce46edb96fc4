/** Plans and limits by the command line, beside a service that runs on the same database. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function batchql(...args: string[]) {
  const run = runBatchql(args, { DATABASE_URL: service.app.databaseUrl });
  return { code: await run.exit, output: run.output() };
}

it('A plan is made, an organization put on it, and granted more than the plan; the service holds it to that at once', async () => {
  const { key } = await service.addOrganization('Acme');
  expect(
    await batchql('plan', 'set', 'small', '--active-batches', '3', '--providers', 'openai,xai'),
  ).toMatchObject({
    code: 0,
  });
  expect((await batchql('plan', 'list')).output).toContain('| small |  |  | 3 |  | openai,xai |');
  const { code, output } = await batchql(
    'org',
    'limits',
    'Acme',
    '--plan',
    'small',
    '--waiting-requests',
    '7',
  );
  expect(code).toBe(0);
  expect(output).toContain('| plan | small |');
  expect(output).toContain('| active batches | 3 | 0 |');
  expect(output).toContain('| waiting requests per provider | 7 |');
  const { data } = await service.query(
    '{ viewer { organization { plan allowedProviders quotas { which limit } audit { edges { node { verb } } } } } }',
    {},
    key,
  );
  const { organization } = data.viewer;
  expect(organization).toMatchObject({ plan: 'small', allowedProviders: ['openai', 'xai'] });
  expect(organization.quotas).toContainEqual({ which: 'ACTIVE_BATCHES', limit: 3 });
  expect(organization.quotas).toContainEqual({ which: 'WAITING_REQUESTS', limit: 7 });
  expect(organization.audit.edges).toEqual([{ node: { verb: 'grantQuotas' } }]);

  const back = await batchql(
    'org',
    'limits',
    'Acme',
    '--waiting-requests',
    'plan',
    '--active-batches',
    'none',
  );
  expect(back.output).toContain('| active batches | no limit | 0 |');
  expect(back.output).toContain('| waiting requests per provider | no limit |');
});

it.each([
  [['org', 'limits', 'Nobody'], 'There is no organization Nobody'],
  [['plan', 'set', 'odd', '--active-batches', 'many'], 'activeBatches must be a whole number.'],
])('%j is refused', async (args, why) => {
  const { code, output } = await batchql(...args);
  expect(code).toBe(1);
  expect(output).toContain(why);
});
