/**
 * What the vendor makes of the lines of a new batch: the fault for which it refuses all of them, and otherwise what is
 * going to become of each. The words of the faults are our own.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { inputLines } from './emulator-store.ts';
import type { Switches } from './emulator-switches.ts';

const recordsMin = 20;
const recordsMax = 500;
const bytesMax = 5_000_000;

/** A refusal: its status and its sentence. */
export interface InputFault {
  readonly status: number;
  readonly message: string;
}

/** The first fault of the input; null where it is taken. */
export function inputFault(content: string, switches: Switches): InputFault | null {
  const refused = (message: string): InputFault => ({ status: 400, message });
  if (Buffer.byteLength(content) > bytesMax) {
    return { status: Number(switches.tooLargeStatus), message: 'The file exceeds the maximum size of 5MB.' };
  }
  const lines = inputLines(content);
  if (lines.length < recordsMin)
    return refused(`A batch needs at least ${recordsMin} records, got ${lines.length}.`);
  if (lines.length > recordsMax)
    return refused(`A batch has at most ${recordsMax} records, got ${lines.length}.`);
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const fault = lineFault(line, seen, switches);
    if (fault !== null) return refused(`Line ${index + 1}: ${fault}`);
  }
  return null;
}

/** The fates of a batch whose input was taken. A payload that cannot be generated is rejected in its turn. */
export function fatesOf(content: string): BatchFates {
  const lines = inputLines(content);
  // A script may also stand percent-encoded, in a URL.
  const { items, batch } = readFates(lines.map((line) => line.replaceAll(/%3A/gi, ':')));
  const rejected = lines.flatMap((line, position) =>
    payloadProblem(requestIn(line)) === null ? [] : [[position, 'errored'] as const],
  );
  return { items: { ...items, ...Object.fromEntries(rejected) }, batch };
}

/** The request in a line; empty where there is none. */
export function requestIn(line: string): JsonObject {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** What the vendor says against the request's payload; null where it can be generated. */
export function payloadProblem({ payload }: JsonObject): string | null {
  const { model, input } = isJsonObject(payload) ? payload : {};
  if (typeof model !== 'string' || model === '') return 'payload.model must be a string';
  if (!Array.isArray(input) || input.length === 0) return 'payload.input must be a non-empty array';
  const isTyped = input.every((item) => isJsonObject(item) && typeof item['type'] === 'string');
  return isTyped ? null : 'payload.input must contain typed inputs';
}

const members = new Set(['request_id', 'endpoint', 'payload']);

/** The first thing that is wrong with a line. Remembers its request id for the lines after it. */
const lineFault = (line: string, seen: Set<string>, { payloadChecked }: Switches): string | null => {
  const request = requestIn(line);
  const { request_id: id, endpoint, payload } = request;
  if (Object.keys(request).length === 0) return 'not a JSON object';
  const unknown = Object.keys(request).find((member) => !members.has(member));
  if (unknown !== undefined) return `property ${unknown} should not exist`;
  if (typeof id !== 'string' || id === '') return 'request_id must be a non-empty string';
  if (seen.has(id)) return `request_id ${id} is not unique`;
  seen.add(id);
  if (endpoint !== '/v2/generate') return 'endpoint must be /v2/generate';
  if (!isJsonObject(payload)) return 'payload must be an object';
  return payloadChecked === 'at-creation' ? payloadProblem(request) : null;
};
