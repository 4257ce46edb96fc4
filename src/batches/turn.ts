/**
 * Waiting one's turn. At a provider that shows no key of ours, jobs of one credential wait for each other across all
 * processes, so that a lost one can be told by its time and count; and at one that has only so much room, they wait
 * until there is some. Owned here: deciding it under a lock in the transaction of the intent, saying so on the job, and
 * waking who is next. The rule is `domain/turn.ts`.
 */
import { waitOn } from '../db/queries/leases.ts';
import { endWait, lockTurns, turnQueue } from '../db/queries/turns.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { waitCode, waitMessage } from '../domain/job-wait.ts';
import type { SendingTimes } from '../domain/recovery.ts';
import { workerScope } from '../domain/scope.ts';
import { nextInTurn, type TurnRules, turnOf } from '../domain/turn.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { HeldJobChange, Moment } from './held-job.ts';
import { roomLimits } from './room-limits.ts';
import { taskFor } from './work.ts';

/** How long a sending to this provider may take to show after its end. */
export const sendingTimes = (
  { settings }: Pick<Services, 'settings'>,
  { capabilities }: Provider,
): SendingTimes => ({
  requestTimeoutSeconds: settings.callSeconds,
  listDelaySeconds: capabilities.listDelaySeconds,
});

/** What decides about turns at this provider; null where nobody ever waits there. */
function rulesOf(services: Pick<Services, 'settings'>, provider: Provider): TurnRules | null {
  const oneAtATime =
    provider.capabilities.recovery === 'PROVISIONAL' ? sendingTimes(services, provider) : null;
  const limits = roomLimits(services, provider);
  return oneAtATime === null && limits.length === 0 ? null : { oneAtATime, limits };
}

/**
 * What becomes of a job that is about to be sent and has to wait; null where it may go. Said once: however often it asks
 * again, that is nobody's news.
 */
export async function waitingForTurn(
  services: Services,
  provider: Provider,
  job: JobRow,
  { now, tx }: Moment,
): Promise<HeldJobChange | null> {
  const rules = rulesOf(services, provider);
  if (rules === null) return null;
  await lockTurns(workerScope, tx, job);
  const turn = turnOf(job, await turnQueue(workerScope, tx, job, job), rules, now);
  if (turn.turn === 'now') return null;
  const [first] = turn.before;
  // Only one: the others are woken when it has gone, and two locks more could meet with somebody else's.
  if (first !== undefined) await endWait(workerScope, tx, first, { now, task: taskFor.submit });
  const errorCode = waitCode(turn.wait);
  return {
    event: job.errorCode === errorCode ? null : 'JOB_DELAYED',
    data: { code: errorCode },
    set: {
      credential: job.credential,
      waitingFor: turn.wait,
      errorCode,
      errorMessage: waitMessage(turn.wait),
      dueAt: pausedUntil(turn.seconds, now),
      leaseUntil: null,
    },
  };
}

/**
 * Whether a job that has said that it waits waits on; it is given back then. Asked without locks, so that thousands that
 * wait cost little: at worst one waits a little longer than it must, and what lets it go is decided under the lock.
 */
export async function waitsOn(services: Services, provider: Provider, job: JobRow): Promise<boolean> {
  const rules = rulesOf(services, provider);
  if (rules === null || job.waitingFor === null) return false;
  const now = services.clock.now();
  const queue = await services.db.read((q) => turnQueue(workerScope, q, job, job));
  const turn = turnOf(job, queue, rules, now);
  if (turn.turn === 'now' || waitCode(turn.wait) !== job.errorCode) return false;
  await wakeThese(services, turn.before, now);
  const wait = {
    epoch: job.leaseEpoch,
    dueAt: pausedUntil(turn.seconds, now),
    waitingFor: turn.wait,
    errorMessage: waitMessage(turn.wait),
  };
  await services.db.read((q) => waitOn(workerScope, q, job.id, wait));
  return true;
}

const pausedUntil = (seconds: number, now: Date): Date => new Date(now.getTime() + seconds * 1000);

/** Wakes who is next, now that `job` was sent or what became of it is known. One that is missed asks again by itself. */
export async function passTurn(services: Services, provider: Provider, job: JobRow): Promise<void> {
  const rules = rulesOf(services, provider);
  if (rules === null) return;
  const now = services.clock.now();
  try {
    const queue = await services.db.read((q) => turnQueue(workerScope, q, job, null));
    await wakeThese(services, nextInTurn(queue, rules, now), now);
  } catch (error) {
    // The job itself is written, and must not look as if its work had failed.
    services.log.warn(
      { jobId: job.id, err: error },
      'the next job could not be woken and will ask by itself',
    );
  }
}

/** Each by itself: one transaction around them would hold locks on all, in an order that is not that of others. */
async function wakeThese({ db }: Services, ids: readonly string[], now: Date): Promise<void> {
  for (const id of ids) {
    await db.transaction((tx) => endWait(workerScope, tx, id, { now, task: taskFor.submit }));
  }
}
