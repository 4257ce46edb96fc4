/**
 * How a request for a batch job is recognised and checked before anything is stored. Only what is certain to fail
 * is refused here; everything else about a body is the vendor's to judge, request by request.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/**
 * Recognises `{custom_id, body}`; a line with further members is of another form. The vendor lets a body leave its
 * model to the job; here the body has to name it, because jobs are made by what the bodies name.
 */
export const dialect: Dialect = {
  form: '{custom_id, body}',
  read(line) {
    const { custom_id: customId, body, ...rest } = line.value;
    const text = line.text('body');
    if (text === null || !isJsonObject(body) || Object.keys(rest).length > 0) return null;
    if (customId === undefined) return null;
    const named = typeof customId === 'string';
    return {
      customId: named ? customId : null,
      endpoint: null,
      body: text,
      problems: named ? [] : ['custom_id must be a string'],
    };
  },
  inspect({ body }) {
    const { model } = body;
    return {
      model: typeof model === 'string' && model !== '' ? model : null,
      agentId: null,
      problems: bodyRules.filter((rule) => !rule.holds(body)).map((rule) => rule.problem),
    };
  },
};

/** A sentence, and whether it need not be said. */
interface Rule {
  readonly problem: string;
  holds(body: JsonObject): boolean;
}

const bodyRules: readonly Rule[] = [
  {
    problem: 'body.model must be a non-empty string',
    holds: ({ model }) => typeof model === 'string' && model !== '',
  },
  { problem: 'body.stream must not be true', holds: ({ stream }) => stream !== true },
];
