/**
 * Changes of a job by the worker that holds it: made on the row as it now is, guarded by the lease's epoch, told
 * with the job's number. A change that would end the batch may begin its next attempt instead. Also when to try again after a provider's failure.
 */
import type { Queryable } from '../db/client.ts';
import type { JobPatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { EventKind } from '../domain/event.ts';
import type { JsonObject } from '../domain/json-line.ts';
import { backoff } from '../domain/polling.ts';
import { workerScope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import type { ProviderFailure } from '../providers/failure.ts';
import type { Services } from '../services.ts';
import type { BatchChange } from './batch-change.ts';
import { retriedByPolicy } from './retry-by-policy.ts';
import { storableText } from './storable-text.ts';
import { LeaseLostError, transition } from './transition.ts';

/** What is to be written onto a held job. */
export interface HeldJobChange {
  /** Null for what nobody could see. */
  readonly event: EventKind | null;
  readonly data?: JsonObject;
  readonly set: JobPatch;
  readonly settled?: NonNullable<BatchChange['settled']>;
}

/** The moment of a change: our time, the number it is told by, the transaction it is made in. */
export interface Moment {
  readonly now: Date;
  readonly seq: number;
  readonly tx: Queryable;
}

/**
 * Lets `decide` change the held job in one transaction; null changes nothing. Throws `LeaseLostError` where
 * another worker holds it now.
 */
export async function changeHeldJob(
  services: Pick<Services, 'db' | 'clock' | 'settings' | 'origin' | 'prices' | 'providers'>,
  held: JobRow,
  decide: (current: JobRow, moment: Moment) => Promise<HeldJobChange | null> | HeldJobChange | null,
): Promise<void> {
  await services.db.transaction((tx) =>
    transition(services, workerScope, tx, held.batchId, async (locked) => {
      const { batch, jobs, now, seq: next } = locked;
      const current = jobs.find(({ id }) => id === held.id);
      // What another has made of it since is not for this worker to judge.
      if (current !== undefined && current.leaseEpoch !== held.leaseEpoch) throw new LeaseLostError();
      // Its end is the last that is told of a batch's course; what is left to do to a job then is our own affair.
      const ended = isTerminalBatch(batch.status);
      const seq = ended ? batch.version : next;
      const change = current === undefined ? null : await decide(current, { now, seq, tx });
      if (current === undefined || change === null) return null;
      const { event, data, set, settled } = change;
      return retriedByPolicy(services, tx, locked, {
        event: ended && event !== 'PROVIDER_FILES_DELETED' ? null : event,
        data: { job: held.number, ...data },
        jobs: [{ job: current, set, epoch: held.leaseEpoch }],
        ...(settled === undefined ? {} : { settled }),
      });
    }),
  );
}

const retryMinutesMax = 60;

/** A provider's word on when to come back, as far as it can be meant: an hour at the most. */
function boundedRetry(retryAt: Date | null, now: Date): Date | null {
  const latest = new Date(now.getTime() + retryMinutesMax * 60_000);
  // Also where it is no time at all.
  return retryAt === null || retryAt <= latest ? retryAt : latest;
}

/** Gives the job back, due again when `failure` allows, by growing pauses where it says nothing. */
export function tryAgainLater(current: JobRow, failure: ProviderFailure, now: Date): HeldJobChange {
  const failures = current.failures + 1;
  const pause = new Date(now.getTime() + backoff({ failures, random: Math.random() }) * 1000);
  const retryAt = boundedRetry(failure.retryAt, now);
  const errorCode = storableText(failure.code);
  return {
    event: 'JOB_DELAYED',
    data: { code: errorCode },
    set: {
      failures,
      dueAt: retryAt !== null && retryAt > pause ? retryAt : pause,
      leaseUntil: null,
      errorCode,
      errorMessage: storableText(failure.message),
      waitingFor: null,
    },
  };
}
