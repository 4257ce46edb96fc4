/** What a creation says, and what the vendor says at once against it, before it looks at the requests. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import type { EmulatorAnswer } from '../emulator/server.ts';
import type { RequestKind } from './emulator-store.ts';
import { field, invalid, notFound, parseObject, unknownField } from './emulator-wire.ts';

/** A creation, read. Its requests are in a file, or came along, as the lines that a file would have. */
export interface Creation {
  readonly displayName: string | null;
  readonly input: { readonly file: string } | { readonly lines: string };
  readonly webhookUris: readonly string[];
}

/** The largest body of a call. */
const bodyBytesMax = 20 * 1024 * 1024;

/** Reads the body of a creation; what is wrong with it as the vendor's refusal. */
export function readCreation(text: string, kind: RequestKind): Creation | EmulatorAnswer {
  if (Buffer.byteLength(text) > bodyBytesMax) {
    return invalid(`Request payload size exceeds the limit: ${bodyBytesMax} bytes.`);
  }
  const body = parseObject(text);
  if (body === null) return invalid('Invalid JSON payload received.');
  const batch = field(body, 'batch');
  const unknown = unknownField(body, ['batch'], '');
  if (unknown !== null) return unknown;
  if (!isJsonObject(batch)) return invalid('* BatchGenerateContentRequest.batch: batch is not specified');
  const config = field(batch, 'inputConfig');
  if (!isJsonObject(config)) return invalid('* batch.input_config: input_config is not specified');
  const refusal =
    unknownField(batch, batchFields[kind], 'batch') ??
    unknownField(config, ['fileName', 'requests'], 'batch.input_config');
  if (refusal !== null) return refusal;
  const input = inputIn(config);
  if ('status' in input) return input;
  const webhookUris = urisIn(field(batch, 'webhookConfig'));
  if (webhookUris === null) return invalid("Invalid value at 'batch.webhook_config'.");
  const displayName = field(batch, 'displayName');
  return { displayName: typeof displayName === 'string' ? displayName : null, input, webhookUris };
}

/**
 * Whether jobs of this kind can be made of the model. The emulator knows the models of the vendor by their names: those
 * for embeddings say so.
 */
export function refusedModel(model: string, kind: RequestKind): EmulatorAnswer | null {
  const isOne = /^(?:models|tunedModels)\/[\w.-]+$/.test(model);
  const fits = /^models\/(?!gemini-)/.test(model)
    ? false
    : (kind === 'embedContent') === /embedding/.test(model);
  if (isOne && fits) return null;
  const method = kind === 'embedContent' ? 'asyncBatchEmbedContent' : 'batchGenerateContent';
  return notFound(
    `${model} is not found for API version v1beta, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`,
  );
}

const batchFields = {
  generateContent: ['displayName', 'inputConfig', 'webhookConfig', 'priority', 'model'],
  embedContent: ['displayName', 'inputConfig', 'priority', 'model'],
} as const satisfies Record<RequestKind, readonly string[]>;

const inputIn = (config: JsonObject): Creation['input'] | EmulatorAnswer => {
  const file = field(config, 'fileName');
  const wrapped = field(config, 'requests');
  if ((file === undefined) === (wrapped === undefined)) {
    return invalid('* batch.input_config: exactly one of file_name and requests must be set');
  }
  if (file !== undefined) {
    return typeof file === 'string' ? { file } : invalid("Invalid value at 'batch.input_config.file_name'.");
  }
  const requests = isJsonObject(wrapped) ? field(wrapped, 'requests') : undefined;
  if (!Array.isArray(requests) || requests.length === 0) {
    return invalid('* batch.input_config.requests: requests is not specified');
  }
  for (const [index, request] of requests.entries()) {
    const place = `batch.input_config.requests.requests[${index}]`;
    if (!isJsonObject(request) || !isJsonObject(request['request'])) return invalid(`* ${place}: no request`);
    const refusal = unknownField(request, ['request', 'metadata'], place);
    if (refusal !== null) return refusal;
  }
  return { lines: requests.map((request) => JSON.stringify(request)).join('\n') };
};

const urisIn = (config: JsonValue | undefined): string[] | null => {
  if (config === undefined) return [];
  if (!isJsonObject(config) || unknownField(config, ['uris', 'userMetadata'], '') !== null) return null;
  const uris = field(config, 'uris') ?? [];
  if (!Array.isArray(uris)) return null;
  const texts = uris.filter((uri) => typeof uri === 'string' && URL.canParse(uri));
  return texts.length === uris.length ? texts.map(String) : null;
};
