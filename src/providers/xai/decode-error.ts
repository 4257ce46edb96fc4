/**
 * How a result says what went wrong. It has been seen as a google.rpc status, as a bare sentence without any code, and
 * as a sentence beside the result; a sentence alone leaves what kind of trouble it was to its words.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';
import type { Outcome } from '../provider.ts';
import { findCode } from './status-codes.ts';

/** An item that failed. */
export const errored = (
  code: string,
  message: string | null,
  retryable: boolean,
  usage: Usage = unknownUsage,
): Outcome => ({
  status: 'ERRORED',
  errorCode: code,
  errorMessage: message,
  retryable,
  stopReason: null,
  usage,
});

/** The outcome of a result that tells of an error; null where it tells of none. */
export function readError(value: JsonObject): Outcome | null {
  const { batch_result: result, error_message: beside, error: alone } = value;
  const told = (isJsonObject(result) ? result['error'] : undefined) ?? alone;
  const { code, message } = isJsonObject(told) ? told : { code: undefined, message: told };
  const sentence = sentenceIn(beside) ?? sentenceIn(message);
  // A status of 0 says that there is no error, and so does an object without anything in it.
  const isOk = code === 0 || code === '0';
  if (isOk && sentenceIn(beside) === null) return null;
  if (isOk || code === undefined || code === null) return sentence === null ? null : fromSentence(sentence);
  return fromCode(code, sentence);
}

const fromCode = (code: JsonValue, sentence: string | null): Outcome => {
  const known = findCode(code);
  if (known !== null) return ended(known.word, sentence ?? known.sentence, known.passes);
  const isStatus = typeof code === 'number' && code >= 400;
  const word = isStatus ? `http_${code}` : snakeCase(String(code));
  return ended(word, sentence, isStatus && (code >= 500 || code === 408 || code === 429));
};

/** A sentence that stands for a code is as good as the code; others may carry a word in brackets. */
const fromSentence = (sentence: string): Outcome => {
  const known = findCode(sentence);
  if (known !== null) return ended(known.word, sentence, known.passes);
  if (stopped.test(sentence)) return ended('cancelled', sentence, true);
  const word = /\[WKE=([\w.:-]+)\]/.exec(sentence)?.[1];
  return ended(word === undefined ? 'request_failed' : snakeCase(word), sentence, passing.test(sentence));
};

const stopped = /^batch (?:was )?cancell?ed\b/i;
/** Words that speak of the moment and not of the request. */
const passing =
  /\b(?:overloaded|at capacity|rate limit|too many requests|timed? ?out|temporarily|unavailable|internal (?:server )?error|try again)\b/i;

const endings: Readonly<Record<string, Outcome['status']>> = {
  cancelled: 'CANCELLED',
  batch_cancelled: 'CANCELLED',
  deadline_exceeded: 'EXPIRED',
};

/** What was cancelled or came too late was not looked at, and may be sent again. */
const ended = (word: string, message: string | null, passes: boolean): Outcome => {
  const status = Object.hasOwn(endings, word) ? (endings[word] ?? 'ERRORED') : 'ERRORED';
  return { ...errored(word, message, passes || status !== 'ERRORED'), status };
};

const snakeCase = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '') || 'unknown_error';

const sentenceIn = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;
