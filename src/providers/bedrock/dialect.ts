/**
 * How a request for a model invocation job is recognised and checked before anything is stored. A body is whatever
 * the job's model takes, so that little can be known to be wrong with it; everything else is the vendor's to judge,
 * record by record.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { Dialect } from '../provider.ts';

/**
 * Recognises `{recordId, modelInput}`; a line with further members is of another form. The vendor lets a line leave
 * out its `recordId`. No body names its model: that is one for the whole job.
 */
export const dialect: Dialect = {
  form: '{recordId, modelInput}',
  read(line) {
    const { recordId, modelInput, ...rest } = line.value;
    const text = line.text('modelInput');
    if (text === null || !isJsonObject(modelInput) || Object.keys(rest).length > 0) return null;
    const named = typeof recordId === 'string';
    return {
      customId: named ? recordId : null,
      endpoint: null,
      body: text,
      problems: named || recordId === undefined ? [] : ['recordId must be a string'],
    };
  },
  inspect({ endpoint, body }) {
    const rules = [...bodyRules, ...(endpoint === 'Converse' ? converseRules : [])];
    return {
      model: null,
      agentId: null,
      problems: rules.filter((rule) => !rule.holds(body)).map((rule) => rule.problem),
    };
  },
};

/** A sentence, and whether it need not be said. */
interface Rule {
  readonly problem: string;
  holds(body: JsonObject): boolean;
}

const bodyRules: readonly Rule[] = [
  { problem: 'body must not be empty', holds: (body) => Object.keys(body).length > 0 },
  {
    problem: 'body.modelId must not be there: a job has one model for all its requests',
    holds: ({ modelId }) => modelId === undefined,
  },
];

const converseRules: readonly Rule[] = [
  {
    problem: 'body.messages must be a list with at least one message',
    holds: ({ messages }) => Array.isArray(messages) && messages.length > 0,
  },
];
