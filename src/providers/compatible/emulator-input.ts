/**
 * What the vendor's validation makes of an input file: the faults that fail the batch, each naming its line, and
 * otherwise what the batch is going to be. The codes are tagged in the README.
 */

import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { endpoints, problemOf } from './emulator-bodies.ts';
import type { InputFault } from './emulator-store.ts';

/** An input file, read for an endpoint. */
export interface CheckedInput {
  readonly requestCount: number;
  /** The one model of all requests; null where validation fails before that is known. */
  readonly model: string | null;
  readonly faults: readonly InputFault[];
  readonly fates: BatchFates;
}

/** The most faults that a failed batch names. */
const faultsMax = 100;
/** The most inputs that the requests of a batch of embeddings have together. */
const embeddingInputsMax = 50_000;

/** Reads the whole input, as the vendor does while the batch is `validating`. */
export function checkInput(content: Buffer, endpoint: string): CheckedInput {
  const lines = inputLines(content);
  const seen: Seen = { keys: new Set(), model: null, inputs: 0 };
  const faults: InputFault[] = [];
  const refused: string[] = [];
  for (const [position, line] of lines.entries()) {
    const request = parsedObject(line.toString('utf8'));
    const fault = request === null ? notJson : faultOf(request, endpoint, seen);
    if (fault !== null) faults.push({ ...fault, line: position + 1 });
    else if (request !== null && bodyProblem(request, endpoint) !== null) refused.push(String(position));
    if (endpoint === '/v1/embeddings') seen.inputs += embeddingInputs(request);
  }
  if (lines.length === 0) faults.push(emptyFile);
  if (seen.inputs > embeddingInputsMax) faults.push(tooManyInputs);

  const fates = readFates(texts(lines));
  return {
    requestCount: lines.length,
    model: seen.model,
    faults: faults.slice(0, faultsMax),
    fates: {
      items: { ...Object.fromEntries(refused.map((position) => [position, 'errored'])), ...fates.items },
      batch: faults.length > 0 ? ['job-failed'] : fates.batch,
    },
  };
}

/** What the endpoint says against the request's body; null where it takes it. */
export function bodyProblem({ body }: JsonObject, url: string): string | null {
  const endpoint = endpoints.get(url);
  return endpoint === undefined || !isJsonObject(body) ? null : problemOf(endpoint, body);
}

type Fault = Omit<InputFault, 'line'>;

const notJson: Fault = {
  code: 'invalid_json_line',
  message: 'This line is not parseable as valid JSON.',
  param: null,
};

const emptyFile: InputFault = {
  code: 'empty_file',
  message: 'The input file is empty.',
  param: 'input_file_id',
  line: null,
};

const tooManyInputs: InputFault = {
  code: 'too_many_embedding_inputs',
  message: `A batch of embeddings may have ${embeddingInputsMax} inputs over all of its requests.`,
  param: 'input_file_id',
  line: null,
};

/** An input is a text or a list of tokens; a list of either has as many as it is long. */
const embeddingInputs = (request: JsonObject | null): number => {
  const { body } = request ?? {};
  const { input } = isJsonObject(body) ? body : {};
  return Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
};

/** What the lines so far have had. */
interface Seen {
  readonly keys: Set<string>;
  model: string | null;
  inputs: number;
}

const members = ['custom_id', 'method', 'url', 'body'];

/** The first thing that is wrong with a line. Remembers its key and model for the lines after it. */
const faultOf = (request: JsonObject, endpoint: string, seen: Seen): Fault | null => {
  const { custom_id: key, method, url, body } = request;
  const unknown = Object.keys(request).find((member) => !members.includes(member));
  if (unknown !== undefined) return fault('unknown_parameter', `Unknown parameter: '${unknown}'.`, unknown);
  if (typeof key !== 'string' || key === '') return missing('custom_id');
  if (seen.keys.has(key)) {
    return fault('duplicate_custom_id', 'The custom_id for this request is a duplicate.', 'custom_id');
  }
  seen.keys.add(key);
  if (method !== 'POST') return fault('invalid_method', 'The method must be POST.', 'method');
  if (url !== endpoint) {
    return fault('invalid_url', 'The URL of this request does not match the endpoint of the batch.', 'url');
  }
  if (!isJsonObject(body)) return missing('body');
  const { model } = body;
  if (typeof model !== 'string' || model === '') return missing('body.model');
  seen.model ??= model;
  if (model === seen.model) return null;
  return fault('mismatched_model', 'The model does not match that of the other requests.', 'body.model');
};

const fault = (code: string, message: string, param: string): Fault => ({ code, message, param });

const missing = (param: string): Fault =>
  fault('missing_required_parameter', `Missing required parameter: '${param}'.`, param);

function* texts(lines: readonly Buffer[]): Generator<string> {
  for (const line of lines) yield line.toString('utf8');
}
