/**
 * Whose turn it is to be sent with a credential. Where a provider shows no key of ours, a batch whose answer was lost can
 * only be told by its time and the number of its requests, so that one job is sent at a time, and none while another
 * with as many requests is looked for. Where a provider has only so much room, a job waits until it fits. Those that
 * wait come by turns over organizations. Owned here: the rule. Holding it against others who ask at the same time, and
 * waking who waits, are left to `batches/turn.ts`.
 */
import { type JobWait, roomWait, turnWait } from './job-wait.ts';
import { Room, type RoomLimit, type RoomTaken, type RoomUsed } from './queue-room.ts';
import { absenceCountsAt, type SendingTimes } from './recovery.ts';

/** A job that may be at its provider without our knowing: being sent (or its sender is dead), or looked for. */
export interface JobInFlight {
  readonly status: 'PENDING' | 'UNKNOWN';
  readonly requestCount: number;
  readonly sendBefore: Date;
}

/** A job that waits to be sent. */
export interface WaitingJob extends RoomTaken {
  readonly id: string;
  /** When it asks again. */
  readonly dueAt: Date;
}

/** What the turns of a credential's jobs depend on. */
export interface Queue {
  /** Itself left out. */
  readonly inFlight: readonly JobInFlight[];
  /** Everything that is at the provider or may be, itself left out. */
  readonly there: readonly RoomUsed[];
  /** Those that come before it. */
  readonly waiting: readonly WaitingJob[];
}

/** What is so at the provider. */
export interface TurnRules {
  /** Null where jobs need not be sent one at a time. */
  readonly oneAtATime: SendingTimes | null;
  readonly limits: readonly RoomLimit[];
}

/** It may be sent now; or it asks again in `seconds`, and those in `before` are to be sent before it. */
export type Turn =
  | { readonly turn: 'now' }
  | {
      readonly turn: 'later';
      readonly seconds: number;
      readonly before: readonly string[];
      readonly wait: JobWait;
    };

/** The pause of the first that waits, what each before it adds, and the longest. Who can go is woken besides. */
const pauseSeconds = { first: 5, each: 2, longest: 300 };

/**
 * Whether it is the turn of a job. Nobody waits for one that is before it and waits for a lost one itself; the room that
 * one before it waits for is kept for that one. A lost job is in the way as long as it may still come to show and no
 * longer, so that one that waits for a person stops nobody; and one that waits is only as long as it keeps asking.
 */
export function turnOf(job: RoomTaken, queue: Queue, rules: TurnRules, now: Date): Turn {
  const soon = now.getTime() + pauseSeconds.longest * 1000;
  const asking = queue.waiting.filter(({ dueAt }) => dueAt.getTime() <= soon);
  const { before, room, isFree } = lookThrough({ ...queue, waiting: asking }, rules, now);
  const isFirst = rules.oneAtATime === null || before.length === 0;
  const lack = room.lackFor(job);
  if (isFree(job) && isFirst && lack === null) return { turn: 'now' };
  const seconds = pauseSeconds.first + pauseSeconds.each * queue.waiting.length;
  const ahead = asking.length;
  return {
    turn: 'later',
    seconds: Math.min(seconds, pauseSeconds.longest),
    before,
    wait: isFree(job) && lack !== null ? roomWait(lack, ahead) : turnWait(ahead),
  };
}

/** Those that wait and can be sent now; where they are sent one at a time, the first of them. */
export const nextInTurn = (queue: Queue, rules: TurnRules, now: Date): readonly string[] =>
  lookThrough(queue, rules, now).before;

/** Goes through those that wait, in their order: who can be sent now, and the room as it is then left. */
function lookThrough({ inFlight, there, waiting }: Queue, { oneAtATime, limits }: TurnRules, now: Date) {
  const flying = oneAtATime === null ? [] : stillInFlight(inFlight, now, oneAtATime);
  const isFree = ({ requestCount }: RoomTaken) =>
    flying.every((job) => job.status === 'UNKNOWN' && job.requestCount !== requestCount);
  const room = new Room(limits, there);
  const before: string[] = [];
  for (const job of waiting) {
    if (!isFree(job) || (oneAtATime !== null && before.length > 0)) continue;
    const lack = room.lackFor(job);
    if (lack !== null) room.keepFor(lack);
    else {
      room.take(job);
      before.push(job.id);
    }
  }
  return { before, room, isFree };
}

const stillInFlight = (jobs: readonly JobInFlight[], now: Date, times: SendingTimes): JobInFlight[] =>
  jobs.filter(({ sendBefore }) => absenceCountsAt({ sendBefore, ...times }) > now);

/** A job that waits, with what its place depends on. */
export interface PlacedJob extends WaitingJob {
  readonly organizationId: string;
  /** How many of its organization's that wait are older, counted from 0. */
  readonly place: number;
  readonly createdAt: Date;
}

/** What an organization has had of a credential. */
export interface Served {
  /** How many of its jobs are at the provider. */
  readonly jobs: number;
  /** When its last one was sent; null where none was. */
  readonly sentAt: Date | null;
}

/**
 * Those that wait by turns over organizations: whoever has fewer jobs at the provider and before this one comes first;
 * of those that are alike, whoever was served longer ago, and then the older one. So an organization that has sent many
 * comes after one that has sent none.
 */
export function byTurns<Job extends PlacedJob>(
  waiting: readonly Job[],
  served: ReadonlyMap<string, Served>,
): Job[] {
  const turn = ({ organizationId, place }: Job) => (served.get(organizationId)?.jobs ?? 0) + place;
  const last = ({ organizationId }: Job) => served.get(organizationId)?.sentAt?.getTime() ?? 0;
  return waiting.toSorted(
    (one, other) =>
      turn(one) - turn(other) ||
      last(one) - last(other) ||
      one.createdAt.getTime() - other.createdAt.getTime(),
  );
}
