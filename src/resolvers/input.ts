/** Turns GraphQL's inputs into the domain's: reads uploaded files, flattens one-of inputs, checks every rule. */
import { isUtf8 } from 'node:buffer';
import type { SubmitRule } from '../domain/accumulation.ts';
import {
  type AddRequestsInput,
  type AdoptJobInput,
  addRequestsInput,
  adoptJobInput,
  type CreateBatchInput,
  type CreateUploadInput,
  createBatchInput,
  createUploadInput,
  type RequestInput,
  type UpdateBatchInput,
  updateBatchInput,
} from '../domain/batch-input.ts';
import { type JobResolution, resolveJobInput } from '../domain/resolution.ts';
import { type RetryBatchInput, retryBatchInput } from '../domain/retry.ts';
import { type Issue, ValidationError } from '../errors.ts';
import { parseInput, uuidOfInput } from './arguments.ts';

/** Requests as GraphQL gives them: exactly one of the three. */
export interface RequestsArgument {
  readonly list?: readonly unknown[] | null | undefined;
  readonly jsonl?: string | null | undefined;
  readonly file?: File | null | undefined;
}

/** A new batch's fields as GraphQL gives them, without its requests. */
export interface NewBatchArgument {
  readonly submit?: SubmitRule['kind'] | null | undefined;
  readonly when?:
    | Readonly<Partial<Record<'requests' | 'bytes' | 'seconds', number | null | undefined>>>
    | null
    | undefined;
  readonly [field: string]: unknown;
}

/** `createBatch`'s input as GraphQL gives it. */
export interface CreateBatchArgument extends NewBatchArgument {
  readonly requests?: RequestsArgument | null | undefined;
}

/** An input with requests in it, as GraphQL gives it. */
export interface RequestsHolder {
  readonly requests: RequestsArgument;
  readonly [field: string]: unknown;
}

/** `createBatch`'s input, checked. */
export async function readCreateBatch(
  { requests, ...fields }: CreateBatchArgument,
  bodyBytesMax: number,
): Promise<CreateBatchInput> {
  const input = {
    ...withRule(fields, ['input', 'when']),
    ...(requests ? { requests: await formOf(requests, bodyBytesMax) } : {}),
  };
  return parseInput(createBatchInput, input, asWritten);
}

/** A new batch's fields with its rule as the domain has it; `path` is where its thresholds stand. */
function withRule(
  {
    submit,
    when,
    ...fields
  }: Pick<CreateBatchArgument, 'submit' | 'when'> & { readonly [field: string]: unknown },
  path: Issue['path'],
): Readonly<Record<string, unknown>> {
  const kind = submit ?? (when ? 'WHEN' : 'MANUAL');
  if (when && kind !== 'WHEN') {
    throw new ValidationError([{ path, line: null, message: 'when goes with submit: WHEN only.' }]);
  }
  return { ...fields, submit: kind === 'WHEN' ? { kind, ...when } : { kind } };
}

/** `createUpload`'s input as GraphQL gives it. */
export interface CreateUploadArgument {
  readonly batchId?: string | null | undefined;
  readonly batch?: NewBatchArgument | null | undefined;
  readonly [field: string]: unknown;
}

/** `createUpload`'s input, checked. */
export function readCreateUpload({ batchId, batch, ...fields }: CreateUploadArgument): CreateUploadInput {
  const input = {
    ...fields,
    ...(batchId ? { batchId: uuidOfInput('Batch', 'batchId', batchId) } : {}),
    ...(batch ? { batch: withRule(batch, ['input', 'batch', 'when']) } : {}),
  };
  return parseInput(createUploadInput, input, ([field, ...rest]) =>
    field === 'batch' ? [field, ...asWritten(rest)] : [field, ...rest].filter((part) => part !== undefined),
  );
}

/** `addRequests`'s input without the batch, checked as far as the requests' form goes. */
export async function readAddRequests(
  { requests, ...fields }: RequestsHolder,
  bodyBytesMax: number,
): Promise<AddRequestsInput> {
  const input = { ...fields, requests: await formOf(requests, bodyBytesMax) };
  return parseInput(addRequestsInput, input, asWritten);
}

/** The domain's paths in the words of the API: requests given inline stand in `list`, thresholds in `when`. */
function asWritten([field, member, ...rest]: Issue['path']): Issue['path'] {
  if (field === 'requests' && member === 'requests') return ['requests', 'list', ...rest];
  return [field === 'submit' ? 'when' : field, member, ...rest].filter((part) => part !== undefined);
}

/** `adoptJob`'s input, checked. */
export async function readAdoptJob(
  { requests, ...fields }: RequestsHolder,
  bodyBytesMax: number,
): Promise<AdoptJobInput> {
  const input = { ...fields, requests: await formOf(requests, bodyBytesMax) };
  return parseInput(adoptJobInput, input, asWritten);
}

/** What a person says of a job, checked. */
export const readResolution = (resolution: unknown): JobResolution =>
  parseInput(resolveJobInput, { resolution }).resolution;

/** `updateBatch`'s input, checked. */
export const readUpdateBatch = (fields: Readonly<Record<string, unknown>>): UpdateBatchInput =>
  parseInput(updateBatchInput, fields);

/** `retryBatch`'s input beside its batch, checked. */
export const readRetryBatch = (fields: Readonly<Record<string, unknown>>): RetryBatchInput =>
  parseInput(retryBatchInput, fields);

async function formOf({ list, jsonl, file }: RequestsArgument, bodyBytesMax: number): Promise<unknown> {
  if (list) return { kind: 'list', requests: list as readonly RequestInput[] };
  if (file) return { kind: 'lines', field: 'file', text: await textOf(file, bodyBytesMax) };
  return { kind: 'lines', field: 'jsonl', text: jsonl };
}

/** A file's text; a file that is too large or not UTF-8 is refused, naming the limit or the line. */
async function textOf(file: File, bodyBytesMax: number): Promise<string> {
  const refuse = (message: string, line: number | null) =>
    new ValidationError([{ path: ['input', 'requests', 'file'], line, message }]);
  if (file.size > bodyBytesMax) {
    throw refuse(`The file has ${file.size} bytes; at most ${bodyBytesMax} can be sent this way.`, null);
  }
  const bytes = Buffer.from(await file.arrayBuffer());
  const text = bytes.subarray(bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0);
  if (isUtf8(text)) return text.toString('utf8');
  const line = firstBrokenLine(text);
  throw refuse(`Line ${line} is not UTF-8 text.`, line);
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** The first line that is not UTF-8, counted from 1. */
function firstBrokenLine(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; from <= bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline === -1 ? bytes.length : newline;
    if (!isUtf8(bytes.subarray(from, to))) return line;
    from = to + 1;
  }
  return line;
}
