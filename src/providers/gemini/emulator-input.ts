/**
 * What the vendor makes of a job's lines: what is wrong with them, which fails the job, and otherwise what becomes of
 * each request. The words of the faults are our own.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { problemOf } from './emulator-bodies.ts';
import type { RequestKind } from './emulator-store.ts';
import { parseObject } from './emulator-wire.ts';

/** An input, read for a kind of requests. */
export interface CheckedInput {
  readonly fault: string | null;
  readonly fates: BatchFates;
}

/** Reads the whole input. */
export function checkInput(lines: readonly Buffer[], kind: RequestKind): CheckedInput {
  let fault: string | null = lines.length === 0 ? 'The input has no requests.' : null;
  const refused: string[] = [];
  for (const [position, line] of lines.entries()) {
    const request = parseObject(line.toString('utf8'));
    const problem = request === null ? 'is not a JSON object' : faultOf(request);
    if (problem !== null) fault ??= `Line ${position + 1} of the input ${problem}.`;
    else if (request !== null && problemOf(kind, requestIn(request)) !== null) refused.push(String(position));
  }
  const fates = readFates(texts(lines));
  return {
    fault,
    fates: {
      items: { ...Object.fromEntries(refused.map((position) => [position, 'errored'])), ...fates.items },
      batch: fault === null ? fates.batch : ['job-failed'],
    },
  };
}

/** The request in a line. */
export const requestIn = ({ request }: JsonObject): JsonObject => (isJsonObject(request) ? request : {});

/** The caller's name for a line: beside its request or, where requests came along, in their metadata. */
export function keyIn({ key, metadata }: JsonObject): string | null {
  const named = key ?? (isJsonObject(metadata) ? metadata['key'] : null);
  return typeof named === 'string' ? named : null;
}

/** What a line may have. That a key is there, and there once, is not asked for. */
const lineFields = ['key', 'request', 'metadata'];

const faultOf = (line: JsonObject): string | null => {
  const unknown = Object.keys(line).find((name) => !lineFields.includes(name));
  if (unknown !== undefined) return `has the unknown field ${unknown}`;
  return isJsonObject(line['request']) ? null : 'has no request';
};

function* texts(lines: readonly Buffer[]): Generator<string> {
  for (const line of lines) yield line.toString('utf8');
}
