/**
 * How a request for Message Batches is recognised and checked before anything is stored. Only what is certain
 * to fail is refused here; everything else about `params` is the vendor's to judge, request by request.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/** Recognises `{custom_id, params}` and nothing with further members: the vendor refuses those too. */
export const dialect: Dialect = {
  form: '{custom_id, params}',
  read(line) {
    const { custom_id: customId, params, ...rest } = line.value;
    const body = line.text('params');
    if (body === null || !isJsonObject(params) || Object.keys(rest).length > 0) return null;
    const isText = typeof customId === 'string';
    return {
      customId: isText ? customId : null,
      endpoint: null,
      body,
      problems: isText || customId === undefined ? [] : ['custom_id must be a string'],
    };
  },
  inspect({ body }) {
    const { model } = body;
    return {
      model: typeof model === 'string' && model !== '' ? model : null,
      agentId: null,
      problems: rules.filter(({ holds }) => !holds(body)).map(({ problem }) => problem),
    };
  },
};

const rules: ReadonlyArray<{ problem: string; holds(body: JsonObject): boolean }> = [
  {
    problem: 'body.model must be a non-empty string',
    holds: ({ model }) => typeof model === 'string' && model !== '',
  },
  {
    problem: 'body.max_tokens must be an integer of at least 1',
    holds: ({ max_tokens: tokens }) => typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 1,
  },
  {
    problem: 'body.messages must be an array that is not empty',
    holds: ({ messages }) => Array.isArray(messages) && messages.length > 0,
  },
  {
    problem: 'body.stream must not be true',
    holds: ({ stream }) => stream !== true,
  },
];
