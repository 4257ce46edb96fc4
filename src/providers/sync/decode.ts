/**
 * How a line of the file of results is read. The vendor does not publish its keys, so each is looked for under every
 * spelling that the vendor uses elsewhere, in the line and in the generation inside it. Never throws; a line that
 * names its item and says nothing else that we can read makes that item `ERRORED`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { parsedObject, textAt } from '../../domain/json-reading.ts';
import { unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';

/** Reads `{"request_id":…,"status":…,"generation_id":…,"output_url":…,"error":…}` and its like. */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the line is not a JSON object' };
    const key = keyNames.map((name) => value[name]).find((found) => typeof found === 'string');
    if (typeof key !== 'string') return { kind: 'malformed', reason: 'the line has no request_id' };
    return { kind: 'result', key, outcome: readOutcome(value) };
  },
  // What a generation gives is a video, and its URL is nothing that a model wrote.
  readText: () => null,
  // The line is the generation itself.
  readResponse: (line) => answered(200, textAt(line, [])),
};

const keyNames = ['request_id', 'requestId', 'custom_id', 'customId'];
const statusNames = ['status', 'generation_status', 'generationStatus'];
const errorNames = ['error', 'error_message', 'errorMessage'];
const codeNames = ['error_code', 'errorCode'];
const mediaNames = ['output_url', 'outputUrl', 'output_media_url', 'outputMediaUrl', 'media_url', 'mediaUrl'];
/** Where the generation stands, if not in the line itself. */
const generationNames = ['generation', 'response', 'result'];

const readOutcome = (line: JsonObject): Outcome => {
  const places = [line, ...generationNames.map((name) => line[name]).filter(isJsonObject)];
  const status = firstIn(places, statusNames);
  if (status !== undefined) return readers.get(textIn(status) ?? '')?.(places) ?? unreadable;
  // A line without any status still tells what there is.
  if (firstIn(places, errorNames) !== undefined) return failed(places);
  return textIn(firstIn(places, mediaNames)) === null ? unreadable : succeeded;
};

type Reader = (places: readonly JsonObject[]) => Outcome;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['COMPLETED', () => succeeded],
  ['FAILED', failed],
  ['REJECTED', (places) => errored(places, 'generation_rejected', false)],
  ['PENDING', () => notFinished],
  ['PROCESSING', () => notFinished],
]);

/** Codes of a failure that lies with what was sent; others tell of the moment, or nothing. */
const inputFaults =
  /^generation_(?:unsupported_|media_metadata_|input_|audio_(?:missing|length_)|text_length_)/;

function failed(places: readonly JsonObject[]): Outcome {
  const outcome = errored(places, 'generation_failed', true);
  return { ...outcome, retryable: !inputFaults.test(outcome.errorCode ?? '') };
}

const errored = (places: readonly JsonObject[], word: string, retryable: boolean): Outcome => {
  const error = firstIn(places, errorNames);
  const { code, message } = isJsonObject(error) ? error : {};
  return {
    ...nothing,
    status: 'ERRORED',
    errorCode: wordIn(firstIn(places, codeNames)) ?? wordIn(code) ?? word,
    errorMessage: sentenceIn(error) ?? sentenceIn(message),
    retryable,
  };
};

const nothing = {
  errorCode: null,
  errorMessage: null,
  retryable: null,
  stopReason: null,
  usage: unknownUsage,
} as const;

const succeeded: Outcome = { ...nothing, status: 'SUCCEEDED' };

const unreadable: Outcome = {
  ...nothing,
  status: 'ERRORED',
  errorCode: 'unreadable_result',
  errorMessage: 'The provider answered in a form that is not known here.',
  retryable: false,
};

const notFinished: Outcome = {
  ...nothing,
  status: 'ERRORED',
  errorCode: 'not_finished',
  errorMessage: 'The batch ended before this generation did.',
  retryable: true,
};

/** The first member of one of these names that is there and not null. */
const firstIn = (places: readonly JsonObject[], names: readonly string[]): JsonValue | undefined =>
  places
    .flatMap((place) => names.map((name) => place[name]))
    .find((value) => value !== undefined && value !== null);

const textIn = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

/** A sentence, or several; the vendor's errors come as either. */
const sentenceIn = (value: JsonValue | undefined): string | null =>
  textIn(Array.isArray(value) ? value.filter((one) => typeof one === 'string').join('; ') : value);

/** A word in snake_case; null where it is none. */
const wordIn = (value: JsonValue | undefined): string | null => {
  const word = (textIn(value) ?? '').toLowerCase();
  return /^[a-z0-9_]{1,100}$/.test(word) ? word : null;
};
