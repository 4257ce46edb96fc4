/**
 * What the emulated vendor checks when a batch is created: the envelope, at once and as a whole. The params of
 * each request are checked when its turn comes, and a bad one becomes an errored line.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { parsedJson } from '../../domain/json-reading.ts';
import type { EmulatorRequest } from '../emulator/server.ts';
import { Refusal } from './emulator-refusal.ts';
import type { Switches } from './emulator-switches.ts';

/** One request of a batch. */
export interface BatchRequest {
  readonly custom_id: string;
  readonly params: JsonObject;
}

/** Reads the body of a create call, refusing what is too large by its length alone. */
export async function readBody({ stream, headers }: EmulatorRequest): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = Number(headers['content-length'] ?? 0);
  if (bytes > bytesMax) throw tooLarge();
  bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= bytesMax) pieces.push(piece);
  }
  if (bytes > bytesMax) throw tooLarge();
  return Buffer.concat(pieces).toString('utf8');
}

/** The requests of a create call; throws the vendor's refusal of a bad envelope. */
export function readRequests(text: string, switches: Switches): BatchRequest[] {
  const body = parsedJson(text);
  if (!isJsonObject(body)) throw invalid('The request body is not valid JSON.');
  const { requests, ...others } = body;
  refuseExtras(others, '');
  if (!Array.isArray(requests)) throw invalid('requests: Field required');
  if (requests.length === 0) throw invalid('requests: List should have at least 1 item after validation');
  if (requests.length > Number(switches.requestsMax)) throw tooLarge();
  const seen = new Set<string>();
  return requests.map((request, index) => readRequest(request, `requests.${index}`, seen, switches));
}

/** What is wrong with a request's params, in the vendor's style; null where nothing that we know of is. */
export function paramsProblem(params: JsonObject): string | null {
  const { model, max_tokens: maxTokens, messages, stream } = params;
  if (model === undefined) return 'model: Field required';
  if (typeof model !== 'string' || model === '') return 'model: Input should be a valid string';
  if (maxTokens === undefined) return 'max_tokens: Field required';
  if (!Number.isInteger(maxTokens)) return 'max_tokens: Input should be a valid integer';
  if (Number(maxTokens) < 1) return 'max_tokens: Input should be greater than or equal to 1';
  if (!Array.isArray(messages)) return 'messages: Field required';
  if (messages.length === 0) return 'messages: at least one message is required';
  return stream === true ? 'stream: Streaming is not supported in batches' : null;
}

const bytesMax = 256_000_000;
const customIdLengthMax = 64;

const readRequest = (
  request: JsonValue,
  path: string,
  seen: Set<string>,
  switches: Switches,
): BatchRequest => {
  if (!isJsonObject(request)) throw invalid(`${path}: Input should be an object`);
  const { custom_id: customId, params, ...others } = request;
  refuseExtras(others, `${path}.`);
  if (typeof customId !== 'string' || customId === '') throw invalid(`${path}.custom_id: Field required`);
  if (customId.length > customIdLengthMax) {
    throw invalid(`${path}.custom_id: String should have at most ${customIdLengthMax} characters`);
  }
  if (switches.customIdCharset === 'narrow' && !/^[A-Za-z0-9_-]+$/.test(customId)) {
    throw invalid(`${path}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'`);
  }
  if (seen.has(customId)) throw invalid(`${path}.custom_id: Duplicate custom_id "${customId}"`);
  seen.add(customId);
  if (!isJsonObject(params)) throw invalid(`${path}.params: Input should be an object`);
  const problem = switches.paramsChecked === 'at-creation' ? paramsProblem(params) : null;
  if (problem !== null) throw invalid(`${path}.params.${problem}`);
  return { custom_id: customId, params };
};

const refuseExtras = (others: JsonObject, path: string): void => {
  const [extra] = Object.keys(others);
  if (extra !== undefined) throw invalid(`${path}${extra}: Extra inputs are not permitted`);
};

const invalid = (message: string): Refusal => new Refusal('invalid_request_error', message);

const tooLarge = (): Refusal =>
  new Refusal('request_too_large', 'The batch exceeds the maximum number of requests or bytes.');
