/**
 * How a line of an output object is read: the record's id, and the model's answer or an error. Never throws; a line
 * that names its item and says nothing else that we can read makes that item `ERRORED`.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { parsedObject, textAt } from '../../domain/json-reading.ts';
import { unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';
import { type ModelOutput, readModelOutput } from './model-output.ts';

/** Reads `{"recordId":…,"modelInput":…,"modelOutput":…}`, or `error` in place of the output. */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the line is not a JSON object' };
    const { recordId: key } = value;
    if (typeof key !== 'string') return { kind: 'malformed', reason: 'recordId is not a string' };
    return { kind: 'result', key, outcome: readOutcome(value) };
  },
  readText(line) {
    const value = parsedObject(line);
    return (value && answerIn(value)?.text) ?? null;
  },
  readResponse: (line) => answered(200, textAt(line, ['modelOutput'])),
};

const readOutcome = (value: JsonObject): Outcome => {
  const { error = null } = value;
  if (error !== null) return refused(isJsonObject(error) ? error : {});
  const answer = answerIn(value);
  if (answer === null) return unreadable;
  return {
    status: 'SUCCEEDED',
    errorCode: null,
    errorMessage: null,
    retryable: null,
    stopReason: answer.stopReason,
    usage: answer.usage,
  };
};

const answerIn = ({ error = null, modelOutput }: JsonObject): ModelOutput | null =>
  error === null && isJsonObject(modelOutput) ? readModelOutput(modelOutput) : null;

/** `errorCode` is an HTTP status; a word in its place is taken as it is. */
const refused = ({ errorCode: told, errorMessage }: JsonObject): Outcome => {
  const text = typeof told === 'number' || typeof told === 'string' ? String(told) : '';
  const isStatus = /^\d{3}$/.test(text);
  return {
    status: 'ERRORED',
    errorCode: isStatus ? `http_${text}` : text === '' ? 'unknown_error' : snakeCase(text),
    errorMessage: typeof errorMessage === 'string' ? errorMessage : null,
    retryable: isStatus ? mayPass(Number(text)) : passingWords.test(text),
    stopReason: null,
    usage: unknownUsage,
  };
};

/** Statuses that say more about the moment than about the request. */
const mayPass = (status: number): boolean => status >= 500 || status === 408 || status === 429;

const passingWords = /Throttling|Timeout|NotReady|Unavailable|InternalServer/i;

const snakeCase = (word: string): string =>
  word
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();

const unreadable: Outcome = {
  status: 'ERRORED',
  errorCode: 'unreadable_result',
  errorMessage: 'The provider answered in a form that is not known here.',
  retryable: false,
  stopReason: null,
  usage: unknownUsage,
};
