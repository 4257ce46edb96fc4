/**
 * `batchql upload FILE`: sends a file of requests to a service that runs somewhere, into an open batch or a new one. Owns
 * the order of events, what is told, and that nothing is left where the file does not go in whole.
 */
import { SingleBar } from 'cli-progress';
import { callerKey } from '../config/caller-key.ts';
import { StartError } from '../errors.ts';
import { createUploadDocument, deleteBatchDocument, uploadDocument } from './upload-documents.ts';
import { type OpenFile, openFile } from './upload-file.ts';
import {
  type DryRunStanding,
  type FileAnswer,
  type RemoteService,
  remoteService,
  sendFile,
} from './upload-service.ts';

/** What the command line says. */
export interface UploadOptions {
  readonly url: string;
  readonly batch?: string;
  readonly provider?: string;
  readonly name?: string;
  readonly model?: string;
  readonly endpoint?: string;
  readonly window?: string;
  readonly submit?: boolean;
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
}

interface Created {
  readonly url: string;
  readonly upload: { readonly id: string };
  readonly batch: { readonly id: string; readonly uuid: string } | null;
}

/**
 * Sends the file, and prints the UUID of its batch on standard output; all else on the error output. Throws `StartError`
 * with what is wrong: nothing of the file is anywhere then, nor a batch that was made for it.
 */
export async function upload(path: string, options: UploadOptions): Promise<void> {
  const input = inputOf(options);
  const key = callerKey();
  if (key === null)
    throw new StartError(
      'BATCHQL_API_KEY must be set to a key of the service: batchql key create makes one.',
    );
  const file = await openFile(path);
  try {
    await sendTo(remoteService(options.url, key), file, input, options);
  } finally {
    file.close();
  }
}

async function sendTo(service: RemoteService, file: OpenFile, input: object, options: UploadOptions) {
  const created = await createUpload(service, input);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  try {
    const answer = await send(created, file, stop.signal);
    await tell(service, created, file, answer, options, stop.signal);
  } catch (error) {
    // Under a name of its own the call can be made again, and finds its batch.
    if (options.batch === undefined && options.idempotencyKey === undefined) await remove(service, created);
    throw error;
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}

function inputOf({ batch, submit = false, dryRun = false, idempotencyKey, ...more }: UploadOptions) {
  const { provider, name, model, endpoint, window: completionWindow } = more;
  const given = { provider, name, model, endpoint, completionWindow };
  const common = { submit, dryRun, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
  if (batch === undefined) {
    if (provider === undefined)
      throw new StartError('Say where it goes: --batch for an open batch, or --provider for a new one.');
    return { ...common, batch: given };
  }
  if (Object.values(given).some((value) => value !== undefined))
    throw new StartError(
      '--batch names a batch that has its provider, name, model, endpoint and window already.',
    );
  return { ...common, batchId: batch };
}

async function createUpload(service: RemoteService, input: object): Promise<Created> {
  const { createUpload: made } = await service.ask<{ createUpload: Created | Refusal }>(
    createUploadDocument,
    {
      input,
    },
  );
  if ('url' in made) return made;
  throw new StartError(made.issues?.map(({ message }) => message).join('\n') ?? made.message);
}

interface Refusal {
  readonly message: string;
  readonly issues?: readonly { readonly message: string }[];
}

async function send({ url }: Created, file: OpenFile, signal: AbortSignal): Promise<FileAnswer | null> {
  const bar = new SingleBar({
    format: file.bytes === null ? '{value} bytes' : '[{bar}] {percentage}% | {value} of {total} bytes',
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
  bar.start(file.bytes ?? 0, 0);
  try {
    return await sendFile(url, file, (bytes) => bar.increment(bytes), signal);
  } finally {
    bar.stop();
  }
}

async function tell(
  service: RemoteService,
  { upload: { id }, batch }: Created,
  file: OpenFile,
  answer: FileAnswer | null,
  { dryRun = false }: UploadOptions,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw new StartError(`Interrupted: nothing of ${file.name} is taken.`);
  const { upload: standing, dryRun: findings, error } = answer?.body ?? {};
  if (findings !== undefined) return tellFindings(findings, file);
  if (standing !== undefined) {
    console.error(`${count(standing.requests, 'request')} of ${file.name} are in the batch.`);
    return void (dryRun || console.log(batch?.uuid));
  }
  if (error !== undefined) {
    const { issues = [], issueCount = 0 } = error.upload ?? {};
    throw new StartError(`${error.message}${listed(issues, issueCount)}`);
  }
  // The answer may be lost of a file that is in.
  const { node } = await service.ask<{ node: { status: string } | null }>(uploadDocument, { id });
  if (node?.status !== 'COMPLETED')
    throw new StartError(
      `The connection broke before the service had said that ${file.name} is in; nothing of it is.`,
    );
  console.error(`${file.name} is in the batch.`);
  console.log(batch?.uuid);
}

function tellFindings(findings: DryRunStanding, { name }: OpenFile): void {
  const { issues, issueCount, missingSetting, quotasExceeded, budgetExceeded, jobs, cost } = findings;
  if (issueCount > 0) throw new StartError(`${name} cannot be taken.${listed(issues, issueCount)}`);
  if (missingSetting !== null)
    throw new StartError(`The service cannot use this provider: it has no ${missingSetting}.`);
  if (quotasExceeded.length > 0) throw new StartError(`${name} is beyond a quota of your organization.`);
  if (budgetExceeded !== null)
    throw new StartError(`${name} does not fit into what your organization may spend.`);
  const price =
    cost === null ? 'at a price that nobody knows' : `for ${cost.low} to ${cost.high ?? '?'} US dollars`;
  console.error(`${name} can be taken: ${count(jobs.length, 'job')}, ${price}. Nothing was made.`);
}

const listed = (issues: readonly { readonly message: string }[], all: number): string => {
  const more = all > issues.length ? [`… and ${count(all - issues.length, 'more')}`] : [];
  return [...issues.map(({ message }) => message), ...more].map((line) => `\n  ${line}`).join('');
};

const count = (number: number, what: string): string =>
  `${number.toLocaleString('en')} ${what}${number === 1 || what === 'more' ? '' : 's'}`;

/** The batch that was made for the file, which has nothing in it. Where that cannot be, why the file is not in matters more. */
async function remove(service: RemoteService, { batch }: Created): Promise<void> {
  if (batch === null) return;
  await service.ask(deleteBatchDocument, { input: { batchId: batch.id } }).catch(() => undefined);
}
