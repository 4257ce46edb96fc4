/**
 * The file that a batch is made of, as the vendor reads it: after the creation, line by line, and with the first bad
 * line it cancels the whole batch.
 */
import { isJsonObject } from '../../domain/json-line.ts';
import { formProblem, kindAt, modelProblem } from './emulator-requests.ts';
import type { KeptRequest, Store } from './emulator-store.ts';
import { Refusal } from './emulator-wire.ts';

/** The requests of a file, and why the batch will be cancelled for them; null where it will not. */
export interface Input {
  readonly requests: readonly KeptRequest[];
  readonly fault: string | null;
}

const requestsMax = 50_000;

/** Reads the file; throws the vendor's refusal where there is none. */
export async function readInput({ files }: Store, fileId: string): Promise<Input> {
  const content = await files.content(fileId);
  if (content === null) throw new Refusal(404, `File ${fileId} not found`);
  const lines = content.toString('utf8').split('\n');
  const requests: KeptRequest[] = [];
  const seen = new Set<string>();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const read = readLine(line, seen);
    if (typeof read === 'string') return { requests: [], fault: failed(`line ${index + 1}: ${read}`) };
    const unsupported = modelProblem(read.body);
    if (unsupported !== null) return { requests: [], fault: failed(unsupported) };
    requests.push(read);
  }
  if (requests.length === 0) return { requests, fault: failed('the file has no requests') };
  const isTooLong = requests.length > requestsMax;
  return { requests, fault: isTooLong ? failed(`more than ${requestsMax} requests`) : null };
}

const failed = (why: string): string => `JSONL file validation failed: ${why}`;

/** The request in a line, or what is wrong with it. */
const readLine = (line: string, seen: Set<string>): KeptRequest | string => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'invalid JSON';
  }
  if (!isJsonObject(value)) return 'invalid JSON: expected an object';
  const { custom_id: key, method, url, body, ...others } = value;
  const [extra] = Object.keys(others);
  if (extra !== undefined) return `unknown field \`${extra}\``;
  if (typeof key !== 'string' || key === '') return 'missing field `custom_id`';
  if (seen.has(key)) return `duplicate custom_id '${key}'`;
  seen.add(key);
  if (method !== 'POST') return 'method must be POST';
  const kind = kindAt(url);
  if (kind === null) return `unsupported url '${url}'`;
  const problem = formProblem(kind, body);
  return problem === null && isJsonObject(body) ? { key, kind, body } : (problem ?? 'invalid body');
};
