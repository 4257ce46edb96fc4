/**
 * How a request for a batch of generations is recognised and checked before anything is stored. Only what is certain
 * to fail is refused here; everything else about a payload is the vendor's to judge.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/**
 * Recognises `{request_id, endpoint, payload}`, also with one of the first two left out. A line with further members
 * is of another form.
 */
export const dialect: Dialect = {
  form: '{request_id, endpoint, payload}',
  read(line) {
    const { request_id: requestId, endpoint, payload, ...rest } = line.value;
    const body = line.text('payload');
    if (body === null || !isJsonObject(payload) || Object.keys(rest).length > 0) return null;
    if (requestId === undefined && endpoint === undefined) return null;
    return {
      customId: typeof requestId === 'string' ? requestId : null,
      endpoint: typeof endpoint === 'string' ? endpoint : null,
      body,
      problems: broken(lineRules, line.value),
    };
  },
  inspect({ body }) {
    const { model } = body;
    return {
      model: typeof model === 'string' && model !== '' ? model : null,
      agentId: null,
      problems: [...broken(bodyRules, body), ...inputProblems(body)],
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
    problem: 'request_id must be a string',
    holds: ({ request_id: requestId = '' }) => typeof requestId === 'string',
  },
  { problem: 'endpoint must be a string', holds: ({ endpoint = '' }) => typeof endpoint === 'string' },
];

const bodyRules: readonly Rule[] = [
  {
    problem: 'body.model must be a non-empty string',
    holds: ({ model }) => typeof model === 'string' && model !== '',
  },
  {
    problem: 'body.input must be an array that is not empty',
    holds: ({ input }) => Array.isArray(input) && input.length > 0,
  },
];

const broken = (rules: readonly Rule[], value: JsonObject): string[] =>
  rules.filter((rule) => !rule.holds(value)).map((rule) => rule.problem);

/** The vendor tells its inputs apart by their type; which types there are grows with its models. */
const inputProblems = ({ input }: JsonObject): string[] =>
  (Array.isArray(input) ? input : []).flatMap((item, index) =>
    isTyped(item) ? [] : [`body.input.${index} must be an object with a type`],
  );

const isTyped = (item: JsonValue): boolean => {
  const { type } = isJsonObject(item) ? item : {};
  return typeof type === 'string' && type !== '';
};
