/**
 * How a line of an output or error file is read, for every endpoint that a job can name. Never throws; a line that
 * names its item and says nothing else that we can read makes that item `ERRORED`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { countIn, memberIn, parsedObject, textAt, textIn } from '../../domain/json-reading.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';

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
  readResponse(line) {
    const value = parsedObject(line);
    const answer = value && answerIn(value);
    if (answer === null) return null;
    const body = textAt(line, ['response', 'body']);
    return answered(answer.status, body?.startsWith('"') ? JSON.stringify(answer.body) : body);
  },
};

const readOutcome = (value: JsonObject): Outcome => {
  const { error = null } = value;
  const answer = answerIn(value);
  if (answer === null) return error === null ? unreadable : unanswered(error);
  return answer.ok ? succeeded(answer.body) : refused(answer.body, answer.status);
};

/** The HTTP answer inside the line; null where there is none. Its body has been seen as JSON inside a string, too. */
const answerIn = ({ response }: JsonObject): { status: number; ok: boolean; body: JsonObject } | null => {
  if (!isJsonObject(response)) return null;
  const { status_code: status, body: told } = response;
  if (typeof status !== 'number') return null;
  const ok = status >= 200 && status < 300;
  const body = typeof told === 'string' ? parsedObject(told) : told;
  if (isJsonObject(body)) return { status, ok, body };
  return ok ? null : { status, ok, body: typeof told === 'string' ? { message: told } : {} };
};

const succeeded = (body: JsonObject): Outcome => ({
  status: 'SUCCEEDED',
  errorCode: null,
  errorMessage: null,
  retryable: null,
  stopReason: textIn(memberIn(first(body, 'choices'), 'finish_reason')),
  usage: usageOf(body),
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

/** The endpoint answered with a status other than 2xx. */
const refused = (body: JsonObject, status: number): Outcome => {
  const { type } = body;
  return errored(textIn(type) ?? `http_${status}`, messageIn(body), mayPass(status));
};

/** Statuses that say more about the moment than about the request. */
const mayPass = (status: number): boolean => status >= 500 || [408, 409, 429].includes(status);

/** The item never got an answer from the endpoint; whatever stood in the way was not the request. */
const unanswered = (error: JsonValue): Outcome => {
  const told = isJsonObject(error) ? error : {};
  const { code, type } = told;
  const word = textIn(code) ?? textIn(type) ?? 'unknown_error';
  const outcome = errored(word, textIn(error) ?? messageIn(told), true);
  return { ...outcome, status: endings.get(word) ?? 'ERRORED' };
};

const endings: ReadonlyMap<string, Outcome['status']> = new Map([
  ['timeout_exceeded', 'EXPIRED'],
  ['cancelled', 'CANCELLED'],
]);

/** The sentence in an error: a message, a detail, or the first of a list of details, wherever those stand. */
const messageIn = ({ message, detail }: JsonObject): string | null => {
  const inner = isJsonObject(message) ? memberIn(message, 'detail') : (message ?? detail);
  const [problem] = Array.isArray(inner) ? inner : [];
  return textIn(inner) ?? textIn(memberIn(problem, 'msg'));
};

/** The tokens that the vendor tells; cached ones are part of the input. */
const usageOf = ({ usage }: JsonObject): Usage => ({
  ...unknownUsage,
  inputTokens: countIn(memberIn(usage, 'prompt_tokens')),
  outputTokens: countIn(memberIn(usage, 'completion_tokens')),
  cachedInputTokens: countIn(memberIn(memberIn(usage, 'prompt_tokens_details'), 'cached_tokens')),
});

/** A message is a text or, from models that think, a list of parts of which only the texts are its answer. */
const textOf = (body: JsonObject): string | null => {
  const content = memberIn(memberIn(first(body, 'choices'), 'message'), 'content');
  if (!Array.isArray(content)) return textIn(content);
  const texts = content
    .filter((part) => memberIn(part, 'type') === 'text')
    .map((part) => textIn(memberIn(part, 'text')) ?? '');
  return texts.length === 0 ? null : texts.join('');
};

const first = (body: JsonObject, key: string): JsonValue | undefined => {
  const list = body[key];
  return Array.isArray(list) ? list[0] : undefined;
};
