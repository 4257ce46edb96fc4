/**
 * How a result line of Message Batches is read. Four kinds of result exist; errors are nested twice
 * (`result.error.error`). Never throws.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { countIn, parsedObject, textAt, textIn } from '../../domain/json-reading.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';
import { isSpent } from './refusal.ts';

/** Reads `{"custom_id":…,"result":{"type":…}}`. */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the line is not a JSON object' };
    const { custom_id: key, result } = value;
    if (typeof key !== 'string') return { kind: 'malformed', reason: 'custom_id is not a string' };
    return { kind: 'result', key, outcome: readOutcome(result) ?? unreadable };
  },
  readText(line) {
    const { result } = parsedObject(line) ?? {};
    const { content } = succeededMessage(result) ?? {};
    if (!Array.isArray(content)) return null;
    const texts = content.map(textOfBlock).filter((text) => text !== null);
    return texts.length === 0 ? null : texts.join('');
  },
  readResponse: (line) => answered(200, textAt(line, ['result', 'message'])),
};

/** Of a line that names its item and says nothing else that we can read: the item has its answer, such as it is. */
const unreadable: Outcome = {
  status: 'ERRORED',
  errorCode: 'unreadable_result',
  errorMessage: 'The provider answered in a form that is not known here.',
  retryable: false,
  stopReason: null,
  usage: unknownUsage,
};

const readOutcome = (result: JsonValue | undefined): Outcome | null => {
  if (!isJsonObject(result)) return null;
  const { type } = result;
  return (typeof type === 'string' ? readers.get(type)?.(result) : null) ?? null;
};

const readers: ReadonlyMap<string, (result: JsonObject) => Outcome | null> = new Map<
  string,
  (result: JsonObject) => Outcome | null
>([
  ['succeeded', readSucceeded],
  ['errored', readErrored],
  ['expired', () => expired],
  ['canceled', () => cancelled],
]);

function readSucceeded(result: JsonObject): Outcome | null {
  const message = succeededMessage(result);
  if (message === null) return null;
  const { stop_reason: stopReason, usage } = message;
  return {
    status: 'SUCCEEDED',
    errorCode: null,
    errorMessage: null,
    retryable: null,
    stopReason: textIn(stopReason),
    usage: readUsage(usage),
  };
}

function readErrored({ error: response }: JsonObject): Outcome | null {
  const { error } = isJsonObject(response) ? response : {};
  if (!isJsonObject(error)) return null;
  const { type, message, details } = error;
  const { error_code: cause } = isJsonObject(details) ? details : {};
  const errorCode = textIn(type);
  if (errorCode === null) return null;
  return {
    status: 'ERRORED',
    errorCode,
    errorMessage: textIn(message),
    retryable: passingErrors.has(errorCode) && !isSpent(textIn(cause)),
    stopReason: null,
    usage: unknownUsage,
  };
}

/** Types that say more about the moment than about the request. */
const passingErrors: ReadonlySet<string> = new Set([
  'api_error',
  'overloaded_error',
  'rate_limit_error',
  'timeout_error',
]);

const expired: Outcome = {
  status: 'EXPIRED',
  errorCode: 'expired',
  errorMessage: 'The batch expired before this request was processed.',
  retryable: true,
  stopReason: null,
  usage: unknownUsage,
};

const cancelled: Outcome = {
  ...expired,
  status: 'CANCELLED',
  errorCode: 'canceled',
  errorMessage: 'The batch was cancelled before this request was processed.',
};

/**
 * The vendor's `input_tokens` leaves out what went through the cache, both ways; ours has it in. A cache figure
 * that is null was not told: it stays null for itself and adds nothing to the sum.
 */
const readUsage = (usage: JsonValue | undefined): Usage => {
  if (!isJsonObject(usage)) return unknownUsage;
  const { input_tokens: uncached, output_tokens: output, output_tokens_details: outputDetails } = usage;
  const { cache_creation_input_tokens: cacheWritten, cache_read_input_tokens: cacheRead } = usage;
  const { thinking_tokens: thinking } = isJsonObject(outputDetails) ? outputDetails : {};
  const uncachedTokens = countIn(uncached);
  const cacheWriteInputTokens = countIn(cacheWritten);
  const cachedInputTokens = countIn(cacheRead);
  return {
    inputTokens:
      uncachedTokens === null
        ? null
        : uncachedTokens + (cacheWriteInputTokens ?? 0) + (cachedInputTokens ?? 0),
    outputTokens: countIn(output),
    cachedInputTokens,
    cacheWriteInputTokens,
    reasoningTokens: countIn(thinking),
  };
};

const succeededMessage = (result: JsonValue | undefined): JsonObject | null => {
  if (!isJsonObject(result)) return null;
  const { type, message } = result;
  return type === 'succeeded' && isJsonObject(message) ? message : null;
};

const textOfBlock = (block: JsonValue): string | null => {
  if (!isJsonObject(block)) return null;
  const { type, text } = block;
  return type === 'text' ? textIn(text) : null;
};
