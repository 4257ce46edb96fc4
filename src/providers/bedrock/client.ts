/**
 * The calls to Bedrock's batch inference: put the requests into S3, create a job of them, ask, stop, read the results
 * from S3. The job carries our key as its token and in its name, so that one whose answer was lost is found again for
 * certain.
 *
 * Owned here: what a repeated cancel means. Left to others: creating (`create.ts`), looking (`find.ts`), reading
 * (`results.ts`), the wire (`calls.ts`, `bucket.ts`), when to call (`batches/`).
 */

import { isFinalJob } from '../../domain/status.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { ClientServices, Connection, ProviderClient, ProviderJob } from '../provider.ts';
import { createBucket } from './bucket.ts';
import { createCalls } from './calls.ts';
import { createJob } from './create.ts';
import { deleteObjects } from './delete.ts';
import { findJobs } from './find.ts';
import { createRefusals } from './refusal.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { openSdk } from './sdk.ts';
import { readJob } from './wire.ts';

/** A client for one set of credentials. Opens no connection by itself. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const { clock } = services;
  const refusals = createRefusals(connection, clock.now);
  const callServices = { ...services, sdk: openSdk(connection), refusals };
  const calls = createCalls(callServices);
  const bucket = createBucket(callServices);

  const retrieve = async ({ providerJobId }: ProviderJob, signal: AbortSignal) => {
    const raw = await calls.retrieve(providerJobId, signal);
    return toReport(understood(readJob, raw), raw);
  };

  return {
    retrieve,
    submit: (submission, ports) => createJob({ connection, calls, bucket }, submission, ports),
    find: (submission, signal) => findJobs(calls, submission, signal),

    async cancel(job, signal) {
      // What the vendor says to the stopping of what is over is not certain; how the job is, the job tells.
      const before = await retrieve(job, signal);
      if (isStopping(before.status)) return before;
      const refusal = await calls.stop(job.providerJobId, signal).then(
        () => null,
        (failure: unknown) => failure,
      );
      if (refusal !== null && !isRejected(refusal)) throw refusal;
      const after = await retrieve(job, signal);
      if (refusal !== null && !isStopping(after.status)) throw refusal;
      return after;
    },

    deleteFiles: (job, signal) => deleteObjects(bucket, job, signal),

    results: (job, cursor, signal) => readResults({ bucket, clock }, job.report, cursor, signal),
  };
}

type Status = Awaited<ReturnType<ProviderClient['retrieve']>>['status'];

const isStopping = (status: Status): boolean =>
  status === 'CANCELLING' || (status !== null && isFinalJob(status));

const isRejected = (failure: unknown): boolean =>
  failure instanceof ProviderFailure && failure.kind === 'rejected';
