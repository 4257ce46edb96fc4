/**
 * What each family of models answers to a body: its response object around emulated words, and what it refuses. Which
 * family answers is decided by the model's id; jobs of the kind Converse have one form for all.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { type Answer, answerTo, countTokens, embeddingOf } from '../emulator/answers.ts';
import { promptText } from '../emulator/prompt.ts';

/** What answers the records of a job. */
export interface Model {
  /** The members without which it refuses a body. */
  readonly required: readonly string[];
  answer(body: JsonObject, id: string): ModelAnswer;
}

/** A response object, and what it cost. */
export interface ModelAnswer {
  readonly output: JsonObject;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The model of a job; null where there is none of that name that takes batches. */
export function modelOf(modelId: string, invocation: 'InvokeModel' | 'Converse'): Model | null {
  const name = modelId
    .slice(modelId.lastIndexOf('/') + 1)
    .replace(/^(?:us|eu|apac|global|us-gov|jp|au)\./, '');
  const [, family = null] = families.find(([prefix]) => name.startsWith(prefix)) ?? [];
  return family !== null && invocation === 'Converse' ? converse : family;
}

/** What the model says against the body; null where it takes it. */
export function problemOf(model: Model, body: JsonObject): string | null {
  const missing = model.required.find((member) => body[member] === undefined);
  if (missing !== undefined) return `${missing}: Field required`;
  return model === converse && body['toolConfig'] !== undefined
    ? 'Tool use is not supported in batch inference with Converse.'
    : null;
}

type Shape = (answer: Answer, id: string) => JsonObject;

/** A family that writes text: where its prompt and its longest answer stand, and how its answer looks. */
const writer = (
  required: readonly string[],
  prompt: (body: JsonObject) => readonly (JsonValue | undefined)[],
  tokensMax: (body: JsonObject) => JsonValue | undefined,
  shape: Shape,
): Model => ({
  required,
  answer(body, id) {
    const outputTokensMax = tokensMax(body);
    const answer = answerTo({
      prompt: promptText(prompt(body).filter((part) => part !== undefined)),
      format: 'text',
      outputTokensMax: typeof outputTokensMax === 'number' ? outputTokensMax : null,
    });
    const { inputTokens, outputTokens } = answer;
    return { output: shape(answer, id), inputTokens, outputTokens };
  },
});

const inside = (value: JsonValue | undefined, name: string): JsonValue | undefined =>
  isJsonObject(value) ? value[name] : undefined;

const claude = writer(
  ['anthropic_version', 'max_tokens', 'messages'],
  ({ system, messages }) => [system, messages],
  ({ max_tokens }) => max_tokens,
  ({ text, cut, inputTokens, outputTokens }, id) => ({
    id: `msg_bdrk_${id}`,
    type: 'message',
    role: 'assistant',
    model: 'claude',
    content: [{ type: 'text', text }],
    stop_reason: cut ? 'max_tokens' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: inputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: outputTokens,
    },
  }),
);

const message: Shape = ({ text, cut, inputTokens, outputTokens }) => ({
  output: { message: { role: 'assistant', content: [{ text }] } },
  stopReason: cut ? 'max_tokens' : 'end_turn',
  usage: { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens },
});

const converse = writer(
  ['messages'],
  ({ system, messages }) => [system, messages],
  ({ inferenceConfig }) => inside(inferenceConfig, 'maxTokens'),
  (answer, id) => ({ ...message(answer, id), metrics: { latencyMs: 500 } }),
);

const nova = writer(
  ['messages'],
  ({ system, messages }) => [system, messages],
  ({ inferenceConfig }) => inside(inferenceConfig, 'maxTokens'),
  message,
);

const titan = writer(
  ['inputText'],
  ({ inputText }) => [inputText],
  ({ textGenerationConfig }) => inside(textGenerationConfig, 'maxTokenCount'),
  ({ text, cut, inputTokens, outputTokens }) => ({
    inputTextTokenCount: inputTokens,
    results: [{ tokenCount: outputTokens, outputText: text, completionReason: cut ? 'LENGTH' : 'FINISH' }],
  }),
);

const titanEmbeddings: Model = {
  required: ['inputText'],
  answer({ inputText, dimensions }) {
    const text = promptText(inputText);
    const inputTokens = countTokens(text);
    const embedding = embeddingOf(text, typeof dimensions === 'number' ? dimensions : 16);
    return { output: { embedding, inputTextTokenCount: inputTokens }, inputTokens, outputTokens: 0 };
  },
};

const llama = writer(
  ['prompt'],
  ({ prompt }) => [prompt],
  ({ max_gen_len }) => max_gen_len,
  ({ text, cut, inputTokens, outputTokens }) => ({
    generation: text,
    prompt_token_count: inputTokens,
    generation_token_count: outputTokens,
    stop_reason: cut ? 'length' : 'stop',
  }),
);

const mistral = writer(
  ['prompt'],
  ({ prompt }) => [prompt],
  ({ max_tokens }) => max_tokens,
  ({ text, cut }) => ({ outputs: [{ text, stop_reason: cut ? 'length' : 'stop' }] }),
);

const chat = writer(
  ['messages'],
  ({ messages }) => [messages],
  ({ max_tokens }) => max_tokens,
  ({ text, cut, inputTokens, outputTokens }, id) => ({
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    choices: [
      { index: 0, message: { role: 'assistant', content: text }, finish_reason: cut ? 'length' : 'stop' },
    ],
    usage: {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    },
  }),
);

/** By how the ids of their models begin. Whatever is not here takes no batches. */
const families: ReadonlyArray<readonly [string, Model]> = [
  ['anthropic.claude', claude],
  ['amazon.nova', nova],
  ['amazon.titan-embed', titanEmbeddings],
  ['amazon.titan-text', titan],
  ['meta.llama', llama],
  ['mistral.', mistral],
  ['openai.', chat],
  ['qwen.', chat],
];
