/**
 * Where an emulated batch stands at a given moment. Pure: everything follows from what was written once (when it
 * was created, when cancelling was asked for, how many items it has, its pace, its fates) and from the clock, so
 * that no emulator needs a timer and a restart changes nothing.
 *
 * Left to the vendors' emulators: their words for the phases, and which counts they show when.
 */
import type { EmulatorPace } from '../emulation.ts';
import { createDice, seedOf } from './chance.ts';
import type { BatchFates } from './fate.ts';

/** A batch that is watched in a browser: quick enough to wait for, slow enough to see. */
export const defaultPace: EmulatorPace = {
  validatingSeconds: 1,
  runningSeconds: 20,
  finalizingSeconds: 1,
  cancellingSeconds: 1,
};

/** What is written down of a batch, as plain JSON. `cancelRequestedAt` is written at most once. */
export interface WrittenLife {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; null until cancelling is asked for. */
  readonly cancelRequestedAt: string | null;
  readonly requestCount: number;
  readonly pace: EmulatorPace;
  readonly fates: BatchFates;
}

/** The phases of a batch; the last four are its possible ends. */
export type Phase =
  | 'validating'
  | 'running'
  | 'finalizing'
  | 'cancelling'
  | 'completed'
  | 'failed'
  | 'expired'
  | 'cancelled';

/** A batch at one moment. Times are null where that phase was never reached. */
export interface Life {
  readonly phase: Phase;
  /** How many items are done: the first so many of `finishOrder`. Never falls. */
  readonly finished: number;
  readonly runningAt: Date | null;
  readonly finalizingAt: Date | null;
  readonly cancellingAt: Date | null;
  readonly endedAt: Date | null;
}

/**
 * The batch at `now`. Items finish at an even rate while it runs, and also while it cancels; cancelling takes
 * `cancellingSeconds`, and what has finished by then is kept. Asking to cancel a batch that is over does nothing.
 */
export function lifeAt(batch: WrittenLife, now: Date): Life {
  const plan = planOf(batch);
  const at = now.getTime();
  const asked =
    batch.cancelRequestedAt === null ? Number.POSITIVE_INFINITY : Date.parse(batch.cancelRequestedAt);
  const cancelling = asked < plan.ended && at >= asked;
  const cancelled = asked + batch.pace.cancellingSeconds * 1000;
  /** Until when the plan was followed; phases after it were never reached. */
  const followed = cancelling ? asked : at;
  const reached = (time: number): Date | null => (time <= followed ? new Date(time) : null);

  const phase = cancelling ? (at < cancelled ? 'cancelling' : 'cancelled') : phaseOf(plan, at);
  const runningAt = plan.end === 'failed' ? null : reached(plan.running);
  return {
    phase,
    finished: runningAt === null ? 0 : finishedAt(batch, plan, cancelling ? Math.min(at, cancelled) : at),
    runningAt,
    finalizingAt: plan.end === 'failed' ? null : reached(plan.finalizing),
    cancellingAt: cancelling ? new Date(asked) : null,
    endedAt: phase === 'cancelled' ? new Date(cancelled) : reached(plan.ended),
  };
}

/** Whether the batch is over. */
export const isOver = (life: Life): boolean => life.endedAt !== null;

/** The order in which a batch's items finish: all positions once, shuffled by the batch's id. */
export function finishOrder(batch: Pick<WrittenLife, 'id' | 'requestCount'>): Uint32Array {
  const order = Uint32Array.from({ length: batch.requestCount }, (_, position) => position);
  const throwDice = createDice(seedOf(batch.id));
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = throwDice(last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}

/** When each phase begins, in milliseconds, if nobody cancels; infinite where it is never reached. */
interface Plan {
  readonly running: number;
  readonly finalizing: number;
  readonly ended: number;
  readonly end: 'completed' | 'failed' | 'expired';
}

const planOf = ({ createdAt, pace, fates }: WrittenLife): Plan => {
  const running = Date.parse(createdAt) + pace.validatingSeconds * 1000;
  if (fates.batch.includes('job-failed'))
    return { running, finalizing: running, ended: running, end: 'failed' };
  const finalizing = fates.batch.includes('stuck')
    ? Number.POSITIVE_INFINITY
    : running + pace.runningSeconds * 1000;
  const end = fates.batch.includes('job-expired') ? 'expired' : 'completed';
  return { running, finalizing, ended: finalizing + pace.finalizingSeconds * 1000, end };
};

const phaseOf = (plan: Plan, at: number): Phase => {
  if (at < plan.running) return 'validating';
  if (at >= plan.ended) return plan.end;
  return at < plan.finalizing ? 'running' : 'finalizing';
};

const finishedAt = ({ requestCount, pace, fates }: WrittenLife, plan: Plan, at: number): number => {
  const half = fates.batch.includes('job-expired') || fates.batch.includes('stuck');
  const share = at >= plan.finalizing ? 1 : (at - plan.running) / (pace.runningSeconds * 1000);
  const finished = Math.min(requestCount, Math.floor(requestCount * share));
  return half ? Math.min(finished, Math.floor(requestCount / 2)) : finished;
};
