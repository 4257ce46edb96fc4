/**
 * The calls to Mistral's batch jobs: upload a file, create a job of it, ask, stop, read the results. The job carries
 * our key in its metadata and names our file, so that one whose answer was lost is found again for certain.
 *
 * Owned here: the order of calls and what a repeated one means. Left to others: the wire (`calls.ts`, `wire.ts`),
 * the file (`upload.ts`), when to call (`batches/`).
 */

import type { JsonObject } from '../../domain/json-line.ts';
import { isFinalJob } from '../../domain/status.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type {
  ClientServices,
  Connection,
  ProviderClient,
  ProviderJob,
  Sighting,
  Submission,
} from '../provider.ts';
import { distinctNames, unlessGone } from '../unless-gone.ts';
import { createCalls } from './calls.ts';
import { listedSince } from './listing.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { uploadInput } from './upload.ts';
import { readBatch, readBatchPage, type WireBatch } from './wire.ts';

/** A client for one set of credentials. Opens no connection by itself. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const { clock } = services;
  const calls = createCalls(connection, services);

  const retrieve = async (job: ProviderJob, signal: AbortSignal) => {
    const raw = await calls.retrieve(job.providerJobId, signal);
    return toReport(understood(readBatch, raw), raw);
  };

  const sightingsAmong = async (
    metadata: Readonly<Record<string, string>>,
    submission: Submission,
    signal: AbortSignal,
  ): Promise<Sighting[]> => {
    const readPage = async (page: number) =>
      understood(readBatchPage, await calls.list(page, metadata, signal));
    const since = new Date(submission.intentAt.getTime() - clockSkewMilliseconds);
    const sightings = new Map<string, Sighting>();
    for await (const batch of listedSince(readPage, since)) {
      if (carries(batch, submission)) sightings.set(batch.id, sighting(batch));
    }
    return [...sightings.values()];
  };

  return {
    retrieve,

    async submit(submission, ports) {
      let fileId = savedFile(submission);
      if (fileId === null) {
        fileId = await uploadInput(submission, ports, { connection, clock });
        await ports.saveCheckpoint({ inputFileId: fileId });
      }
      const raw = await calls.create(creation(submission, fileId), ports);
      const batch = readBatch(raw);
      if (batch === null) throw created();
      return { providerJobId: batch.id, report: toReport(batch, raw) };
    },

    async find(submission, signal) {
      const named = await sightingsAmong({ [nonceKey]: submission.nonce }, submission, signal);
      // That there is none costs a second job if it is wrong, so the vendor's filter is not taken at its word.
      return named.length > 0 ? named : sightingsAmong({}, submission, signal);
    },

    async cancel(job, signal) {
      try {
        const raw = await calls.cancel(job.providerJobId, signal);
        return toReport(understood(readBatch, raw), raw);
      } catch (failure) {
        // What the vendor says to the cancelling of what is over is not known; how the job is, the job tells.
        if (!(failure instanceof ProviderFailure) || failure.kind !== 'rejected') throw failure;
        const report = await retrieve(job, signal);
        const stopping = report.status === 'CANCELLING' || (report.status && isFinalJob(report.status));
        if (!stopping) throw failure;
        return report;
      }
    },

    async deleteFiles({ checkpoint, inputFileId, outputFileId, errorFileId }, signal) {
      const ids = distinctNames([checkpoint?.['inputFileId'], inputFileId, outputFileId, errorFileId]);
      for (const id of ids) await unlessGone(calls.deleteFile(id, signal));
    },

    results: (job, cursor, signal) => readResults(calls, job.report, cursor, signal),
  };
}

/** No parameter of the list is called so: a filter by metadata stands among those. */
const nonceKey = 'batchql_nonce';

/** How far our clock and the vendor's may be apart. */
const clockSkewMilliseconds = 5 * 60 * 1000;

/** What a job is created with. The window is a number of hours (`48h`); a wrong one is the vendor's to refuse. */
const creation = (submission: Submission, fileId: string): JsonObject => ({
  input_files: [fileId],
  endpoint: submission.endpoint,
  ...(submission.model === null ? {} : { model: submission.model }),
  timeout_hours: Number.parseInt(submission.completionWindow, 10),
  metadata: { [nonceKey]: submission.nonce, batchql_job: submission.jobId },
});

const savedFile = ({ checkpoint }: Submission): string | null => {
  const { inputFileId } = checkpoint ?? {};
  return typeof inputFileId === 'string' ? inputFileId : null;
};

const carries = (batch: WireBatch, submission: Submission): boolean => {
  const file = savedFile(submission);
  return (
    batch.metadata?.[nonceKey] === submission.nonce || (file !== null && batch.input_files.includes(file))
  );
};

const sighting = (batch: WireBatch): Sighting => {
  const evidence: JsonObject = {
    providerJobId: batch.id,
    providerStatus: batch.status,
    createdAt: batch.created_at?.toISOString() ?? null,
    inputFileIds: batch.input_files,
  };
  return { providerJobId: batch.id, proof: 'EXACT', evidence };
};

/** The vendor said yes in words that we cannot read: a job exists, and must be looked for. */
const created = (): ProviderFailure =>
  new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and did not tell its id.',
  });
