/**
 * How many tokens a request will use, guessed from its body alone. No tokenizer is asked: there is none for most of the
 * models, and a guess that names its bounds is worth more before a batch than a count of one vendor's. What its tokens
 * cost is `cost.ts`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from './json-line.ts';
import { countIn } from './json-reading.ts';

/** What a request is thought to use. */
export interface TokenEstimate {
  readonly inputLow: number;
  readonly inputHigh: number;
  /** The most that its answers may have together; null where the body sets no bound. */
  readonly outputMax: number | null;
}

/** What no request uses. */
export const noTokens: TokenEstimate = { inputLow: 0, inputHigh: 0, outputMax: 0 };

/** Both together; what is not known of one is not known of both. */
export const plusTokens = (one: TokenEstimate | null, other: TokenEstimate | null): TokenEstimate | null =>
  one === null || other === null
    ? null
    : {
        inputLow: one.inputLow + other.inputLow,
        inputHigh: one.inputHigh + other.inputHigh,
        outputMax:
          one.outputMax === null || other.outputMax === null ? null : one.outputMax + other.outputMax,
      };

/**
 * Bytes of UTF-8 in a token, measured with o200k: 4.5 in English prose, 6.5 in Russian, 3.4 in Japanese, 3 of digits,
 * 2.6 to 4 in code and JSON. Older and smaller vocabularies cut finer.
 */
const bytesPerToken = { most: 8, fewest: 2 };

/** What is put around a request's texts: roles, separators, tools' frames. */
const framing = { fixed: 16, perText: 8 };

/**
 * The tokens of a request with this body. Null where a part of the input is no text (an image, a file, a sound), which
 * no length tells the tokens of.
 */
export function estimateTokens(body: JsonObject): TokenEstimate | null {
  const texts = { bytes: 0, count: 0 };
  if (!addTexts(body, texts)) return null;
  return {
    inputLow: Math.floor(texts.bytes / bytesPerToken.most),
    inputHigh: Math.ceil(texts.bytes / bytesPerToken.fewest) + framing.fixed + framing.perText * texts.count,
    outputMax: outputMaxOf(body),
  };
}

/** Counts the texts in a value; false where it holds something else to be read. */
function addTexts(value: JsonValue, texts: { bytes: number; count: number }): boolean {
  if (typeof value === 'string') {
    texts.bytes += Buffer.byteLength(value);
    texts.count += 1;
    return !(value.startsWith('data:') && dataUrl.test(value)) && !hasLongWord(value);
  }
  if (Array.isArray(value)) {
    for (const part of value) if (!addTexts(part, texts)) return false;
    return true;
  }
  if (!isJsonObject(value)) return true;
  const { type } = value;
  if (typeof type === 'string' && mediaTypes.has(type)) return false;
  // What was parsed inherits nothing that could be listed.
  for (const key in value) {
    if (mediaKeys.has(key) || !addTexts(value[key] ?? null, texts)) return false;
  }
  return true;
}

const dataUrl = /^data:[\w.+-]+\/[\w.+-]+[;,]/;

/** So long a word of what base64 is made of that it is hardly a word. */
const wordMax = 1024;

/** Looks at the end of where such a word would be first, so that of prose it reads a letter in a hundred. */
function hasLongWord(text: string): boolean {
  for (let from = 0; from + wordMax <= text.length; ) {
    let at = from + wordMax - 1;
    while (at >= from && isOfBase64(text.charCodeAt(at))) at -= 1;
    if (at < from) return true;
    from = at + 1;
  }
  return false;
}

const isOfBase64 = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 47 && code <= 57) || code === 43;

const mediaTypes = new Set([
  ...['image', 'image_url', 'input_image', 'document', 'file', 'input_file'],
  ...['audio', 'input_audio', 'video', 'video_url'],
]);
const mediaKeys = new Set(['inlineData', 'inline_data', 'fileData', 'file_data', 'input_audio']);

/** Where the vendors' bodies bound an answer, and where they say how many answers there are to be. */
const holders = ['generationConfig', 'generation_config', 'inferenceConfig', 'textGenerationConfig'];
const boundNames = [
  ...['max_completion_tokens', 'max_output_tokens', 'max_tokens', 'maxOutputTokens'],
  ...['maxTokens', 'maxTokenCount', 'max_gen_len', 'max_new_tokens'],
];
const answersNames = ['n', 'candidateCount', 'candidate_count'];

function outputMaxOf(body: JsonObject): number | null {
  const bound = firstCount(body, boundNames);
  return bound === null ? null : bound * (firstCount(body, answersNames) ?? 1);
}

/** The first count under one of the names, in the body itself and then in what it may hold. */
function firstCount(body: JsonObject, names: readonly string[]): number | null {
  const own = countUnder(body, names);
  if (own !== null) return own;
  for (const holder of holders) {
    const held = body[holder];
    const count = isJsonObject(held) ? countUnder(held, names) : null;
    if (count !== null) return count;
  }
  return null;
}

function countUnder(place: JsonObject, names: readonly string[]): number | null {
  for (const name of names) {
    const count = countIn(place[name]);
    if (count !== null) return count;
  }
  return null;
}
