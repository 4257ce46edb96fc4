/**
 * The calls to the Batch API with one set of credentials. Owned here: which call answers which question, and what a
 * repeated cancel means. The calls themselves stand in the files beside this one; when to call is `batches/`.
 */
import { isFinalJob } from '../../domain/status.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { ClientServices, Connection, JobReport, ProviderClient, ProviderJob } from '../provider.ts';
import { createCalls } from './calls.ts';
import { findBatches } from './find.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { submitBatch } from './submit.ts';
import { readBatch } from './wire.ts';

/** A client for one set of credentials. Opens no connection by itself. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const { clock } = services;
  const calls = createCalls(connection, services);
  const reportOf = (raw: string, job: ProviderJob): JobReport =>
    toReport(understood(readBatch, raw), raw, job, clock.now());
  const retrieve: ProviderClient['retrieve'] = async (job, signal) =>
    reportOf(await calls.retrieve(job.providerJobId, signal), job);

  return {
    async submit(submission, ports) {
      const { batch, raw } = await submitBatch(calls, submission, ports);
      const { requestCount } = submission;
      const report = toReport(batch, raw, { requestCount, cancelRequestedAt: null }, clock.now());
      return { providerJobId: batch.batch_id, report };
    },
    find: (submission, signal) => findBatches(calls, submission, signal),
    retrieve,
    async cancel(job, signal) {
      const asked = { ...job, cancelRequestedAt: job.cancelRequestedAt ?? clock.now() };
      try {
        return reportOf(await calls.cancel(job.providerJobId, signal), asked);
      } catch (failure) {
        if (!(failure instanceof ProviderFailure) || failure.kind !== 'rejected') throw failure;
        // What is over or being cancelled already may refuse to be cancelled; that is no failure.
        const report = await retrieve(asked, signal);
        if (report.status === 'CANCELLING' || (report.status && isFinalJob(report.status))) return report;
        throw failure;
      }
    },
    // The vendor tells of no call that would delete a batch.
    deleteFiles: null,
    results: (job, cursor, signal) => readResults(calls, job.providerJobId, cursor, signal),
  };
}
