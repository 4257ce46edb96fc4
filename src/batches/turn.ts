/**
 * One at a time: jobs of one credential, at a provider that shows no key of ours, wait for each other across all
 * processes, so that a lost one can be told by its time and count. Owned here: deciding it under a lock in the
 * transaction of the intent, saying so on the job, and waking who is next. The rule is `domain/turn.ts`.
 */
import { endWait, lockTurns, turnQueue, waitingForTurnCode } from '../db/queries/turns.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { SendingTimes } from '../domain/recovery.ts';
import { workerScope } from '../domain/scope.ts';
import { nextInTurn, turnOf } from '../domain/turn.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { HeldJobChange, Moment } from './held-job.ts';
import { taskFor } from './work.ts';

/** How long a sending to this provider may take to show after its end. */
export const sendingTimes = (
  { settings }: Pick<Services, 'settings'>,
  { capabilities }: Provider,
): SendingTimes => ({
  requestTimeoutSeconds: settings.callSeconds,
  listDelaySeconds: capabilities.listDelaySeconds,
});

const takesTurns = ({ capabilities }: Provider): boolean => capabilities.recovery === 'PROVISIONAL';

/**
 * What becomes of a job that is about to be sent and has to wait for others of its credential; null where it may go.
 * Said once: however often it asks again, that is nobody's news.
 */
export async function waitingForTurn(
  services: Services,
  provider: Provider,
  job: JobRow,
  { now, tx }: Moment,
): Promise<HeldJobChange | null> {
  if (!takesTurns(provider)) return null;
  await lockTurns(workerScope, tx, job);
  const queue = await turnQueue(workerScope, tx, job, job);
  const turn = turnOf(job, queue, now, sendingTimes(services, provider));
  if (turn.turn === 'now') return null;
  if (turn.before !== null) await endWait(workerScope, tx, turn.before, { now, task: taskFor.submit });
  return {
    event: job.errorCode === waitingForTurnCode ? null : 'JOB_DELAYED',
    data: { code: waitingForTurnCode },
    set: {
      credential: job.credential,
      errorCode: waitingForTurnCode,
      errorMessage:
        'Its provider shows no key of ours, so that jobs of one credential are sent one after the other; it waits for its turn.',
      dueAt: new Date(now.getTime() + turn.seconds * 1000),
      leaseUntil: null,
    },
  };
}

/** Wakes who is next, now that `job` was sent or what became of it is known. One that is missed asks again by itself. */
export async function passTurn(services: Services, provider: Provider, job: JobRow): Promise<void> {
  if (!takesTurns(provider)) return;
  const now = services.clock.now();
  try {
    await services.db.transaction(async (tx) => {
      const queue = await turnQueue(workerScope, tx, job, null);
      const next = nextInTurn(queue, now, sendingTimes(services, provider));
      if (next !== null) await endWait(workerScope, tx, next, { now, task: taskFor.submit });
    });
  } catch (error) {
    // The job itself is written, and must not look as if its work had failed.
    services.log.warn(
      { jobId: job.id, err: error },
      'the next job could not be woken and will ask by itself',
    );
  }
}
