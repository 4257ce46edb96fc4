/** Wakes who waits for room at a provider when jobs leave it; whose turn it then is, is `turn.ts`. */
import type { Queryable } from '../db/client.ts';
import { endSomeWait, mayBeThere } from '../db/queries/turns.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { workerScope } from '../domain/scope.ts';
import type { JobStatus } from '../domain/status.ts';
import { taskFor } from './work.ts';

/** Wakes who may have waited for the room that jobs have left, in the transaction in which they end. */
export async function passRoom(
  tx: Queryable,
  changes: readonly { readonly before: JobRow; readonly after: JobStatus }[],
  now: Date,
): Promise<void> {
  const left = changes.filter(({ before, after }) => mayBeThere(before.status) && !mayBeThere(after));
  const takers = new Map(left.map(({ before }) => [`${before.provider} ${before.credential}`, before]));
  for (const taker of takers.values()) {
    await endSomeWait(workerScope, tx, taker, { now, task: taskFor.submit });
  }
}
