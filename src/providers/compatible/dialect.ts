/**
 * How a request for the Batch API is recognised and checked before anything is stored. Only what is certain to
 * fail is refused here; everything else about a body is the vendor's to judge, request by request.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/**
 * Recognises `{custom_id, method, url, body}`, also with some of the first three left out. A line with further
 * members is of another form: the vendor refuses those too.
 */
export const dialect: Dialect = {
  form: '{custom_id, method, url, body}',
  read(line) {
    const { custom_id: customId, method, url, body, ...rest } = line.value;
    const text = line.text('body');
    if (text === null || !isJsonObject(body) || Object.keys(rest).length > 0) return null;
    if (customId === undefined && method === undefined && url === undefined) return null;
    return {
      customId: typeof customId === 'string' ? customId : null,
      endpoint: typeof url === 'string' ? url : null,
      body: text,
      problems: broken(lineRules, line.value),
    };
  },
  inspect({ body }) {
    const { model } = body;
    return {
      model: typeof model === 'string' && model !== '' ? model : null,
      agentId: null,
      problems: broken(bodyRules, body),
    };
  },
};

/** A sentence, and whether it need not be said. */
interface Rule {
  readonly problem: string;
  holds(value: JsonObject): boolean;
}

const lineRules: readonly Rule[] = [
  {
    problem: 'custom_id must be a string',
    holds: ({ custom_id: customId = '' }) => typeof customId === 'string',
  },
  { problem: 'method must be POST', holds: ({ method = 'POST' }) => method === 'POST' },
  { problem: 'url must be a string', holds: ({ url = '' }) => typeof url === 'string' },
];

const bodyRules: readonly Rule[] = [
  {
    problem: 'body.model must be a non-empty string',
    holds: ({ model }) => typeof model === 'string' && model !== '',
  },
  { problem: 'body.stream must not be true', holds: ({ stream }) => stream !== true },
];

const broken = (rules: readonly Rule[], value: JsonObject): string[] =>
  rules.filter((rule) => !rule.holds(value)).map((rule) => rule.problem);
