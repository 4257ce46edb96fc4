/**
 * What the emulated vendor answers to a request: a chat completion to any request for text, whichever form it came
 * in, and an image to one for an image.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { memberIn } from '../../domain/json-reading.ts';
import { answerTo, type Question } from '../emulator/answers.ts';
import { seedOf } from '../emulator/chance.ts';
import { promptText } from '../emulator/prompt.ts';
import type { KeptRequest } from './emulator-store.ts';

/** The answer in the wrapper that it comes in. `at` is when it was given, in milliseconds. */
export function answerFor({ key, kind, body }: KeptRequest, at: number): JsonObject {
  const id = seedOf(key).toString(16).padStart(8, '0');
  return kind.startsWith('image_')
    ? { image_generation: image(body) }
    : { chat_get_completion: completion(body, `${id}-emulated`, Math.floor(at / 1000)) };
}

const completion = (body: JsonObject, id: string, created: number): JsonObject => {
  const { model = null } = body;
  const answer = answerTo(questionIn(body));
  const reasoning = /reasoning/.test(String(model)) && !/non-reasoning/.test(String(model)) ? 40 : 0;
  const total = answer.inputTokens + answer.outputTokens + reasoning;
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answer.text, refusal: null },
        finish_reason: answer.cut ? 'length' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: answer.inputTokens,
      // Reasoning is counted beside it and not in it.
      completion_tokens: answer.outputTokens,
      total_tokens: total,
      prompt_tokens_details: { text_tokens: answer.inputTokens, cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: reasoning },
      cost_in_usd_ticks: total * ticksPerToken,
    },
    system_fingerprint: 'fp_emulated',
  };
};

/** A tick is 1e-10 USD. */
const ticksPerToken = 5_000;

/** Both forms of a request for text: chat messages, and the input of the Responses API. */
const questionIn = (body: JsonObject): Question => {
  const { messages, input, instructions, response_format: chatFormat, text } = body;
  const {
    max_tokens: tokens,
    max_completion_tokens: completionTokens,
    max_output_tokens: outputTokens,
  } = body;
  const most = [tokens, completionTokens, outputTokens].find((value) => typeof value === 'number');
  return {
    prompt: promptText([instructions ?? '', messages ?? '', input ?? '']),
    format: formatIn(chatFormat ?? memberIn(text, 'format')),
    outputTokensMax: typeof most === 'number' ? most : null,
  };
};

const formatIn = (format: JsonValue | undefined): Question['format'] => {
  const type = memberIn(format, 'type');
  // The chat form wraps its schema once more.
  const schema = memberIn(memberIn(format, 'json_schema') ?? format, 'schema');
  if (type === 'json_schema' && isJsonObject(schema)) return { schema };
  return type === 'json_schema' || type === 'json_object' ? 'json' : 'text';
};

/** A picture of one pixel, in the answer itself whatever was asked for: nothing here serves pictures. */
const image = ({ prompt, n }: JsonObject): JsonObject => ({
  data: Array.from({ length: typeof n === 'number' ? n : 1 }, () => ({
    b64_json: onePixel,
    revised_prompt: promptText(prompt ?? ''),
    respect_moderation: true,
  })),
  usage: { cost_in_usd_ticks: 200_000_000 },
});

const onePixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
