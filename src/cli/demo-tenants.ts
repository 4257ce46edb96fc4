/**
 * `batchql demo --tenants`: two organizations in one sandbox. One has a budget and runs into it; the other submits the
 * same at the same time and does not notice. Says what happens as it happens, and checks what it promises.
 */
import type { App } from '../app.ts';
import { plus, times } from '../domain/decimal.ts';
import { workerScope } from '../domain/scope.ts';
import { StartError } from '../errors.ts';
import { createApiKey } from '../keys/create-key.ts';
import { createOrganization } from '../keys/create-organization.ts';
import { connectClient, type DemoClient } from './demo-client.ts';
import { type BatchChange, batchUpdatedDocument } from './demo-documents.ts';
import { withDemoService } from './demo-service.ts';
import {
  type BudgetNow,
  budgetNowDocument,
  type Submitted,
  setBudgetDocument,
  submitDocument,
} from './demo-tenants-documents.ts';

const requestsEach = 40;
const batchesWanted = 3;
const batchesWithRoom = 2;
/** The sandbox answers soon, and is asked often. */
const settings = { SANDBOX_SECONDS: '4', POLL_FIRST_SECONDS: '1', POLL_MAX_SECONDS: '2' };

/** Runs it. Throws `StartError` where a check fails. */
export const demoTenants = (): Promise<void> =>
  withDemoService({ settings }, async (app) => {
    const tenants = [await joined(app, 'Careful'), await joined(app, 'Busy')] as const;
    try {
      await run(...tenants);
    } finally {
      for (const { client } of tenants) await client.close();
    }
  });

/** An organization, what it has asked for, and how far that is. */
interface Tenant {
  readonly name: string;
  readonly client: DemoClient;
  /** How many answers each of its batches has. */
  readonly answered: Map<string, number>;
  refused: number;
}

async function joined({ services, url }: App, name: string): Promise<Tenant> {
  const { id } = await createOrganization(services, name);
  const admin = { name: 'demo', scope: 'admin' } as const;
  const { key } = await createApiKey(services, workerScope, id, admin);
  return { name, client: connectClient(url, key), answered: new Map(), refused: 0 };
}

async function run(careful: Tenant, busy: Tenant): Promise<void> {
  const { createBatch: dry } = await careful.client.send<Submitted>(submitDocument, input(true));
  const most = dry.cost?.high ?? null;
  if (most === null) throw new StartError('The demo failed: nobody knows what its requests may cost.');
  const limit = times(most, String(batchesWithRoom));
  await careful.client.send(setBudgetDocument, { limit });
  console.log(
    `Two organizations share a service. A batch of ${requestsEach} requests may cost up to ${most} dollars.`,
  );
  console.log(
    `Careful may spend ${limit} a month, Busy as much as it likes. Each submits ${batchesWanted} batches.\n`,
  );

  const told = teller(careful, busy);
  const following: Promise<string>[] = [];
  for (let number = 1; number <= batchesWanted; number++) {
    for (const tenant of [careful, busy]) {
      const id = await submit(tenant, `batch ${number}`);
      if (id !== null) following.push(follow(tenant, id, told));
    }
  }
  const { viewer: held } = await careful.client.send<BudgetNow>(budgetNowDocument);
  console.log(
    held.budget.warnedAt === null
      ? ''
      : `Careful was warned at ${held.budget.warnedAt}: four fifths are used.\n`,
  );
  const ends = await Promise.all(following);

  const { viewer: after } = await careful.client.send<BudgetNow>(budgetNowDocument);
  console.log(
    `\nCareful has spent ${after.budget.spent} of ${limit}: answers cost less than the most, and what was held is free.`,
  );
  const again = await submit(careful, 'what was refused, again');
  if (again !== null) ends.push(await follow(careful, again, told));
  const { viewer: end } = await careful.client.send<BudgetNow>(budgetNowDocument);
  const { viewer: other } = await busy.client.send<BudgetNow>(budgetNowDocument);
  console.log(`\nIn the end Careful has spent ${end.budget.spent} of ${limit}, Busy ${other.budget.spent}.`);

  check(held.budget.warnedAt !== null, 'Careful was not warned');
  check(careful.refused === batchesWanted - batchesWithRoom, `Careful was refused ${careful.refused} times`);
  check(busy.refused === 0 && busy.answered.size === batchesWanted, 'Busy noticed something');
  check(
    ends.every((status) => status === 'COMPLETED'),
    `batches ended as ${ends.join(', ')}`,
  );
  check(plus(end.budget.spent, end.budget.remaining ?? '?') === limit, 'something is still held');
  console.log('Checked: what did not fit was refused before anything was sent, and only to whom it belongs.');
}

const input = (dryRun: boolean) => ({
  input: {
    provider: 'openai',
    submit: 'NOW',
    dryRun,
    requests: {
      list: Array.from({ length: requestsEach }, (_, index) => ({
        body: {
          model: 'gpt-5-mini',
          max_completion_tokens: 500,
          messages: [{ role: 'user', content: `Write one line about the number ${index + 1}.` }],
        },
      })),
    },
  },
});

/** The id of the new batch; null where it does not fit into the budget. */
async function submit(tenant: Tenant, what: string): Promise<string | null> {
  const { createBatch } = await tenant.client.send<Submitted>(submitDocument, input(false));
  const { __typename: answer, batch, message } = createBatch;
  if (answer === 'BudgetExceeded') {
    tenant.refused += 1;
    console.log(`${tenant.name}: ${what} is refused. ${message}`);
    return null;
  }
  if (batch === undefined) throw new StartError(message ?? 'The batch was not created.');
  console.log(`${tenant.name}: ${what} is on its way; ${batch.reserved} dollars are held for it.`);
  tenant.answered.set(batch.id, 0);
  return batch.id;
}

/** Follows a batch to its end, and answers how it ended. */
async function follow(tenant: Tenant, id: string, told: () => void): Promise<string> {
  let status = 'SUBMITTED';
  for await (const { batchUpdated } of tenant.client.follow<BatchChange>(batchUpdatedDocument, { id })) {
    ({ status } = batchUpdated.batch);
    tenant.answered.set(id, Math.round(batchUpdated.batch.progress * requestsEach));
    told();
  }
  return status;
}

/** Prints how far everybody is, whenever that has changed. */
function teller(...tenants: readonly Tenant[]): () => void {
  let last = '';
  return () => {
    const line = tenants
      .map(({ name, answered }) => {
        const sum = [...answered.values()].reduce((total, count) => total + count, 0);
        return `${name} ${sum}/${answered.size * requestsEach}`;
      })
      .join(' | ');
    if (line !== last) console.log(`answers: ${line}`);
    last = line;
  };
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new StartError(`The demo failed: ${otherwise}.`);
}
