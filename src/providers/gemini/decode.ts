/**
 * How a line of a results file is read, for every endpoint that a job can name. Never throws; a line that names its
 * item and says nothing else that we can read makes that item `ERRORED`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { memberIn, parsedObject, textAt, textIn } from '../../domain/json-reading.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';
import { rpcCode } from './rpc-codes.ts';

/**
 * Reads `{"key":…,"response":{…}}` and `{"key":…,"error":{"code":…,"message":…}}`. Results that stand inside an
 * operation have their key in `metadata`.
 */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the line is not a JSON object' };
    const { key: own, metadata } = value;
    const key = textIn(own) ?? textIn(memberIn(metadata, 'key'));
    if (key === null) return { kind: 'malformed', reason: 'key is not a string' };
    return { kind: 'result', key, outcome: readOutcome(value) };
  },
  readText(line) {
    const { response } = parsedObject(line) ?? {};
    const parts = memberIn(memberIn(first(response, 'candidates'), 'content'), 'parts');
    const texts = (Array.isArray(parts) ? parts : [])
      .filter((part) => memberIn(part, 'thought') !== true)
      .flatMap((part) => textIn(memberIn(part, 'text')) ?? []);
    return texts.length === 0 ? null : texts.join('');
  },
  readResponse: (line) => answered(200, textAt(line, ['response'])),
};

const readOutcome = ({ response = null, error = null }: JsonObject): Outcome => {
  if (error !== null) return failed(error);
  if (!isJsonObject(response)) return unreadable;
  const { embedding } = response;
  const candidate = first(response, 'candidates');
  if (isJsonObject(candidate) || isJsonObject(embedding)) return succeeded(response, candidate);
  return blocked(response) ?? unreadable;
};

const succeeded = (response: JsonObject, candidate: JsonValue | undefined): Outcome => ({
  status: 'SUCCEEDED',
  errorCode: null,
  errorMessage: null,
  retryable: null,
  stopReason: textIn(memberIn(candidate, 'finishReason')),
  usage: usageOf(response),
});

const errored = (code: string, message: string | null, retryable: boolean): Outcome => ({
  status: 'ERRORED',
  errorCode: code,
  errorMessage: message,
  retryable,
  stopReason: null,
  usage: unknownUsage,
});

const unreadable = errored(
  'unreadable_result',
  'The provider answered in a form that is not known here.',
  false,
);

/** The vendor would not answer this prompt, and will not on another try; the tokens that it read are told. */
const blocked = (response: JsonObject): Outcome | null => {
  const { promptFeedback } = response;
  const reason = textIn(memberIn(promptFeedback, 'blockReason'));
  if (reason === null || reason === '') return null;
  const message =
    textIn(memberIn(promptFeedback, 'blockReasonMessage')) ?? 'The provider blocked the prompt.';
  return { ...errored(wordOf(reason), message, false), usage: usageOf(response) };
};

/** The item met an error. Only a cancelled one is no error of its own. */
const failed = (error: JsonValue): Outcome => {
  const { word, mayPass } = rpcCode(countIn(memberIn(error, 'code')));
  const told = textIn(memberIn(error, 'status'));
  const message = textIn(memberIn(error, 'message')) ?? textIn(error);
  const outcome = errored(told ? wordOf(told) : word, message, mayPass);
  return { ...outcome, status: word === 'cancelled' ? 'CANCELLED' : 'ERRORED' };
};

const wordOf = (told: string): string => told.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');

/**
 * The tokens that the vendor tells. Its count of the prompt includes what was cached, and leaves out what tools were
 * given to read; its count of the answer leaves out the thoughts. An embedding has one count, of its text.
 */
const usageOf = (response: JsonObject): Usage => {
  const { usageMetadata: usage, tokenCount } = response;
  const thoughts = countIn(memberIn(usage, 'thoughtsTokenCount'));
  return {
    inputTokens: sum(
      countIn(memberIn(usage, 'promptTokenCount')) ?? countIn(tokenCount),
      countIn(memberIn(usage, 'toolUsePromptTokenCount')),
    ),
    outputTokens: sum(countIn(memberIn(usage, 'candidatesTokenCount')), thoughts),
    cachedInputTokens: countIn(memberIn(usage, 'cachedContentTokenCount')),
    cacheWriteInputTokens: null,
    reasoningTokens: thoughts,
  };
};

/** What is known of two counts, added; null where neither is. */
const sum = (one: number | null, other: number | null): number | null =>
  one === null && other === null ? null : (one ?? 0) + (other ?? 0);

const first = (value: JsonValue | undefined, key: string): JsonValue | undefined => {
  const list = memberIn(value, key);
  return Array.isArray(list) ? list[0] : undefined;
};

/** A count, as a number or, as whole numbers of 64 bits are written, as a text; anything else is as good as not told. */
const countIn = (value: JsonValue | undefined): number | null => {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
};
