/**
 * The calls to the Batch API with one set of credentials: check, create, ask, read the results. The vendor cannot
 * stop a batch.
 *
 * Owned here: the order of calls and what a repeated one means. Left to others: the calls themselves (the files
 * beside this one), when to call (`batches/`).
 */
import { isFinalJob } from '../../domain/status.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type {
  ClientServices,
  Connection,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmitPorts,
} from '../provider.ts';
import { createCalls } from './calls.ts';
import { type CreatedBatch, createBatch, validateBatch } from './create.ts';
import { findBatches } from './find.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { readBatch } from './wire.ts';

/** A client for one set of credentials. Opens no connection by itself. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const calls = createCalls(connection, services);

  const retrieve = async ({ providerJobId, requestCount }: ProviderJob, signal: AbortSignal) => {
    const raw = await calls.retrieve(providerJobId, signal);
    return toReport(understood(readBatch, raw), raw, requestCount);
  };

  const create = async (submission: Submission, ports: SubmitPorts): Promise<CreatedBatch> => {
    if (!isValidated(submission)) {
      const created = await validateBatch(connection, services, submission, ports);
      if (created !== null) return created;
      await ports.saveCheckpoint({ validated: true });
    }
    return createBatch(connection, services, submission, ports);
  };

  return {
    async submit(submission, ports) {
      const { batch, raw } = await create(submission, ports);
      return { providerJobId: batch.id, report: toReport(batch, raw, submission.requestCount) };
    },

    find: (submission, signal) => findBatches(calls, submission, signal),

    retrieve,

    async cancel(job, signal) {
      const report = await retrieve(job, signal);
      if (report.status !== null && isFinalJob(report.status)) return report;
      throw new ProviderFailure('rejected', {
        code: 'cannot_cancel',
        message: 'sync.so has no way to cancel a batch; this one goes on.',
      });
    },

    // The vendor tells of no call that would delete anything.
    deleteFiles: null,

    results: (job, cursor, signal) => readResults(connection, services, job.report, cursor, signal),
  };
}

/** Whether an earlier try of the job passed the dry run. */
const isValidated = ({ checkpoint }: Submission): boolean => {
  const { validated } = checkpoint ?? {};
  return validated === true;
};
