/**
 * The objects of the batches' wire, as far as anything here reads them. Reading is lenient: only what the protocol
 * cannot do without makes an answer unreadable; whatever else is missing or of another type is null.
 */
import { elementTexts, isJsonObject, type JsonValue, memberTexts } from '../../domain/json-line.ts';
import { parsedJson, textIn } from '../../domain/json-reading.ts';

/** The vendor's job object. It tells neither counts nor anything about single requests. */
export interface WireJob {
  readonly id: string;
  /** One of seven words, or one that is new to us. */
  readonly status: string;
  readonly type: string | null;
  readonly background: boolean | null;
  readonly stopReason: string | null;
  readonly totalDurationNs: bigint | null;
  readonly ttftNs: bigint | null;
  readonly createdAt: Date | null;
  readonly completedAt: Date | null;
  readonly callbackUrl: string | null;
  readonly callbackSentAt: Date | null;
  readonly callbackStatusCode: number | null;
  readonly callbackError: string | null;
}

/** One message of a job: what it says, and the very characters that said it. */
export interface WireMessage {
  readonly value: JsonValue;
  readonly text: string;
}

/** Reads a job; null where the text is none. */
export function readJob(text: string): WireJob | null {
  const value = parsedJson(text);
  return isJsonObject(value) ? toJob(value, memberTexts(text)) : null;
}

/** Reads a page of the list, a bare array; null where the text is none, or one of its jobs is not. */
export function readJobs(text: string): WireJob[] | null {
  if (!Array.isArray(parsedJson(text))) return null;
  const jobs = elementTexts(text).map(readJob);
  return jobs.every((job) => job !== null) ? jobs : null;
}

/** Reads a page of messages; null where the text is none. */
export function readMessages(text: string): WireMessage[] | null {
  const page = parsedJson(text);
  const { messages } = isJsonObject(page) ? page : {};
  if (!Array.isArray(messages)) return null;
  const texts = elementTexts(memberTexts(text).get('messages') ?? '[]');
  return messages.map((value, index) => ({ value, text: texts[index] ?? 'null' }));
}

/** The id of a message, for going on after it; null where it has none. */
export const messageId = ({ value }: WireMessage): string | null =>
  isJsonObject(value) ? textIn(value['id']) : null;

/**
 * The word and the sentence of an error answer; null where it has none. The server says `detail`, a sentence or a
 * list of what is wrong with which field; of trouble with a model it says `error`.
 */
export function readErrorAnswer(text: string): { code: string | null; message: string | null } {
  const answer = parsedJson(text);
  const { detail, error, message } = isJsonObject(answer) ? answer : {};
  const { type, message: said } = isJsonObject(error) ? error : {};
  return { code: textIn(type), message: textIn(said) ?? toSentence(detail) ?? textIn(message) };
}

const toJob = (value: { [key: string]: JsonValue }, texts: ReadonlyMap<string, string>): WireJob | null => {
  const { id, status, job_type: type, background, stop_reason: stopReason } = value;
  const { created_at: createdAt, completed_at: completedAt, callback_url: callbackUrl } = value;
  const { callback_sent_at: sentAt, callback_status_code: statusCode, callback_error: error } = value;
  if (typeof id !== 'string' || id === '' || typeof status !== 'string') return null;
  return {
    id,
    status,
    type: textIn(type),
    background: typeof background === 'boolean' ? background : null,
    stopReason: textIn(stopReason),
    totalDurationNs: toCount(texts.get('total_duration_ns')),
    ttftNs: toCount(texts.get('ttft_ns')),
    createdAt: toInstant(createdAt),
    completedAt: toInstant(completedAt),
    callbackUrl: toCallbackUrl(callbackUrl),
    callbackSentAt: toInstant(sentAt),
    callbackStatusCode: typeof statusCode === 'number' && Number.isInteger(statusCode) ? statusCode : null,
    callbackError: textIn(error),
  };
};

/** Of a job without a callback the server keeps the word that its language has for nothing. */
const toCallbackUrl = (value: JsonValue | undefined): string | null =>
  value === 'None' || value === '' ? null : textIn(value);

/** A whole number, read from its digits: nanoseconds of three months are more than a double holds. */
const toCount = (text: string | undefined): bigint | null =>
  text !== undefined && /^\d+$/.test(text) ? BigInt(text) : null;

/** An ISO 8601 time. Some are told without a zone, and are UTC. */
const toInstant = (value: JsonValue | undefined): Date | null => {
  if (typeof value !== 'string') return null;
  const instant = new Date(/(?:Z|[+-]\d\d:?\d\d)$/i.test(value) ? value : `${value}Z`);
  return Number.isNaN(instant.getTime()) ? null : instant;
};

const toSentence = (detail: JsonValue | undefined): string | null => {
  const [problem] = Array.isArray(detail) ? detail : [];
  if (!isJsonObject(problem)) return textIn(detail);
  const { loc, msg } = problem;
  const place = Array.isArray(loc) ? loc.join('.') : '';
  const sentence = textIn(msg);
  return sentence !== null && place !== '' ? `${place}: ${sentence}` : sentence;
};
