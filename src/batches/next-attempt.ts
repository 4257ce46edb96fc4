/**
 * The next attempt of a batch: the failed requests that a caller or the batch's policy tries again, and the change that
 * this makes. Attempts count rounds of the batch, so a request that is left out of one has no attempt of that number.
 */
import type { Queryable } from '../db/client.ts';
import { countFailed, failedMeasures, type ReopenedCounts } from '../db/queries/retries.ts';
import type { Decimal } from '../domain/decimal.ts';
import type { RetrySelection } from '../domain/retry.ts';
import type { Scope } from '../domain/scope.ts';
import type { PlannedJob } from '../domain/splitting.ts';
import type { Services } from '../services.ts';
import type { BatchChange } from './batch-change.ts';
import { type MeasureReadings, measuresPerReading, type Sender, toJobs } from './plan-jobs.ts';
import type { LockedBatch } from './transition.ts';

/** The failed requests that are meant, in readings; `among` narrows them to these positions. */
export async function* failedReadings(
  scope: Scope,
  tx: Queryable,
  batchId: string,
  selection: RetrySelection,
  among: readonly number[] | null,
): MeasureReadings {
  let after = -1;
  for (;;) {
    const page = { among, after, limit: measuresPerReading };
    const items = await failedMeasures(scope, tx, batchId, selection, page);
    const last = items.at(-1);
    if (last === undefined) return;
    yield items;
    if (items.length < measuresPerReading) return;
    after = last.position;
  }
}

/** What becomes the next attempt: jobs for requests that all failed, sent at `dueAt`. */
export interface AttemptPlan {
  readonly sender: Sender;
  readonly planned: readonly PlannedJob[];
  readonly dueAt: Date;
  /** The most that it is thought to cost; null where nobody can tell. */
  readonly estimated: Decimal | null;
}

/** The change that begins it. */
export async function nextAttempt(
  services: Pick<Services, 'clock'>,
  scope: Scope,
  tx: Queryable,
  { batch, jobs, seq, now }: LockedBatch,
  { sender, planned, dueAt, estimated }: AttemptPlan,
): Promise<BatchChange & { readonly reopened: ReopenedCounts }> {
  const reopened = { errored: 0, expired: 0, cancelled: 0 };
  for (const { positions } of planned) {
    const counts = await countFailed(scope, tx, batch.id, positions.toMultirange());
    reopened.errored += counts.errored;
    reopened.expired += counts.expired;
    reopened.cancelled += counts.cancelled;
  }
  const attempt = batch.attempts + 1;
  const number = (jobs.at(-1)?.number ?? 0) + 1;
  return {
    event: 'BATCH_RETRIED',
    data: {
      attempt,
      jobs: planned.length,
      requests: reopened.errored + reopened.expired + reopened.cancelled,
    },
    newJobs: toJobs(services, batch, sender, planned, { number, attempt, seq, now, dueAt }),
    reopened,
    reserve: estimated,
  };
}
