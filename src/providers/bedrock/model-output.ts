/**
 * What a model answered, in whichever of the forms that Bedrock's models have: one for the Converse API, and for
 * InvokeModel one for each family. A figure that a form does not tell is null. Never throws.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { countIn, memberIn, textIn } from '../../domain/json-reading.ts';
import { type Usage, unknownUsage } from '../../domain/usage.ts';

/** An answer, read. */
export interface ModelOutput {
  /** Null where the answer is no text, or in a form whose text is not known. */
  readonly text: string | null;
  readonly stopReason: string | null;
  readonly usage: Usage;
}

/** Reads a model's answer; null where it is in no form that any model is known to answer in. */
export function readModelOutput(output: JsonObject): ModelOutput | null {
  for (const read of forms) {
    const answer = read(output);
    if (answer !== null) return answer;
  }
  return null;
}

type Form = (output: JsonObject) => ModelOutput | null;

/** Claude: `{content: [{type: "text", text}], stop_reason, usage}`. Its `input_tokens` leaves out the cache. */
const claude: Form = ({ content, stop_reason: stopReason, usage }) => {
  if (!Array.isArray(content)) return null;
  const cachedInputTokens = countIn(memberIn(usage, 'cache_read_input_tokens'));
  const cacheWriteInputTokens = countIn(memberIn(usage, 'cache_creation_input_tokens'));
  return {
    text: joined(content.filter((block) => memberIn(block, 'type') === 'text')),
    stopReason: textIn(stopReason),
    usage: {
      inputTokens: sum(countIn(memberIn(usage, 'input_tokens')), cachedInputTokens, cacheWriteInputTokens),
      outputTokens: countIn(memberIn(usage, 'output_tokens')),
      cachedInputTokens,
      cacheWriteInputTokens,
      reasoningTokens: countIn(memberIn(memberIn(usage, 'output_tokens_details'), 'thinking_tokens')),
    },
  };
};

/**
 * Converse, and Nova under InvokeModel: `{output: {message: {content: [{text}]}}, stopReason, usage}`. Its
 * `inputTokens` leaves out the cache, whose two figures Nova ends in `Count`.
 */
const converse: Form = ({ output, stopReason, usage }) => {
  const content = memberIn(memberIn(output, 'message'), 'content');
  if (!Array.isArray(content)) return null;
  const cached = (name: string) =>
    countIn(memberIn(usage, `${name}s`)) ?? countIn(memberIn(usage, `${name}Count`));
  const cachedInputTokens = cached('cacheReadInputToken');
  const cacheWriteInputTokens = cached('cacheWriteInputToken');
  return {
    text: joined(content),
    stopReason: textIn(stopReason),
    usage: {
      ...unknownUsage,
      inputTokens: sum(countIn(memberIn(usage, 'inputTokens')), cachedInputTokens, cacheWriteInputTokens),
      outputTokens: countIn(memberIn(usage, 'outputTokens')),
      cachedInputTokens,
      cacheWriteInputTokens,
    },
  };
};

/** Titan: `{inputTextTokenCount, results: [{outputText, tokenCount, completionReason}]}`. */
const titan: Form = ({ results, inputTextTokenCount }) => {
  const [first] = Array.isArray(results) ? results : [];
  const text = textIn(memberIn(first, 'outputText'));
  if (text === null) return null;
  return {
    text,
    stopReason: textIn(memberIn(first, 'completionReason')),
    usage: {
      ...unknownUsage,
      inputTokens: countIn(inputTextTokenCount),
      outputTokens: countIn(memberIn(first, 'tokenCount')),
    },
  };
};

/** Llama: `{generation, stop_reason, prompt_token_count, generation_token_count}`. */
const llama: Form = (output) => {
  const { generation, stop_reason: stopReason } = output;
  const { prompt_token_count: input, generation_token_count: generated } = output;
  if (typeof generation !== 'string') return null;
  return {
    text: generation,
    stopReason: textIn(stopReason),
    usage: { ...unknownUsage, inputTokens: countIn(input), outputTokens: countIn(generated) },
  };
};

/** Mistral: `{outputs: [{text, stop_reason}]}`; it counts no tokens. */
const mistral: Form = ({ outputs }) => {
  const [first] = Array.isArray(outputs) ? outputs : [];
  const text = textIn(memberIn(first, 'text'));
  return text === null
    ? null
    : { text, stopReason: textIn(memberIn(first, 'stop_reason')), usage: unknownUsage };
};

/** Chat completions, as several families answer: `{choices: [{message: {content}, finish_reason}], usage}`. */
const choices: Form = ({ choices: list, usage }) => {
  const [first] = Array.isArray(list) ? list : [];
  if (!isJsonObject(first)) return null;
  const content = memberIn(memberIn(first, 'message'), 'content') ?? memberIn(first, 'text');
  return {
    text: Array.isArray(content) ? joined(content) : textIn(content),
    stopReason: textIn(memberIn(first, 'finish_reason')) ?? textIn(memberIn(first, 'stop_reason')),
    usage: {
      ...unknownUsage,
      inputTokens: countIn(memberIn(usage, 'prompt_tokens')),
      outputTokens: countIn(memberIn(usage, 'completion_tokens')),
      cachedInputTokens: countIn(memberIn(memberIn(usage, 'prompt_tokens_details'), 'cached_tokens')),
      reasoningTokens: countIn(memberIn(memberIn(usage, 'completion_tokens_details'), 'reasoning_tokens')),
    },
  };
};

/** Vectors, images and the answers of other families: known to be answers by a name, and not read any further. */
const unread: Form = (output) => {
  const isAnswer = [...answerNames].some((name) => (output[name] ?? null) !== null);
  const { inputTextTokenCount } = output;
  if (!isAnswer) return null;
  return {
    text: null,
    stopReason: null,
    usage: { ...unknownUsage, inputTokens: countIn(inputTextTokenCount) },
  };
};

const answerNames: ReadonlySet<string> = new Set([
  'artifacts',
  'completion',
  'completions',
  'data',
  'embedding',
  'embeddings',
  'embeddingsByType',
  'generations',
  'image',
  'images',
  'message',
  'output',
  'outputs',
  'results',
  'text',
]);

const forms: readonly Form[] = [claude, converse, titan, llama, mistral, choices, unread];

/** The texts of a list of parts, one after the other; null where there is none. */
const joined = (parts: readonly JsonValue[]): string | null => {
  const texts = parts.map((part) => textIn(memberIn(part, 'text'))).filter((text) => text !== null);
  return texts.length === 0 ? null : texts.join('');
};

/** The input with its cached parts; one that is not told adds nothing, and without the input there is no sum. */
const sum = (input: number | null, ...cached: readonly (number | null)[]): number | null =>
  input === null ? null : cached.reduce<number>((total, part) => total + (part ?? 0), input);
