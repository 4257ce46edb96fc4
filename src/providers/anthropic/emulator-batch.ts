/**
 * What the emulated vendor keeps of a batch, and how it shows it: one status word for every end, and counts that
 * stay all in `processing` until then.
 */
import { tally } from '../emulator/endings.ts';
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { isOver, lifeAt, type WrittenLife } from '../emulator/life.ts';
import { type BatchRequest, paramsProblem } from './emulator-create.ts';

/** Results can be downloaded this long after the creation. */
const archivedAfterDays = 29;
/** When a batch says that it will expire. */
const expiresAfterHours = 24;

/**
 * The fates of a new batch. A request whose params are bad is errored. A batch cannot fail as a whole here, so
 * that one that is asked to fails in each of its requests.
 */
export function fatesOf(requests: readonly BatchRequest[], lines: readonly string[]): BatchFates {
  const { items, batch } = readFates(lines);
  const failed = batch.includes('job-failed');
  const errored = requests.flatMap(({ params }, position) =>
    failed || paramsProblem(params) !== null ? [[position, 'errored'] as const] : [],
  );
  return {
    items: { ...items, ...Object.fromEntries(errored) },
    batch: batch.filter((directive) => directive !== 'job-failed'),
  };
}

/** The vendor's batch object at `now`; absolute URLs in it begin with `origin`. */
export function batchObject(batch: WrittenLife, now: Date, origin: string) {
  const life = lifeAt(batch, now);
  const ended = isOver(life);
  const archivedAt = after(batch, archivedAfterDays * 24);
  return {
    id: batch.id,
    type: 'message_batch',
    processing_status: statusOf(batch, life.phase),
    request_counts: ended ? finalCounts(batch, now) : { ...noCounts, processing: batch.requestCount },
    created_at: timestamp(new Date(batch.createdAt)),
    expires_at: timestamp(after(batch, expiresAfterHours)),
    ended_at: life.endedAt && timestamp(life.endedAt),
    cancel_initiated_at: life.cancellingAt && timestamp(life.cancellingAt),
    archived_at: isArchived(batch, now) ? timestamp(archivedAt) : null,
    results_url: ended ? `${origin}/v1/messages/batches/${batch.id}/results` : null,
  };
}

/** Whether the results are gone. */
export const isArchived = (batch: WrittenLife, now: Date): boolean =>
  now >= after(batch, archivedAfterDays * 24);

/** A status that no client has heard of, for those who ask for it (`emulate:unknown-status`). */
const unknownStatus = 'daydreaming';

const statusOf = ({ fates }: WrittenLife, phase: ReturnType<typeof lifeAt>['phase']): string => {
  if (phase === 'running' && fates.batch.includes('unknown-status')) return unknownStatus;
  return statuses[phase];
};

const statuses = {
  validating: 'in_progress',
  running: 'in_progress',
  finalizing: 'in_progress',
  cancelling: 'canceling',
  completed: 'ended',
  failed: 'ended',
  expired: 'ended',
  cancelled: 'ended',
} as const satisfies Record<ReturnType<typeof lifeAt>['phase'], string>;

const noCounts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

const finalCounts = (batch: WrittenLife, now: Date): typeof noCounts => {
  const { succeeded, errored, overloaded, cancelled, expired } = tally(batch, now);
  return { processing: 0, succeeded, errored: errored + overloaded, canceled: cancelled, expired };
};

const after = ({ createdAt }: WrittenLife, hours: number): Date =>
  new Date(Date.parse(createdAt) + hours * 60 * 60 * 1000);

/** The vendor's times have six decimals. */
const timestamp = (time: Date): string => time.toISOString().replace('Z', '000Z');
