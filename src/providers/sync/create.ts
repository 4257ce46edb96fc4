/**
 * The two POSTs of a submission: the dry run, which creates nothing and may be repeated, and the creation, which may
 * not. They are the same form but for one field. When to make which is `client.ts`.
 */
import { ProviderFailure } from '../failure.ts';
import type { HttpAnswer } from '../http.ts';
import { failureOf } from '../http-failure.ts';
import { type FileUpload, sendFile, uploadFile } from '../multipart.ts';
import type { ClientServices, Connection, Submission, SubmitPorts } from '../provider.ts';
import { addressOf, callHeaders } from './calls.ts';
import { encodeLines } from './encode.ts';
import { isObjectText, readBatch, readErrorBody, type WireBatch } from './wire.ts';

/** A batch that was created, with the vendor's answer verbatim. */
export interface CreatedBatch {
  readonly batch: WireBatch;
  readonly raw: string;
}

/**
 * Lets the vendor check the job. `rejected` where it would refuse it, `unavailable` where its answer was lost. Null
 * where it has checked it; a batch where it took the dry run for more than that.
 */
export async function validateBatch(
  connection: Connection,
  services: ClientServices,
  submission: Submission,
  ports: SubmitPorts,
): Promise<CreatedBatch | null> {
  const answer = await uploadFile(formOf(connection, submission, ports, { dry_run: 'true' }));
  if (!isSuccess(answer)) throw refusal(answer, connection, services, false);
  const batch = readBatch(answer.text);
  if (batch !== null) return { batch, raw: answer.text };
  // How the vendor words its consent does not matter: what it does not like it refuses, now or at the creation.
  if (isObjectText(answer.text)) return null;
  throw new ProviderFailure('unavailable', {
    code: 'unreadable_answer',
    message: 'The provider answered the dry run in a form that is not known here.',
    status: answer.status,
  });
}

/** Creates the batch. Whatever leaves open whether there is one is `uncertain`. */
export async function createBatch(
  connection: Connection,
  services: ClientServices,
  submission: Submission,
  ports: SubmitPorts,
): Promise<CreatedBatch> {
  const answer = await sendFile(formOf(connection, submission, ports, {}));
  if (!isSuccess(answer)) throw refusal(answer, connection, services, true);
  const batch = readBatch(answer.text);
  if (batch !== null) return { batch, raw: answer.text };
  throw new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and did not tell its id.',
    status: answer.status,
  });
}

/**
 * The webhook's URL goes along with the dry run too: it is checked like the rest, and should a dry run ever create a
 * batch, that batch can be found. "false" is never sent, as to some servers it is a text like any other.
 */
const formOf = (
  connection: Connection,
  { nonce, callbackUrl = null, encodedBytes }: Submission,
  { items, signal, guard }: SubmitPorts,
  fields: Readonly<Record<string, string>>,
): FileUpload => ({
  url: addressOf(connection, 'batch'),
  headers: callHeaders(connection),
  fields: { ...(callbackUrl === null ? {} : { webhook_url: callbackUrl }), ...fields },
  fileField: 'input',
  filename: `${nonce}.jsonl`,
  content: encodeLines(items()),
  contentBytes: encodedBytes,
  signal,
  guard,
});

const isSuccess = ({ status }: HttpAnswer): boolean => status >= 200 && status < 300;

const refusal = (
  { status, headers, text }: HttpAnswer,
  { apiKey }: Connection,
  { clock }: ClientServices,
  creates: boolean,
): ProviderFailure =>
  failureOf({ ...readErrorBody(text), status, headers, now: clock.now(), creates, apiKey });
