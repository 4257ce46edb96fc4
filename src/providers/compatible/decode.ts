/**
 * How a line of an output or error file is read, for every endpoint that a batch can name. Never throws; a line
 * that names its item and says nothing else that we can read makes that item `ERRORED`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { countIn, memberIn, parsedObject, textAt, textIn } from '../../domain/json-reading.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';
import type { Decoding, Outcome } from '../provider.ts';
import { isExhausted } from './refusal.ts';
import { readError, type WireError } from './wire.ts';

/** Reads `{"id":…,"custom_id":…,"response":{"status_code":…,"body":…},"error":…}`. */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the line is not a JSON object' };
    const { custom_id: key } = value;
    if (typeof key !== 'string') return { kind: 'malformed', reason: 'custom_id is not a string' };
    return { kind: 'result', key, outcome: readOutcome(value) };
  },
  readText(line) {
    const value = parsedObject(line);
    const answer = value && answerIn(value);
    return answer?.ok ? textOf(answer.body) : null;
  },
  // What others are brought into the form of, so it is the line's own.
  readResponse(line) {
    const response = textAt(line, ['response']);
    return response === 'null' ? null : response;
  },
};

const readOutcome = (value: JsonObject): Outcome => {
  const { error } = value;
  const answer = answerIn(value);
  if (answer === null)
    return isJsonObject(error) || textIn(error) ? unanswered(readError(error)) : unreadable;
  if (!answer.ok) return refused(answer.body, answer.status);
  return unfinished(answer.body) ?? succeeded(answer.body);
};

/** The HTTP answer inside the line; null where there is none. */
const answerIn = ({ response }: JsonObject): { status: number; ok: boolean; body: JsonObject } | null => {
  if (!isJsonObject(response)) return null;
  const { status_code: status, body } = response;
  if (typeof status !== 'number') return null;
  const ok = status >= 200 && status < 300;
  if (isJsonObject(body)) return { status, ok, body };
  return ok ? null : { status, ok, body: {} };
};

const succeeded = (body: JsonObject): Outcome => ({
  status: 'SUCCEEDED',
  errorCode: null,
  errorMessage: null,
  retryable: null,
  stopReason: stopReasonOf(body),
  usage: usageOf(body),
});

const errored = (
  code: string,
  message: string | null,
  retryable: boolean,
  usage = unknownUsage,
): Outcome => ({
  status: 'ERRORED',
  errorCode: code,
  errorMessage: message,
  retryable,
  stopReason: null,
  usage,
});

const unreadable = errored(
  'unreadable_result',
  'The provider answered in a form that is not known here.',
  false,
);

/** The endpoint answered with a status other than 2xx. */
const refused = ({ error }: JsonObject, status: number): Outcome => {
  const { code, type, message } = readError(error);
  const passes = mayPass(status) && !isExhausted({ code, type });
  return errored(code ?? type ?? `http_${status}`, message, passes);
};

/** Statuses that say more about the moment than about the request. */
const mayPass = (status: number): boolean => status >= 500 || [408, 409, 429].includes(status);

/** A Response or a video that failed comes with status 200 and its error inside. */
const unfinished = (body: JsonObject): Outcome | null => {
  const { object, status, error } = body;
  if ((object !== 'response' && object !== 'video') || status !== 'failed') return null;
  const { code, message } = readError(error);
  const word = code ?? `${object}_failed`;
  return errored(word, message, passingErrors.has(word), usageOf(body));
};

const passingErrors: ReadonlySet<string> = new Set(['server_error', 'rate_limit_exceeded']);

/** The item never got an answer from the endpoint; whatever stood in the way was not the request. */
const unanswered = ({ code, type, message }: WireError): Outcome => {
  const word = code ?? type ?? 'unknown_error';
  const outcome = errored(word, message, !isExhausted({ code, type }));
  return { ...outcome, status: endings.get(word) ?? 'ERRORED' };
};

const endings: ReadonlyMap<string, Outcome['status']> = new Map([
  ['batch_expired', 'EXPIRED'],
  ['batch_cancelled', 'CANCELLED'],
  ['batch_canceled', 'CANCELLED'],
]);

const stopReasonOf = (body: JsonObject): string | null => {
  const { object, status, incomplete_details: incomplete } = body;
  if (object !== 'response') return textIn(memberIn(first(body, 'choices'), 'finish_reason'));
  return textIn(memberIn(incomplete, 'reason')) ?? textIn(status);
};

/** Chat, completions and embeddings count prompt and completion tokens, responses and images input and output tokens. */
const usageOf = ({ usage }: JsonObject): Usage => {
  if (!isJsonObject(usage)) return unknownUsage;
  const { prompt_tokens: prompt, completion_tokens: completion } = usage;
  const { input_tokens: input = prompt, output_tokens: output = completion } = usage;
  const { prompt_tokens_details: promptDetails, completion_tokens_details: completionDetails } = usage;
  const { input_tokens_details: inputDetails = promptDetails } = usage;
  const { output_tokens_details: outputDetails = completionDetails } = usage;
  return {
    // Cached tokens are part of the vendor's figure already.
    inputTokens: countIn(input),
    outputTokens: countIn(output),
    cachedInputTokens: countIn(memberIn(inputDetails, 'cached_tokens')),
    cacheWriteInputTokens: countIn(memberIn(inputDetails, 'cache_write_tokens')),
    reasoningTokens: countIn(memberIn(outputDetails, 'reasoning_tokens')),
  };
};

const textOf = (body: JsonObject): string | null => {
  const { output } = body;
  if (!Array.isArray(output)) {
    const choice = first(body, 'choices');
    const content = memberIn(memberIn(choice, 'message'), 'content');
    return textIn(content) ?? joined(listIn(content), 'text') ?? textIn(memberIn(choice, 'text'));
  }
  return joined(
    output.flatMap((item) => listIn(memberIn(item, 'content'))),
    'output_text',
  );
};

/** The texts of the parts of a type, as one; null where there is no such part. */
const joined = (parts: readonly JsonValue[], type: string): string | null => {
  const texts = parts
    .filter((part) => memberIn(part, 'type') === type)
    .map((part) => textIn(memberIn(part, 'text')) ?? '');
  return texts.length === 0 ? null : texts.join('');
};

const first = (body: JsonObject, key: string): JsonValue | undefined => listIn(body[key])[0];

const listIn = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : []);
