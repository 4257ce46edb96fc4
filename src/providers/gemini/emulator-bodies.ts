/**
 * What each kind of request is answered with: the vendor's response objects around emulated words, and what is
 * refused.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { answerTo, countTokens, embeddingOf, type Question } from '../emulator/answers.ts';
import { promptText } from '../emulator/prompt.ts';
import type { RequestKind } from './emulator-store.ts';
import { field } from './emulator-wire.ts';

/** One request to a model: its body, the model, and a text that ids are made of. */
export interface ModelCall {
  readonly body: JsonObject;
  readonly model: string;
  readonly id: string;
}

/** What the vendor answers to requests of a kind. */
export const answers: Readonly<Record<RequestKind, (call: ModelCall) => JsonObject>> = {
  generateContent: answerContent,
  embedContent: answerEmbedding,
};

/** What the vendor says against a body; null where it takes it. */
export function problemOf(kind: RequestKind, body: JsonObject): string | null {
  const required = kind === 'embedContent' ? 'content' : 'contents';
  const value = body[required];
  const isThere = Array.isArray(value) ? value.length > 0 : isJsonObject(value);
  const request = kind === 'embedContent' ? 'EmbedContentRequest' : 'GenerateContentRequest';
  return isThere ? null : `* ${request}.${required}: ${required} is not specified\n`;
}

function answerContent({ body, model, id }: ModelCall): JsonObject {
  const config = objectIn(field(body, 'generationConfig'));
  const tokens = field(config, 'maxOutputTokens');
  const answer = answerTo({
    prompt: promptText([field(body, 'systemInstruction') ?? '', body['contents'] ?? '']),
    format: formatIn(config),
    outputTokensMax: typeof tokens === 'number' ? tokens : null,
  });
  return {
    candidates: [
      {
        content: { parts: [{ text: answer.text }], role: 'model' },
        finishReason: answer.cut ? 'MAX_TOKENS' : 'STOP',
        index: 0,
      },
    ],
    usageMetadata: {
      promptTokenCount: answer.inputTokens,
      candidatesTokenCount: answer.outputTokens,
      totalTokenCount: answer.inputTokens + answer.outputTokens,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: answer.inputTokens }],
    },
    modelVersion: model.replace(/^models\//, ''),
    responseId: id,
  };
}

function answerEmbedding({ body }: ModelCall): JsonObject {
  const text = promptText(body['content'] ?? '');
  const dimensions = field(body, 'outputDimensionality');
  return {
    embedding: { values: embeddingOf(text, typeof dimensions === 'number' ? dimensions : 16) },
    tokenCount: String(countTokens(text)),
  };
}

const formatIn = (config: JsonObject): Question['format'] => {
  const schema = field(config, 'responseJsonSchema') ?? field(config, 'responseSchema');
  if (isJsonObject(schema)) return { schema: objectIn(lowerTypes(schema)) };
  return field(config, 'responseMimeType') === 'application/json' ? 'json' : 'text';
};

/** The vendor's own schemas write their types in capitals. */
const lowerTypes = (value: JsonValue): JsonValue => {
  if (Array.isArray(value)) return value.map(lowerTypes);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'type' && typeof inner === 'string' ? inner.toLowerCase() : lowerTypes(inner),
    ]),
  );
};

const objectIn = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {});
