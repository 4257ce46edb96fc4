/** Budgets by the command line, beside a service that runs on the same database; and the demo of two organizations. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function orgBudget(...args: string[]) {
  const run = runBatchql(['org', 'budget', ...args], { DATABASE_URL: service.app.databaseUrl });
  return { code: await run.exit, output: run.output() };
}

it('A budget is set, shown and taken away; the service knows it at once, and who did it', async () => {
  const { key } = await service.addOrganization('Acme');
  const { code, output } = await orgBudget('Acme', '250.00');
  expect([code, output]).toEqual([0, expect.stringContaining('| real | 250 | 0 | 0 |')]);
  const { data } = await service.query(
    '{ viewer { budget { limit } organization { audit { edges { node { verb } } } } } }',
    {},
    key,
  );
  const { budget, organization } = data.viewer;
  expect([budget, organization.audit.edges]).toEqual([{ limit: '250' }, [{ node: { verb: 'setBudget' } }]]);
  expect((await orgBudget('Acme', 'none')).output).toContain('| emulated | no limit | 0 | 0 |');
  expect(await orgBudget('Acme', 'much')).toEqual({
    code: 1,
    output: 'The amount must be such as 250.00, or none.\n',
  });
});

it('The demo of two organizations says that one was refused and warned and the other was not, and ends well', async () => {
  const run = runBatchql(['demo', '--tenants']);
  expect(await run.exit, run.output()).toBe(0);
  const output = run.output();
  expect(output).toMatch(/^Careful: batch 3 is refused\. The budget for \d{4}-\d\d is /m);
  expect(output).not.toMatch(/^Busy: .* refused/m);
  expect(output).toContain('Careful was warned at ');
  expect(output).toContain('answers: Careful 120/120 | Busy 120/120');
  expect(output).toContain('Checked: what did not fit was refused');
});
