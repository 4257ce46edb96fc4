/**
 * What one agent's messages of a job come to. The vendor tells nothing about single requests: whether an agent has
 * answered, failed or never spoke is read from its messages, one after the other. Pure; holds no message.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';

/** An agent's turn, as far as its messages so far tell. */
export interface Turn {
  /** Whether the agent has said or done anything. */
  readonly hasSpoken: boolean;
  /** What the last message is. */
  readonly last: 'input' | 'words' | 'call' | 'failure' | 'other';
}

/** A turn of which no message has been read. */
export const noTurn: Turn = { hasSpoken: false, last: 'other' };

/** The turn after one more message. */
export function withMessage({ hasSpoken }: Turn, value: JsonValue): Turn {
  const message = isJsonObject(value) ? value : {};
  const { role, is_err: isError } = message;
  const speech = role === 'assistant' ? speechIn(message) : null;
  const said = hasSpoken || speech !== null;
  if (isError === true) return { hasSpoken: said, last: 'failure' };
  return { hasSpoken: said, last: speech ?? (role === 'user' ? 'input' : 'other') };
}

/**
 * How the turn stands if nothing more comes: `answered`; `failed`, where the vendor marks it so; or `unanswered`,
 * where the agent never spoke, or not to the last that it was told.
 */
export function endOf({ hasSpoken, last }: Turn): 'answered' | 'failed' | 'unanswered' {
  if (last === 'failure') return 'failed';
  return hasSpoken && last !== 'input' ? 'answered' : 'unanswered';
}

/**
 * Whether nothing more can come: the agent's last message is words, and calls no tool. After the call of a tool, or
 * what the tool returned, the agent may go on.
 */
export const isOver = ({ last }: Turn): boolean => last === 'words';

/** The text of a message to the user: what it hands to the tool for messages, else its words; null where neither. */
export function textOf(value: JsonValue): string | null {
  if (!isJsonObject(value) || value['role'] !== 'assistant') return null;
  const { content } = value;
  return messageArgument(value) ?? wordsIn(content);
}

const speechIn = (message: JsonObject): 'words' | 'call' | null => {
  const { tool_calls: calls, content } = message;
  if (Array.isArray(calls) && calls.length > 0) return 'call';
  if (partsOf(content, 'tool_call').length > 0) return 'call';
  return wordsIn(content) === null ? null : 'words';
};

const wordsIn = (content: JsonValue | undefined): string | null => {
  const text =
    typeof content === 'string'
      ? content
      : partsOf(content, 'text')
          .map(({ text }) => (typeof text === 'string' ? text : ''))
          .join('');
  return text === '' ? null : text;
};

/** Older agents speak by calling this tool. Its name and its argument can be set otherwise; nobody tells us then. */
const messageTool = 'send_message';

const messageArgument = ({ tool_calls: calls, content }: JsonObject): string | null => {
  for (const call of Array.isArray(calls) ? calls : []) {
    const { function: called } = isJsonObject(call) ? call : {};
    const { name, arguments: given } = isJsonObject(called) ? called : {};
    const { message } = name === messageTool ? argumentsIn(given) : {};
    if (typeof message === 'string') return message;
  }
  for (const { name, input } of partsOf(content, 'tool_call')) {
    const { message } = name === messageTool ? argumentsIn(input) : {};
    if (typeof message === 'string') return message;
  }
  return null;
};

/** The arguments of a call: an object, or JSON text of one, which a model wrote and may have written badly. */
const argumentsIn = (given: JsonValue | undefined): JsonObject => {
  if (isJsonObject(given)) return given;
  try {
    const value: unknown = typeof given === 'string' ? JSON.parse(given) : null;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
};

const partsOf = (content: JsonValue | undefined, type: string): JsonObject[] =>
  Array.isArray(content) ? content.filter(isJsonObject).filter((part) => part['type'] === type) : [];
