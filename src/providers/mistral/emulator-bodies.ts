/**
 * What each endpoint answers to a body: the vendor's response objects around emulated words, and what an
 * endpoint refuses.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { answerTo, countTokens, embeddingOf, type Question } from '../emulator/answers.ts';
import { createDice, seedOf } from '../emulator/chance.ts';
import { promptText } from '../emulator/prompt.ts';

/** One call to an endpoint: the body, a text that ids are made of, and Unix seconds. */
export interface EndpointCall {
  readonly body: JsonObject;
  readonly id: string;
  readonly at: number;
}

/** The endpoints that jobs may name, and how each answers. */
export const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/v1/chat/completions', { required: 'messages', answer: answerChat }],
  ['/v1/embeddings', { required: 'input', answer: answerEmbeddings }],
  ['/v1/fim/completions', { required: 'prompt', answer: answerFillIn }],
  ['/v1/moderations', { required: 'input', answer: answerModerations }],
]);

/** One endpoint. */
export interface Endpoint {
  /** The member without which it refuses a body. */
  readonly required: string;
  answer(call: EndpointCall): JsonObject;
}

/** What the endpoint says against the body; null where it takes it. */
export function problemOf(endpoint: Endpoint, body: JsonObject): string | null {
  if (body[endpoint.required] === undefined) return `Field required: ${endpoint.required}`;
  const { stream } = body;
  return stream === true ? 'Streaming is not supported in a batch.' : null;
}

function answerChat({ body, id, at }: EndpointCall): JsonObject {
  const { messages, response_format: format } = body;
  return completion({ body, id, at }, promptText(messages), format);
}

/** Code between a prompt and a suffix, in the form of a chat completion. */
function answerFillIn({ body, id, at }: EndpointCall): JsonObject {
  const { prompt, suffix = '' } = body;
  return completion({ body, id, at }, promptText([prompt ?? '', suffix]), undefined);
}

const completion = (
  { body, id, at }: EndpointCall,
  prompt: string,
  format: JsonValue | undefined,
): JsonObject => {
  const { max_tokens: tokens } = body;
  const answer = answerTo({
    prompt,
    format: formatIn(format),
    outputTokensMax: typeof tokens === 'number' ? tokens : null,
  });
  return {
    id,
    object: 'chat.completion',
    created: at,
    model: modelOf(body),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answer.text, tool_calls: null },
        finish_reason: answer.cut ? 'length' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: answer.inputTokens,
      completion_tokens: answer.outputTokens,
      total_tokens: answer.inputTokens + answer.outputTokens,
    },
  };
};

function answerEmbeddings({ body, id }: EndpointCall): JsonObject {
  const { input, output_dimension: dimensions } = body;
  const texts = Array.isArray(input) ? input.map(promptText) : [promptText(input)];
  const length = typeof dimensions === 'number' ? dimensions : 16;
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  return {
    id,
    object: 'list',
    data: texts.map((text, index) => ({ object: 'embedding', index, embedding: embeddingOf(text, length) })),
    model: modelOf(body),
    usage: { prompt_tokens: tokens, completion_tokens: 0, total_tokens: tokens },
  };
}

function answerModerations({ body, id }: EndpointCall): JsonObject {
  const { input } = body;
  const texts = Array.isArray(input) ? input.map(promptText) : [promptText(input)];
  return { id, model: modelOf(body), results: texts.map(moderation) };
}

const moderation = (text: string): JsonObject => {
  const throwDice = createDice(seedOf(text));
  const scores = ['sexual', 'hate_and_discrimination', 'violence_and_threats', 'selfharm', 'pii'].map(
    (category) => [category, throwDice(1000) / 1000] as const,
  );
  return {
    categories: Object.fromEntries(scores.map(([category, score]) => [category, score > 0.9])),
    category_scores: Object.fromEntries(scores),
  };
};

const formatIn = (format: JsonValue | undefined): Question['format'] => {
  if (!isJsonObject(format)) return 'text';
  const { type, json_schema: wrapped } = format;
  const { schema } = isJsonObject(wrapped) ? wrapped : {};
  if (type === 'json_schema' && isJsonObject(schema)) return { schema };
  return type === 'json_schema' || type === 'json_object' ? 'json' : 'text';
};

const modelOf = ({ model = null }: JsonObject): JsonValue => model;
