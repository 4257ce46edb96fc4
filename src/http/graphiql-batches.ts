/** Which of the sandbox's batches the example operations are about, so that each works as it stands. */
import { batchPage } from '../db/queries/batch-pages.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { scopeOf } from '../domain/scope.ts';
import { batchStatuses, isTerminalBatch } from '../domain/status.ts';
import { signIn } from '../sign-in.ts';
import type { ApiOptions } from './graphql.ts';

/** Ids of batches; null where there is none of the kind. */
export interface ExampleBatches {
  /** The newest that was submitted, else the newest. */
  readonly sent: string | null;
  /** The newest open one with requests, which waits to be submitted by hand. */
  readonly open: string | null;
  /** The newest that is over and of which some requests have no answer. */
  readonly failed: string | null;
  /** The newest that is over and has a callback URL. */
  readonly told: string | null;
  /** The oldest that may be deleted, other than those that another tab sends. */
  readonly spare: string | null;
}

/** How far back an example is looked for. */
const batchesMax = 50;

/** Looks for them with the sandbox's key; null where there is none, so outside of the sandbox nothing is read. */
export async function exampleBatches({
  services,
  sandbox,
  sandboxKey,
}: ApiOptions): Promise<ExampleBatches | null> {
  const key = await signIn(services, { 'x-api-key': sandboxKey }, sandbox);
  if (key === null) return null;
  const scope = scopeOf(key);
  const page = (order: 'ascending' | 'descending', status: BatchRow['status'][]) =>
    services.db.read((q) => batchPage(scope, q, { status }, { limit: batchesMax, order, beyond: null }));

  const [sent] = await page(
    'descending',
    batchStatuses.filter((status) => status !== 'ACCUMULATING'),
  );
  const over = await page('descending', batchStatuses.filter(isTerminalBatch));
  const failed = over.find(({ errored, expired, cancelled }) => errored + expired + cancelled > 0);
  const opens = await page('descending', ['ACCUMULATING']);
  const open = opens.find(({ total, submitMode }) => total > 0 && submitMode === 'MANUAL');
  const idle = await page('ascending', ['ACCUMULATING', ...batchStatuses.filter(isTerminalBatch)]);
  return {
    sent: (sent ?? opens[0])?.id ?? null,
    open: open?.id ?? null,
    failed: failed?.id ?? null,
    told: over.find(({ callbackUrl }) => callbackUrl !== null)?.id ?? null,
    spare: idle.find(({ id }) => id !== open?.id && id !== failed?.id)?.id ?? null,
  };
}
