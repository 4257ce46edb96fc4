/**
 * What the vendor makes of an input file: the faults that fail the job, and otherwise what the job is going to be.
 * The words of the faults are our own.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { endpoints, problemOf } from './emulator-bodies.ts';
import type { InputFault } from './emulator-store.ts';

/** An input file, read for an endpoint. */
export interface CheckedInput {
  readonly faults: readonly InputFault[];
  readonly fates: BatchFates;
}

/** Reads the whole input, for a job of this endpoint. */
export function checkInput(lines: readonly Buffer[], endpoint: string): CheckedInput {
  const seen = new Set<string>();
  const faults = new Map<string, number>();
  const refused: string[] = [];
  for (const [position, line] of lines.entries()) {
    const request = parsedObject(line.toString('utf8'));
    const fault = request === null ? 'The line is not a JSON object.' : faultOf(request, seen);
    if (fault !== null) faults.set(fault, (faults.get(fault) ?? 0) + 1);
    else if (request !== null && bodyProblem(request, endpoint) !== null) refused.push(String(position));
  }
  if (lines.length === 0) faults.set('The input file is empty.', 1);

  const fates = readFates(texts(lines));
  return {
    faults: Array.from(faults, ([message, count]) => ({ message, count })),
    fates: {
      items: { ...Object.fromEntries(refused.map((position) => [position, 'errored'])), ...fates.items },
      batch: faults.size > 0 ? ['job-failed'] : fates.batch,
    },
  };
}

/** What the endpoint says against the request's body; null where it takes it. */
export function bodyProblem({ body }: JsonObject, url: string): string | null {
  const endpoint = endpoints.get(url);
  return endpoint === undefined || !isJsonObject(body) ? null : problemOf(endpoint, body);
}

/** The first thing that is wrong with a line. Remembers its key for the lines after it. */
const faultOf = ({ custom_id: key, body }: JsonObject, seen: Set<string>): string | null => {
  if (typeof key !== 'string' || key === '') return 'custom_id is missing.';
  if (seen.has(key)) return 'custom_id is not unique.';
  seen.add(key);
  return isJsonObject(body) ? null : 'body is missing.';
};

function* texts(lines: readonly Buffer[]): Generator<string> {
  for (const line of lines) yield line.toString('utf8');
}
