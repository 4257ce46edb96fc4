/**
 * What the server says against the creation of a job, and what it makes of the rest. Members that it does not know it
 * takes and forgets, at every level.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { parsedJson } from '../../domain/json-reading.ts';
import type { Switches } from './emulator-store.ts';
import { Invalid } from './emulator-wire.ts';

/** A creation that may go on. */
export interface Creation {
  /** By agent, in the order in which each was first named; of two for one agent the later. */
  readonly requests: readonly JsonObject[];
  readonly callbackUrl: string | null;
}

/** Reads the body of a creation; throws `Invalid` where it is not as it must be. */
export function readCreation(text: string, switches: Switches): Creation {
  const body = parsedJson(text);
  if (!isJsonObject(body)) throw new Invalid(['body'], 'Input should be a valid dictionary');
  const { requests, callback_url: callbackUrl = null } = body;
  if (!Array.isArray(requests)) throw new Invalid(['body', 'requests'], 'Input should be a valid list');
  const byAgent = new Map<string, JsonObject>();
  for (const [index, request] of requests.entries()) {
    const { agentId, value } = readRequest(request, index, switches);
    byAgent.set(agentId, value);
  }
  return { requests: [...byAgent.values()], callbackUrl: readUrl(callbackUrl) };
}

/** The agent of a request that was taken. */
export const agentOf = ({ agent_id: agentId }: JsonObject): string => String(agentId);

/** The requests of a job, from what it was kept with: one a line. */
export function requestsIn(content: Buffer | null): JsonObject[] {
  const text = content?.toString('utf8') ?? '';
  return text === '' ? [] : text.split('\n').map((line): JsonObject => JSON.parse(line));
}

const agentIdPattern = /^agent-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const readRequest = (
  value: JsonValue,
  index: number,
  { agentIds }: Switches,
): { agentId: string; value: JsonObject } => {
  const place = ['body', 'requests', index];
  if (!isJsonObject(value)) throw new Invalid(place, 'Input should be a valid dictionary');
  const { agent_id: agentId, messages = null, input = null } = value;
  if (typeof agentId !== 'string')
    throw new Invalid([...place, 'agent_id'], 'Input should be a valid string');
  if (agentIds === 'uuid' && !agentIdPattern.test(agentId))
    throw new Invalid([...place, 'agent_id'], `String should match pattern '${agentIdPattern.source}'`);
  if (messages !== null && input !== null)
    throw new Invalid(place, 'Only one of input and messages may be there.');
  if (messages === null && input === null)
    throw new Invalid(place, 'One of input and messages has to be there.');
  if (messages !== null && !(Array.isArray(messages) && messages.every(isJsonObject)))
    throw new Invalid([...place, 'messages'], 'Input should be a valid list of messages');
  if (input !== null && typeof input !== 'string' && !Array.isArray(input))
    throw new Invalid([...place, 'input'], 'Input should be a valid string or list');
  return { agentId, value };
};

/** The URL as a parser writes it, which is how the server shows it. */
const readUrl = (value: JsonValue): string | null => {
  if (value === null) return null;
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Invalid(['body', 'callback_url'], 'Input should be a valid URL');
  return url.href;
};
