/**
 * How an emulated batch is doing at a given moment: the sum of its parts, each of which lives from the call that
 * added it. Pure.
 */
import { type EndedItem, endedItems, tally } from '../emulator/endings.ts';
import { finishOrder, isOver, lifeAt, type WrittenLife } from '../emulator/life.ts';
import type { KeptBatch, KeptPart } from './emulator-store.ts';
import type { Switches } from './emulator-switches.ts';

/** The vendor's counts. */
export interface State {
  readonly num_requests: number;
  readonly num_pending: number;
  readonly num_success: number;
  readonly num_error: number;
  readonly num_cancelled: number;
}

/** A request that is over: its position in the batch, and when it finished in milliseconds. */
export interface FinishedRequest extends EndedItem {
  readonly at: number;
}

/** Why and when the vendor cancelled the batch; null where it has not. */
export function rejection(batch: KeptBatch, now: Date): { message: string; at: Date } | null {
  for (const part of batch.parts) {
    if (!part.fates.batch.includes('job-failed')) continue;
    const { endedAt } = lifeAt(part, now);
    if (endedAt !== null) return { message: part.fault ?? 'This batch was asked to fail.', at: endedAt };
  }
  return null;
}

/** When the batch says that it expires: after its retention, or where it was asked to. */
export function expiryOf(batch: KeptBatch, { retention }: Switches): Date {
  const days = Number.parseInt(retention, 10);
  const asked = batch.parts.filter((part) => part.fates.batch.includes('job-expired')).map(plannedEnd);
  return new Date(Math.min(Date.parse(batch.createdAt) + days * dayMilliseconds, ...asked));
}

/** The counts at `now`. A batch that the vendor cancelled counts nothing, nor does one whose file is still being read. */
export function stateOf(batch: KeptBatch, now: Date, switches: Switches): State {
  const state = { num_requests: 0, num_pending: 0, num_success: 0, num_error: 0, num_cancelled: 0 };
  if (rejection(batch, now) !== null) return state;
  for (const part of batch.parts) {
    const life = lifeOf(batch, part);
    const { phase, finished } = lifeAt(life, now);
    if (phase === 'validating' && batch.inputFileId !== null) continue;
    const counts = tally(life, now);
    const unfinished = part.requestCount - finished;
    const isPending =
      phase !== 'cancelled' && !(phase === 'cancelling' && switches.cancelCounts === 'at-once');
    state.num_requests += part.requestCount;
    state.num_pending += isPending ? unfinished : 0;
    state.num_cancelled += isPending ? 0 : unfinished;
    state.num_success += counts.succeeded;
    // What has no turn before the end of its part is no error, though the kit counts it among the expired.
    state.num_error +=
      counts.errored + counts.overloaded + counts.expired - (phase === 'expired' ? unfinished : 0);
  }
  return state;
}

/** Whether nothing can change any more. */
export const isDone = (batch: KeptBatch, now: Date): boolean =>
  batch.parts.length > 0 && batch.parts.every((part) => isOver(lifeAt(lifeOf(batch, part), now)));

/** The requests that have a result at `now`, part by part. */
export function* finishedRequests(
  batch: KeptBatch,
  now: Date,
  { cancelCounts }: Switches,
): Generator<FinishedRequest> {
  if (rejection(batch, now) !== null) return;
  let first = 0;
  for (const part of batch.parts) {
    const life = lifeOf(batch, part);
    const { phase, finished, endedAt, cancellingAt } = lifeAt(life, now);
    let rank = 0;
    for (const item of endedItems(life, now)) {
      if (rank >= finished && phase === 'expired') break;
      const at = rank < finished ? finishTime(life, rank) : (endedAt ?? now).getTime();
      yield { ...item, position: first + item.position, at };
      rank += 1;
    }
    if (phase === 'cancelling' && cancelCounts === 'at-once') {
      for (const position of finishOrder(life).subarray(finished)) {
        const at = (cancellingAt ?? now).getTime();
        yield { position: first + position, ending: 'cancelled', trick: 'none', at };
      }
    }
    first += part.requestCount;
  }
}

const dayMilliseconds = 24 * 60 * 60 * 1000;

const lifeOf = ({ cancelRequestedAt }: KeptBatch, part: KeptPart): WrittenLife => ({
  ...part,
  cancelRequestedAt,
});

const plannedEnd = ({ createdAt, pace }: KeptPart): number =>
  Date.parse(createdAt) + (pace.validatingSeconds + pace.runningSeconds + pace.finalizingSeconds) * 1000;

/** When the request that finished as the `rank`th did so, at the even rate of its part. */
const finishTime = ({ createdAt, pace, requestCount }: WrittenLife, rank: number): number =>
  Date.parse(createdAt) + (pace.validatingSeconds + (pace.runningSeconds * (rank + 1)) / requestCount) * 1000;
