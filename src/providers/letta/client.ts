/**
 * The calls to Letta's batches with one set of credentials. Owned here: which call answers which question, and what
 * asking twice means. The calls themselves stand in the files beside this one.
 */
import { isFinalJob } from '../../domain/status.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { ClientServices, Connection, JobReport, ProviderClient } from '../provider.ts';
import { createCalls } from './calls.ts';
import { createBatch } from './create.ts';
import { findBatches } from './find.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { readJob } from './wire.ts';

/** A client; opens no connection until it is asked something. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const { clock } = services;
  const calls = createCalls(connection, services);
  const retrieve: ProviderClient['retrieve'] = async ({ providerJobId }, signal) => {
    const raw = await calls.retrieve(providerJobId, signal);
    return toReport(understood(readJob, raw), raw);
  };

  return {
    async submit(submission, ports) {
      const { job, raw } = await createBatch(connection, clock, submission, ports);
      return { providerJobId: job.id, report: toReport(job, raw) };
    },
    find: (submission, signal) => findBatches(calls, submission, signal),
    retrieve,
    async cancel(job, signal) {
      const before = await retrieve(job, signal);
      // The server would write "cancelled" over any end.
      if (isOver(before)) return before;
      try {
        await calls.cancel(job.providerJobId, signal);
      } catch (failure) {
        if (!(failure instanceof ProviderFailure) || failure.status !== 501) throw failure;
        // A server that cannot stop what it has sent on says so only after it has written the job off.
        const report = await retrieve(job, signal);
        if (isOver(report)) return report;
        throw new ProviderFailure('rejected', failure);
      }
      return retrieve(job, signal);
    },
    // The vendor tells of no call that would delete a batch.
    deleteFiles: null,
    results: (job, cursor, signal) => readResults(calls, job, cursor, signal),
  };
}

const isOver = ({ status }: JobReport): boolean => status !== null && isFinalJob(status);
