/**
 * The calls to Gemini's batch jobs: upload a file, create a job of it, ask, stop, read the results. The job is called
 * by our key and names our file, so that one whose answer was lost is found again for certain.
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
import { readFileState, readOperation, readPage, type WireOperation } from './wire.ts';

/** A client for one set of credentials. Opens no connection by itself. */
export function connect(connection: Connection, services: ClientServices): ProviderClient {
  const { clock } = services;
  const calls = createCalls(connection, services);

  const ask = async (job: ProviderJob, stopping: boolean, signal: AbortSignal) => {
    const raw = await calls.retrieve(job.providerJobId, signal);
    return toReport(understood(readOperation, raw), raw, { stopping });
  };

  return {
    retrieve: (job, signal) => ask(job, job.cancelRequestedAt !== null, signal),

    async submit(submission, ports) {
      const { model, endpoint } = submission;
      if (model === null) throw modelless();
      let file = savedFile(submission, clock.now());
      if (file === null) {
        const uploaded = await uploadInput(submission, ports, { calls, connection, clock });
        file = uploaded.name;
        await ports.saveCheckpoint(checkpointOf(file, uploaded.expirationTime));
      }
      const method = methods[endpoint === 'embedContent' ? endpoint : 'generateContent'];
      const creating = calls.create({ model, method, batch: batchOf(submission, file) }, ports);
      const raw = await creating.catch(async (failure: unknown) => {
        throw await notYetOr(failure, () => calls.file(file, ports.signal));
      });
      const operation = readOperation(raw);
      if (operation === null) throw created();
      return { providerJobId: operation.name, report: toReport(operation, raw) };
    },

    async find(submission, signal) {
      const since = new Date(submission.intentAt.getTime() - clockSkewMilliseconds);
      const readOne = async (token: string | null) => understood(readPage, await calls.list(token, signal));
      const sightings = new Map<string, Sighting>();
      for await (const operation of listedSince(readOne, since)) {
        if (carries(operation, submission)) sightings.set(operation.name, sighting(operation));
      }
      return [...sightings.values()];
    },

    async cancel(job, signal) {
      try {
        await calls.cancel(job.providerJobId, signal);
      } catch (failure) {
        // What the vendor says to the cancelling of what is over is not known; how the job is, the job tells.
        if (!(failure instanceof ProviderFailure) || failure.kind !== 'rejected') throw failure;
        const report = await ask(job, false, signal);
        if (report.status === null || !isFinalJob(report.status)) throw failure;
        return report;
      }
      return ask(job, true, signal);
    },

    async deleteFiles({ checkpoint, inputFileId, outputFileId }, signal) {
      // The requests first: the vendor is known to refuse the file of results by the length of its own name for it.
      for (const name of distinctNames([checkpoint?.['inputFile'], inputFileId, outputFileId])) {
        const deletion = calls.delete(name, signal).catch(async (failure: unknown) => {
          if (!(failure instanceof ProviderFailure) || failure.status !== 403) throw failure;
          // Of a file that is not there the vendor says that we may not see it; whether it lets us in, another call tells.
          await calls.list(null, signal);
          return '';
        });
        await unlessGone(deletion);
      }
    },

    results: (job, cursor, signal) => readResults(calls, job, cursor, signal),
  };
}

/** How far our clock and the vendor's may be apart. */
const clockSkewMilliseconds = 5 * 60 * 1000;

/** The methods that make jobs of requests for another. */
const methods = { generateContent: 'batchGenerateContent', embedContent: 'asyncBatchEmbedContent' } as const;

/** What a job is created with. Jobs of embeddings have no webhooks of their own. */
const batchOf = (submission: Submission, file: string): JsonObject => {
  const { callbackUrl = null, endpoint } = submission;
  const called = callbackUrl !== null && endpoint !== 'embedContent';
  return {
    displayName: displayNameOf(submission),
    inputConfig: { fileName: file },
    ...(called ? { webhookConfig: { uris: [callbackUrl] } } : {}),
  };
};

const displayNameOf = ({ nonce }: Submission): string => `batchql-${nonce}`;

/** A file is of no use to a job that is created when it is about to expire. */
const fileReserveMilliseconds = 60 * 60 * 1000;

const checkpointOf = (inputFile: string, expiresAt: Date | null): JsonObject => ({
  inputFile,
  inputFileExpiresAt: expiresAt?.toISOString() ?? null,
});

/** The file that an earlier try has uploaded, while it is of use. */
const savedFile = ({ checkpoint }: Submission, now: Date): string | null => {
  const { inputFile, inputFileExpiresAt } = checkpoint ?? {};
  if (typeof inputFile !== 'string') return null;
  const expiresAt = typeof inputFileExpiresAt === 'string' ? Date.parse(inputFileExpiresAt) : Number.NaN;
  return expiresAt - now.getTime() < fileReserveMilliseconds ? null : inputFile;
};

const carries = ({ metadata }: WireOperation, submission: Submission): boolean => {
  const { inputFile } = submission.checkpoint ?? {};
  const own = typeof inputFile === 'string' && metadata.inputConfig?.fileName === inputFile;
  return own || metadata.displayName === displayNameOf(submission);
};

const sighting = ({ name, metadata }: WireOperation): Sighting => {
  const evidence: JsonObject = {
    providerJobId: name,
    providerStatus: metadata.state,
    createdAt: metadata.createTime?.toISOString() ?? null,
    displayName: metadata.displayName,
    inputFileId: metadata.inputConfig?.fileName ?? null,
  };
  return { providerJobId: name, proof: 'EXACT', evidence };
};

/**
 * What a refused creation means: the vendor makes no job of a file that it has not looked through, in the words that it
 * has for other conditions that are not met. Only the file can tell which it was.
 */
const notYetOr = async (failure: unknown, askForFile: () => Promise<string>): Promise<unknown> => {
  const isUnmet =
    failure instanceof ProviderFailure &&
    failure.kind === 'rejected' &&
    failure.code === 'failed_precondition';
  if (!isUnmet || readFileState(await askForFile()) !== 'PROCESSING') return failure;
  return new ProviderFailure('unavailable', {
    code: 'file_not_ready',
    message: 'The provider has not looked through the uploaded file yet.',
    status: failure.status,
  });
};

const modelless = (): ProviderFailure =>
  new ProviderFailure('rejected', {
    code: 'model_missing',
    message: 'A job is created for a model, and this one names none.',
  });

/** The vendor said yes in words that we cannot read: a job exists, and must be looked for. */
const created = (): ProviderFailure =>
  new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and did not tell its name.',
  });
