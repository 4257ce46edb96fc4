/**
 * The calls to Message Batches with one set of credentials. Owned here: which call answers which question, and
 * what an answer that cannot be read means. The calls themselves stand in the files beside this one.
 */

import { isFinalJob } from '../../domain/status.ts';
import { ProviderFailure } from '../failure.ts';
import type { ClientServices, Connection, JobReport, ProviderClient } from '../provider.ts';
import { unlessGone } from '../unless-gone.ts';
import { createCalls } from './calls.ts';
import { createBatch } from './create.ts';
import { findBatches } from './find.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { readMessageBatch } from './wire.ts';

/** A client; opens no connection until it is asked something. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const { clock } = services;
  const calls = createCalls(connection, services);
  const retrieve: ProviderClient['retrieve'] = async ({ providerJobId }, signal) =>
    reportOf(await calls.retrieve(providerJobId, signal));

  return {
    async submit(submission, ports) {
      const { batch, raw } = await createBatch(connection, clock, submission, ports);
      return { providerJobId: batch.id, report: toReport(batch, raw) };
    },
    find: (submission, signal) => findBatches(calls, submission, signal),
    retrieve,
    async cancel(job, signal) {
      try {
        return reportOf(await calls.cancel(job.providerJobId, signal));
      } catch (failure) {
        if (!(failure instanceof ProviderFailure) || failure.kind !== 'rejected') throw failure;
        // What is over or being cancelled already may refuse to be cancelled; that is no failure.
        const report = await retrieve(job, signal);
        if (report.status === 'CANCELLING' || (report.status && isFinalJob(report.status))) return report;
        throw failure;
      }
    },
    async deleteFiles({ providerJobId }, signal) {
      if (providerJobId !== null) await unlessGone(calls.delete(providerJobId, signal));
    },
    results: ({ report }, cursor, signal) => readResults(connection, clock, report, cursor, signal),
  };
}

const reportOf = (raw: string): JobReport => {
  const batch = readMessageBatch(raw);
  if (batch !== null) return toReport(batch, raw);
  throw new ProviderFailure('malformed', {
    code: 'unreadable_answer',
    message: 'The provider answered something that is no batch.',
  });
};
