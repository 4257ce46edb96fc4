/** The lines of the emulated vendor's results file: made one by one, when and only when they are read. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { answerTo, type Question } from '../emulator/answers.ts';
import { type EndedItem, type Ending, endedItems, writeLines } from '../emulator/endings.ts';
import type { WrittenLife } from '../emulator/life.ts';
import { type BatchRequest, paramsProblem } from './emulator-create.ts';
import { errorObject } from './emulator-refusal.ts';

/** The results of a batch that has ended, in pieces of a useful size. `content` is one request per line. */
export async function* resultLines(batch: WrittenLife, content: Buffer, now: Date): AsyncGenerator<string> {
  const requests = content.toString('utf8').split('\n');
  let piece = '';
  const write = (item: EndedItem, key: string | null): string => {
    const { custom_id, params } = JSON.parse(requests[item.position] ?? '{}') as BatchRequest;
    return JSON.stringify({ custom_id: key ?? custom_id, result: results[item.ending](params, custom_id) });
  };
  for (const line of writeLines(endedItems(batch, now), write)) {
    piece += line;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

const pieceLength = 64 * 1024;

const results = {
  succeeded: (params, key) => ({ type: 'succeeded', message: messageFor(params, key) }),
  errored: (params) =>
    errored('invalid_request_error', paramsProblem(params) ?? 'The emulator was asked to refuse this.'),
  overloaded: () => errored('overloaded_error', 'Overloaded'),
  expired: () => ({ type: 'expired' }),
  cancelled: () => ({ type: 'canceled' }),
} as const satisfies Record<Ending, (params: JsonObject, key: string) => JsonObject>;

const errored = (type: string, message: string): JsonObject => ({
  type: 'errored',
  error: errorObject(type, message, null),
});

const messageFor = (params: JsonObject, key: string): JsonObject => {
  const { text, inputTokens, outputTokens, cut } = answerTo(questionIn(params));
  const { model = null } = params;
  return {
    id: `msg_${key}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [{ type: 'text', text, citations: null }],
    container: null,
    diagnostics: null,
    stop_details: null,
    stop_reason: cut ? 'max_tokens' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      cache_creation: null,
      inference_geo: null,
      output_tokens_details: null,
      server_tool_use: null,
      service_tier: 'batch',
      speed: null,
    },
  };
};

const questionIn = ({
  system,
  messages,
  max_tokens: tokens,
  output_config: output,
}: JsonObject): Question => {
  const { format } = isJsonObject(output) ? output : {};
  const { schema } = isJsonObject(format) ? format : {};
  const contents = Array.isArray(messages) ? messages.map(contentOf) : [];
  return {
    prompt: [system, ...contents]
      .map(textIn)
      .filter((text) => text !== '')
      .join('\n'),
    format: isJsonObject(schema) ? { schema } : 'text',
    outputTokensMax: typeof tokens === 'number' ? tokens : null,
  };
};

const contentOf = (message: JsonValue): JsonValue | undefined => {
  const { content } = isJsonObject(message) ? message : {};
  return content;
};

/** The text of a content, which is a string or an array of blocks. */
const textIn = (content: JsonValue | undefined): string => {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((block) => {
      const { text } = isJsonObject(block) ? block : {};
      return typeof text === 'string' ? text : '';
    })
    .join('');
};
