/**
 * The calls to the Batch API: upload a file, create a batch of it, ask, stop, read the results. The batch names our
 * file, and carries our key where the service has metadata, so that one whose answer was lost is found again for
 * certain.
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
import { listedSince, unfinished } from './listing.ts';
import type { Quirks } from './quirks.ts';
import { toReport } from './report.ts';
import { readResults } from './results.ts';
import { clockSkewMilliseconds, inputFile } from './upload.ts';
import { readBatch, readBatchPage, readCreated, type WireBatch } from './wire.ts';

/** A client for one set of credentials at a service with these quirks. Opens no connection by itself. */
export function connect(
  { baseUrl, apiKey }: Connection,
  services: ClientServices,
  quirks: Quirks,
): ProviderClient {
  const { clock } = services;
  const connection = { baseUrl: `${baseUrl.replace(/\/+$/, '')}${quirks.pathPrefix}`, apiKey };
  const calls = createCalls(connection, services);

  const reportOf = (raw: string) => {
    const batch = understood((json) => readBatch(json, quirks), raw);
    return toReport(batch, raw, quirks);
  };

  const retrieve = async (job: ProviderJob, signal: AbortSignal) => {
    const raw = await calls.text((sdk, options) => sdk.batches.retrieve(job.providerJobId, options), {
      signal,
    });
    return reportOf(raw);
  };

  return {
    retrieve,

    async submit(submission, ports) {
      const { signal } = ports;
      let fileId = savedFile(submission);
      if (fileId === null) {
        fileId = await inputFile(submission, ports, { calls, connection, clock, quirks });
        await ports.saveCheckpoint({ inputFileId: fileId });
      }
      const body = creation(submission, fileId, quirks);
      const headers = idempotency(submission, quirks);
      const raw = await calls.text((sdk, options) => sdk.batches.create(body, { ...options, headers }), {
        signal,
        guard: ports.guard,
      });
      const batch = readCreated(raw, quirks);
      if (batch === null) throw created();
      return { providerJobId: batch.id, report: toReport(batch, raw, quirks) };
    },

    async find(submission, signal) {
      const readPage = async (after: string | null) => {
        const inPages = { limit: 100, ...(after === null ? {} : { after }) };
        const query = quirks.list === 'pages' ? inPages : {};
        const text = await calls.text((sdk, options) => sdk.batches.list(query, options), { signal });
        const page = understood((json) => readBatchPage(json, quirks), text);
        if (page.has_more && quirks.list !== 'pages') throw unfinished();
        return page;
      };
      // A page that began a little earlier shows again what the one before has shown.
      const sightings = new Map<string, Sighting>();
      const since = new Date(submission.intentAt.getTime() - clockSkewMilliseconds);
      for await (const batch of listedSince(readPage, since)) {
        if (carries(batch, submission)) sightings.set(batch.id, sighting(batch));
      }
      return [...sightings.values()];
    },

    async cancel(job, signal) {
      try {
        const raw = await calls.text((sdk, options) => sdk.batches.cancel(job.providerJobId, options), {
          signal,
        });
        return reportOf(raw);
      } catch (failure) {
        // The vendor refuses to cancel what is over; whether that is why it refused, only the batch can tell.
        if (!(failure instanceof ProviderFailure) || failure.kind !== 'rejected') throw failure;
        const report = await retrieve(job, signal);
        const stopping = report.status === 'CANCELLING' || (report.status && isFinalJob(report.status));
        if (!stopping) throw failure;
        return report;
      }
    },

    async deleteFiles({ checkpoint, inputFileId, outputFileId, errorFileId }, signal) {
      const ids = distinctNames([checkpoint?.['inputFileId'], inputFileId, outputFileId, errorFileId]);
      for (const id of ids) {
        await unlessGone(calls.text((sdk, options) => sdk.files.delete(id, options), { signal }));
      }
    },

    results: (job, cursor, signal) => readResults(calls, job.report, cursor, signal),
  };
}

const nonceKey = 'batchql_nonce';

/** What a batch is created with. The window is the vendor's word; a wrong one is the vendor's to refuse. */
const creation = (submission: Submission, fileId: string, { metadata }: Quirks) => ({
  input_file_id: fileId,
  endpoint: submission.endpoint as '/v1/chat/completions',
  completion_window: submission.completionWindow as '24h',
  ...(metadata ? { metadata: { [nonceKey]: submission.nonce, batchql_job: submission.jobId } } : {}),
});

/** The job's nonce stays the same for every try, so that a service that honours the header creates one batch. */
const idempotency = ({ nonce }: Submission, { idempotencyHeader }: Quirks): Record<string, string> =>
  idempotencyHeader === null ? {} : { [idempotencyHeader]: nonce };

const savedFile = ({ checkpoint }: Submission): string | null => {
  const { inputFileId } = checkpoint ?? {};
  return typeof inputFileId === 'string' ? inputFileId : null;
};

const carries = (batch: WireBatch, submission: Submission): boolean =>
  batch.metadata?.[nonceKey] === submission.nonce ||
  (batch.input_file_id !== null && batch.input_file_id === savedFile(submission));

const sighting = (batch: WireBatch): Sighting => {
  const evidence: JsonObject = {
    providerJobId: batch.id,
    providerStatus: batch.status,
    createdAt: batch.created_at?.toISOString() ?? null,
    inputFileId: batch.input_file_id,
  };
  return { providerJobId: batch.id, proof: 'EXACT', evidence };
};

/** The vendor said yes in words that we cannot read: a batch exists, and must be looked for. */
const created = (): ProviderFailure =>
  new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and did not tell its id.',
  });
