/**
 * What an answer means that is not the one we wanted, from the control plane (JSON) and from S3 (XML). AWS says more
 * by its words than by its statuses: a full queue is a 400.
 */
import { ProviderFailure } from '../failure.ts';
import { failureOf } from '../http-failure.ts';
import type { Connection } from '../provider.ts';
import { readS3Error } from './s3-wire.ts';
import { readError } from './wire.ts';

/** An answer with its body read. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Makes failures of refusals to one connection; none of its secrets stands in their texts. */
export interface Refusals {
  /** Of the control plane. */
  control(answer: RefusedAnswer, call: { creates: boolean }): ProviderFailure;
  /** Of S3, where nothing that we do must not be done twice. */
  s3(answer: RefusedAnswer): ProviderFailure;
}

/** Refusals to this connection. */
export function createRefusals({ more = {} }: Connection, now: () => Date): Refusals {
  const secrets = [more['secretAccessKey'], more['sessionToken'], more['accessKeyId']];
  const clean = (text: string | null): string | null =>
    text && secrets.reduce<string>((cleaned, secret) => cut(cleaned, secret), text);

  const failure = (
    { status, headers }: RefusedAnswer,
    told: { code: string | null; message: string | null },
    creates: boolean,
  ): ProviderFailure => {
    // A word may have its namespace before it, and an address after it that has dots of its own.
    const word = told.code?.replace(/:.*$/s, '').replace(/^.*[#.]/, '') ?? null;
    const general = failureOf({
      status,
      headers,
      code: clean(word && snakeCase(word)),
      message: clean(told.message?.replace(signedText, '') ?? null),
      now: now(),
      creates,
      apiKey: '',
    });
    if (throttling.has(word ?? '')) return new ProviderFailure('throttled', general);
    if (outOfTime.has(word ?? '')) return new ProviderFailure('unavailable', general);
    if (timeouts.has(word ?? '')) return new ProviderFailure(creates ? 'uncertain' : 'unavailable', general);
    if (creates && existsAlready(word, told.message)) return new ProviderFailure('uncertain', general);
    // A redirect says that the bucket or the service is elsewhere; asking again here gives the same answer.
    return status < 400 ? new ProviderFailure('rejected', general) : general;
  };

  return {
    control: (answer, { creates }) => failure(answer, readError(answer), creates),
    s3: (answer) => failure(answer, readS3Error(answer.text), false),
  };
}

const cut = (text: string, secret: string | undefined): string =>
  secret === undefined || secret === '' ? text : text.replaceAll(secret, '[redacted]');

/** A signature that does not fit is answered with all that should have been signed, the session's token included. */
const signedText = /\s*The Canonical String for this request should have been.*$/is;

/** `ServiceQuotaExceededException` is how the service says that too many jobs are on their way. */
const throttling: ReadonlySet<string> = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'ServiceQuotaExceededException',
  'SlowDown',
]);

/** What was signed by a clock that is not AWS's. Nothing was looked at, and the SDK has learnt the time meanwhile. */
const outOfTime: ReadonlySet<string> = new Set(['RequestTimeTooSkewed', 'RequestExpired']);

/** A request that came too slowly, said with 400. */
const timeouts: ReadonlySet<string> = new Set(['RequestTimeout', 'RequestTimeoutException']);

/** Our name and our token are nobody else's: that they are taken says that the job is there, to be looked for. */
const existsAlready = (word: string | null, message: string | null): boolean =>
  word === 'ConflictException' ||
  (word === 'ValidationException' && /\bjob ?name\b.*\b(?:in use|already exists)\b/i.test(message ?? ''));

const snakeCase = (word: string): string =>
  word.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase();
