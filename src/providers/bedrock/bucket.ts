/**
 * The calls of S3, each made once: put the requests there, list what a job has left, read it. A file streams both
 * ways; lists come whole. Every failure is a `ProviderFailure`.
 */
import type { Readable } from 'node:stream';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import { connectionFailure } from '../http-failure.ts';
import { type CallServices, readText } from './calls.ts';
import type { S3Place } from './s3-uri.ts';
import { type KeyPage, readKeyPage } from './s3-wire.ts';
import type { Sdk } from './sdk.ts';

/** An object that is put. */
export interface NewObject {
  readonly place: S3Place;
  readonly body: Readable;
  /** Exact bytes of the body. */
  readonly bytes: number;
}

/** The calls for one set of credentials. */
export interface Bucket {
  /**
   * Puts the object, unless one with that key is there: it is left as it is, and that counts as done. Whatever
   * goes wrong, nothing was created that must not be created twice.
   */
  put(object: NewObject, signal: AbortSignal): Promise<void>;
  /** One page of the keys that begin so, in their order. */
  list(prefix: S3Place, page: string | null, signal: AbortSignal): Promise<KeyPage>;
  /** Deletes an object; where there is none, that counts as done. */
  delete(place: S3Place, signal: AbortSignal): Promise<void>;
  /**
   * Streams an object from the byte `from` on, for as long as bytes keep coming. `begins` is the byte that the
   * stream really begins with; null where the object has no such byte.
   */
  get(place: S3Place, from: number, signal: AbortSignal): Promise<{ begins: number; bytes: Readable } | null>;
}

/** Calls with these services. Opens no connection by itself. */
export function createBucket({ sdk, refusals, callSeconds = 60 }: CallServices): Bucket {
  const send = (ask: Parameters<Sdk['s3']>[0], signal: AbortSignal) => {
    if (signal.aborted) throw connectionFailure(signal.reason, { creates: false });
    return sdk.s3(ask, { signal });
  };
  const refused = async (answer: Awaited<ReturnType<typeof send>>) =>
    refusals.s3({ ...answer, text: await readText(answer, { creates: false }) });

  return {
    async put({ place, body, bytes }, signal) {
      const object = {
        Bucket: place.bucket,
        Key: place.key,
        Body: body,
        ContentLength: bytes,
        ContentType: 'application/jsonl',
        IfNoneMatch: '*',
      };
      const answer = await send((aws, options) => aws.putObject(object, options), signal);
      const isThere = answer.status === preconditionFailed;
      if (!isThere && !isFine(answer.status)) {
        const failure = await refused(answer);
        // Another try is on its way at the same time.
        throw answer.status === conflict ? new ProviderFailure('unavailable', failure) : failure;
      }
      answer.body.destroy();
    },

    async list({ bucket, key }, page, signal) {
      const within = AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]);
      const query = { Bucket: bucket, Prefix: key, ...(page !== null && { ContinuationToken: page }) };
      const answer = await send((aws, options) => aws.listObjectsV2(query, options), within);
      if (!isFine(answer.status)) throw await refused(answer);
      return understood(readKeyPage, await readText(answer, { creates: false }));
    },

    async delete({ bucket, key }, signal) {
      const within = AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]);
      const answer = await send(
        (aws, options) => aws.deleteObject({ Bucket: bucket, Key: key }, options),
        within,
      );
      if (!isFine(answer.status)) throw await refused(answer);
      answer.body.destroy();
    },

    async get({ bucket, key }, from, signal) {
      const slow = new AbortController();
      const timer = setTimeout(() => slow.abort(), callSeconds * 1000);
      try {
        const range = from === 0 ? {} : { Range: `bytes=${from}-` };
        const answer = await send(
          (aws, options) => aws.getObject({ Bucket: bucket, Key: key, ...range }, options),
          AbortSignal.any([signal, slow.signal]),
        );
        if (isFine(answer.status)) {
          return { begins: answer.status === partialContent ? from : 0, bytes: answer.body };
        }
        if (answer.status !== rangeNotSatisfiable) throw await refused(answer);
        answer.body.destroy();
        return null;
      } finally {
        // From here on the file may take as long as it takes.
        clearTimeout(timer);
      }
    },
  };
}

const isFine = (status: number): boolean => status >= 200 && status < 300;

const partialContent = 206;
const conflict = 409;
const preconditionFailed = 412;
const rangeNotSatisfiable = 416;
