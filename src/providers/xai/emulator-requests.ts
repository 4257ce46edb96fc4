/**
 * What the emulated vendor checks of a request, in a call and in a file, and which kinds there are. What only shows
 * when a request has its turn becomes an error among the results.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';

/** What a kind of request needs, and by what endpoint a file names it. */
interface Kind {
  readonly url: string;
  readonly required: string;
  /** The vendor's name for the call, as its lists show it. */
  readonly endpoint: string;
}

/** The kinds that are emulated. The vendor has others, for videos. */
export const kinds: Readonly<Record<string, Kind>> = {
  chat_get_completion: {
    url: '/v1/chat/completions',
    required: 'messages',
    endpoint: 'xai_api.Chat/GetCompletion',
  },
  responses: { url: '/v1/responses', required: 'input', endpoint: 'xai_api.Chat/GetCompletion' },
  image_generation: {
    url: '/v1/images/generations',
    required: 'prompt',
    endpoint: 'xai_api.Image/GenerateImage',
  },
  image_edit: {
    url: '/v1/images/edits',
    required: 'prompt',
    endpoint: 'xai_api.Image/GenerateImage',
  },
};

/** The kind that a file's line names by its url; null where there is none. */
export const kindAt = (url: JsonValue | undefined): string | null =>
  Object.keys(kinds).find((kind) => kinds[kind]?.url === url) ?? null;

/** What is wrong with the form of a body; null where nothing is. */
export function formProblem(kind: string, body: JsonValue | undefined): string | null {
  if (!isJsonObject(body)) return 'invalid type: expected a request';
  const { model } = body;
  if (typeof model !== 'string' || model === '') return 'missing field `model`';
  const { required = '' } = kinds[kind] ?? {};
  return body[required] === undefined ? `missing field \`${required}\`` : null;
}

/** What the vendor says of a model that takes no batches; null for one that does. */
export function modelProblem({ model }: JsonObject): string | null {
  const takesBatches = typeof model === 'string' && !/unbatchable|^grok-4\.5\b/.test(model);
  return takesBatches ? null : `Model ${model} is not supported for batch processing.`;
}

/** What shows only when the request has its turn; null where nothing does. */
export function turnProblem({ max_tokens: tokens }: JsonObject): string | null {
  return typeof tokens === 'number' && tokens <= 0
    ? `Maximum number of tokens max_tokens must be positive but max_tokens = ${tokens}`
    : null;
}
