/**
 * What each endpoint answers to a body: the vendor's response objects around emulated words, and what an
 * endpoint refuses. Images, videos and moderations stand in files of their own.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { answerTo, countTokens, embeddingOf, type Question } from '../emulator/answers.ts';
import { promptText } from '../emulator/prompt.ts';
import type { EndpointCall } from './emulator-call.ts';
import { answerImages, answerVideo } from './emulator-media.ts';
import { answerModerations } from './emulator-moderations.ts';

/** The endpoints that batches may name, and how each answers. */
export const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/v1/chat/completions', { required: ['messages'], answer: answerChat }],
  ['/v1/responses', { required: ['input'], answer: answerResponse }],
  ['/v1/embeddings', { required: ['input'], answer: answerEmbeddings }],
  ['/v1/completions', { required: ['prompt'], answer: answerCompletion }],
  ['/v1/moderations', { required: ['input'], answer: answerModerations }],
  ['/v1/images/generations', { required: ['prompt'], answer: answerImages }],
  ['/v1/images/edits', { required: ['images', 'prompt'], answer: answerImages }],
  ['/v1/videos', { required: ['prompt'], answer: answerVideo }],
]);

/** One endpoint. */
export interface Endpoint {
  /** The members without which it refuses a body. */
  readonly required: readonly string[];
  answer(call: EndpointCall): JsonObject;
}

/** What the endpoint says against the body; null where it takes it. */
export function problemOf(endpoint: Endpoint, body: JsonObject): string | null {
  const missing = endpoint.required.find((member) => body[member] === undefined);
  if (missing !== undefined) return `Missing required parameter: '${missing}'.`;
  const { stream } = body;
  return stream === true ? "Streaming is not supported in a batch; 'stream' must not be true." : null;
}

function answerChat({ body, id, at }: EndpointCall): JsonObject {
  const { messages, max_completion_tokens: tokens, max_tokens: oldTokens } = body;
  const { response_format: format } = body;
  const answer = answerTo(question(promptText(messages), format, tokens ?? oldTokens));
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: at,
    model: modelOf(body),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answer.text, refusal: null },
        logprobs: null,
        finish_reason: answer.cut ? 'length' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: answer.inputTokens,
      completion_tokens: answer.outputTokens,
      total_tokens: answer.inputTokens + answer.outputTokens,
      prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
    system_fingerprint: null,
  };
}

function answerResponse({ body, id, at }: EndpointCall): JsonObject {
  const { instructions, input, max_output_tokens: tokens, text, metadata, temperature, top_p: topP } = body;
  const { format } = isJsonObject(text) ? text : {};
  const prompt = promptText([instructions ?? '', input ?? '']);
  const answer = answerTo(question(prompt, format, tokens));
  const status = answer.cut ? 'incomplete' : 'completed';
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: at,
    status,
    error: null,
    incomplete_details: answer.cut ? { reason: 'max_output_tokens' } : null,
    instructions: instructions ?? null,
    metadata: metadata ?? null,
    model: modelOf(body),
    parallel_tool_calls: true,
    temperature: temperature ?? 1,
    tool_choice: 'auto',
    tools: [],
    top_p: topP ?? 1,
    output: [
      {
        type: 'message',
        id: `msg_${id}`,
        status,
        role: 'assistant',
        content: [{ type: 'output_text', text: answer.text, annotations: [] }],
      },
    ],
    usage: {
      input_tokens: answer.inputTokens,
      input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
      output_tokens: answer.outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: answer.inputTokens + answer.outputTokens,
    },
  };
}

function answerCompletion({ body, id, at }: EndpointCall): JsonObject {
  const { prompt, max_tokens: tokens } = body;
  const answer = answerTo(question(promptText(prompt), undefined, tokens));
  const reason = answer.cut ? 'length' : 'stop';
  return {
    id: `cmpl-${id}`,
    object: 'text_completion',
    created: at,
    model: modelOf(body),
    choices: [{ index: 0, text: answer.text, logprobs: null, finish_reason: reason }],
    usage: {
      prompt_tokens: answer.inputTokens,
      completion_tokens: answer.outputTokens,
      total_tokens: answer.inputTokens + answer.outputTokens,
    },
  };
}

function answerEmbeddings({ body }: EndpointCall): JsonObject {
  const { input, dimensions } = body;
  const texts = Array.isArray(input) ? input.map(promptText) : [promptText(input)];
  const length = typeof dimensions === 'number' ? dimensions : 16;
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  return {
    object: 'list',
    data: texts.map((text, index) => ({ object: 'embedding', index, embedding: embeddingOf(text, length) })),
    model: modelOf(body),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

const question = (
  prompt: string,
  format: JsonValue | undefined,
  tokens: JsonValue | undefined,
): Question => ({
  prompt,
  format: formatIn(format),
  outputTokensMax: typeof tokens === 'number' ? tokens : null,
});

/** Chat wraps a schema once more (`json_schema.schema`) than Responses do (`schema`). */
const formatIn = (format: JsonValue | undefined): Question['format'] => {
  if (!isJsonObject(format)) return 'text';
  const { type, json_schema: wrapped, schema: own } = format;
  const { schema = own } = isJsonObject(wrapped) ? wrapped : {};
  if (type === 'json_schema' && isJsonObject(schema)) return { schema };
  return type === 'json_schema' || type === 'json_object' ? 'json' : 'text';
};

const modelOf = ({ model = null }: JsonObject): JsonValue => model;
