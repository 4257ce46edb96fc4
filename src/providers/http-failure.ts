/**
 * What an HTTP status, or the lack of one, means for the call that met it: the one place where wire trouble
 * becomes a `ProviderFailure`.
 *
 * Owned here: the kinds, Retry-After, and keeping credentials out of texts. Left to the vendors' folders: finding
 * the vendor's code and message in an answer.
 */
import { afterWait, numberIn, retryAfter } from '../domain/retry-after.ts';
import { ProviderFailure, type ProviderFailureKind } from './failure.ts';

/** An answer that is not the one we wanted. */
export interface FailedAnswer {
  readonly status: number;
  /** The vendor's own word; null where it has none. */
  readonly code: string | null;
  /** The vendor's own sentence; null where it has none. */
  readonly message: string | null;
  readonly headers: Pick<Headers, 'get'>;
  readonly now: Date;
  /** Whether the call was one that creates something which must not be created twice. */
  readonly creates: boolean;
  /** The API key, so that no text can carry it. */
  readonly apiKey: string;
}

/**
 * The failure that an answer means. For a call that creates, an answer that leaves open whether anything was
 * created (5xx, 408) is `uncertain`, Retry-After or not; only 429 is certain to have created nothing.
 */
export function failureOf(answer: FailedAnswer): ProviderFailure {
  const { status, headers, now, apiKey } = answer;
  const retry = retryAt(headers, now);
  return new ProviderFailure(kindOf(status, answer.creates, retry), {
    code: publicText(answer.code ?? `http_${status}`, apiKey),
    message: publicText(
      answer.message ?? sentences.get(status) ?? `The provider answered ${status}.`,
      apiKey,
    ),
    status,
    retryAt: retry,
  });
}

/**
 * The failure that a broken or missing connection means. `creates`: whether the call may have created something
 * that must not be created twice; then everything but never having connected is `uncertain`.
 */
export function connectionFailure(error: unknown, { creates }: { creates: boolean }): ProviderFailure {
  const word = troubleWord(error);
  const lost = creates && !neverConnected.has(word);
  return lost
    ? new ProviderFailure('uncertain', {
        code: 'answer_lost',
        message: `The call ended before the provider had answered (${word}).`,
      })
    : new ProviderFailure('unavailable', {
        code: 'connection_failed',
        message: `The call to the provider failed (${word}).`,
      });
}

/**
 * When the provider allows the next try: from `retry-after-ms`, or Retry-After in seconds or as an HTTP date;
 * null where there is none that can be read.
 */
export function retryAt(headers: Pick<Headers, 'get'>, now: Date): Date | null {
  const milliseconds = numberIn(headers.get('retry-after-ms'));
  return milliseconds === null ? retryAfter(headers.get('retry-after'), now) : afterWait(milliseconds, now);
}

/** The text with the API key, and whatever looks like one, cut out; at most 500 characters. */
export function publicText(text: string, apiKey: string): string {
  const exact = apiKey === '' ? text : text.replaceAll(apiKey, redacted);
  const clean = exact.replace(credential, redacted);
  return clean.length > textLengthMax ? `${clean.slice(0, textLengthMax - 1)}…` : clean;
}

/** For providers, and what stands before them, that say nothing themselves. */
const sentences: ReadonlyMap<number, string> = new Map([
  [402, 'The provider takes nothing more before it is paid.'],
  [413, 'The provider takes no job as large as this one.'],
]);

const textLengthMax = 500;
const redacted = '[redacted]';
/** Vendors like to quote a key with its middle starred out. */
const credential = /\bBearer\s+\S+|\b(?:sk|pk|xai|gsk|key)-[\w*-]{4,}/g;

const kindOf = (status: number, creates: boolean, retry: Date | null): ProviderFailureKind => {
  if (status === 429) return 'throttled';
  if (status === 410) return 'expired';
  if (status >= 500 || status === 408) {
    if (creates) return 'uncertain';
    return retry !== null && (status === 503 || status === 529) ? 'throttled' : 'unavailable';
  }
  return status >= 400 ? 'rejected' : 'malformed';
};

/** Met before anything could be sent. */
const neverConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

/** The system's word for the trouble (`ECONNRESET`), from wherever in the chain of causes it stands. */
const troubleWord = (error: unknown): string => {
  let name = 'unknown';
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    name = at.name === 'Error' ? at.constructor.name : at.name;
  }
  return name;
};
