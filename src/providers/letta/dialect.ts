/**
 * How a request for an agent is recognised and checked before anything is stored. Only what is certain to fail is
 * refused here; everything else is the vendor's to judge.
 */
import type { JsonObject, JsonValue } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/**
 * Recognises an object that names an agent and says something to it. The whole line is the body: the vendor has no
 * place for a key of the caller's, and knows a request by its agent alone.
 */
export const dialect: Dialect = {
  form: '{agent_id, messages | input}',
  read({ value, raw }) {
    const { agent_id: agentId, messages, input } = value;
    if (typeof agentId !== 'string' || (messages === undefined && input === undefined)) return null;
    return { customId: null, endpoint: null, body: raw };
  },
  inspect({ body }) {
    const { agent_id: agentId } = body;
    return {
      model: null,
      agentId: isText(agentId) ? agentId : null,
      problems: rules.filter(({ holds }) => !holds(body)).map(({ problem }) => problem),
    };
  },
};

const isText = (value: JsonValue | undefined): value is string => typeof value === 'string' && value !== '';

const rules: ReadonlyArray<{ problem: string; holds(body: JsonObject): boolean }> = [
  {
    problem: 'body.agent_id must be a non-empty string',
    holds: ({ agent_id: agentId }) => isText(agentId),
  },
  {
    problem: 'body must have either messages or input',
    holds: ({ messages = null, input = null }) => (messages === null) !== (input === null),
  },
  {
    problem: 'body.messages must be an array',
    holds: ({ messages = null }) => messages === null || Array.isArray(messages),
  },
  {
    problem: 'body.input must be a string or an array',
    holds: ({ input = null }) => input === null || typeof input === 'string' || Array.isArray(input),
  },
];
