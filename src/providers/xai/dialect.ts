/**
 * How a request for the Batch API is recognised and checked before anything is stored. The vendor has two forms, one
 * for calls and one for files; both are read. Only what is certain to fail is refused here; everything else about a
 * body is the vendor's to judge.
 */
import { isJsonObject, type JsonLine, type JsonObject, memberTexts } from '../../domain/json-line.ts';
import type { Dialect, RequestDraft } from '../provider.ts';
import { endpointOf } from './kinds.ts';

/** Recognises `{batch_request_id, batch_request: {<kind>: body}}` and `{custom_id, method, url, body}`. */
export const dialect: Dialect = {
  form: '{batch_request_id, batch_request}',
  read: (line) => readWrapped(line) ?? readFileLine(line),
  inspect({ endpoint, body }) {
    const { model } = body;
    const rules = [...bodyRules, ...(endpointRules[endpoint] ?? [])];
    return {
      model: typeof model === 'string' && model !== '' ? model : null,
      agentId: null,
      problems: broken(rules, body),
    };
  },
};

/** The form of a call: one wrapper around the body, whose name tells the endpoint. */
const readWrapped = (line: JsonLine): RequestDraft | null => {
  const { batch_request_id: customId = null, batch_request: request, ...rest } = line.value;
  const text = line.text('batch_request');
  if (text === null || !isJsonObject(request) || Object.keys(rest).length > 0) return null;
  const [kind = '', ...others] = Object.keys(request);
  const body = memberTexts(text).get(kind);
  const endpoint = endpointOf(kind);
  if (body === undefined || endpoint === null || others.length > 0 || !isJsonObject(request[kind]))
    return null;
  const isText = typeof customId === 'string';
  return {
    customId: isText ? customId : null,
    endpoint,
    body,
    problems: isText || customId === null ? [] : ['batch_request_id must be a string'],
  };
};

/** The form of a file: OpenAI's. Without both method and url it is Mistral's, and not taken for this one. */
const readFileLine = (line: JsonLine): RequestDraft | null => {
  const { custom_id: customId, method, url, body, ...rest } = line.value;
  const text = line.text('body');
  if (text === null || !isJsonObject(body) || Object.keys(rest).length > 0) return null;
  if (method === undefined && url === undefined) return null;
  return {
    customId: typeof customId === 'string' ? customId : null,
    endpoint: typeof url === 'string' ? url : null,
    body: text,
    problems: broken(lineRules, line.value),
  };
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

const endpointRules: Readonly<Record<string, readonly Rule[]>> = {
  '/v1/chat/completions': [
    { problem: 'body.messages must be an array', holds: ({ messages }) => Array.isArray(messages) },
  ],
  '/v1/responses': [
    {
      problem: 'body.input must be a string or an array',
      holds: ({ input }) => typeof input === 'string' || Array.isArray(input),
    },
  ],
  '/v1/images/generations': [
    { problem: 'body.prompt must be a string', holds: ({ prompt }) => typeof prompt === 'string' },
  ],
};

const broken = (rules: readonly Rule[], value: JsonObject): string[] =>
  rules.filter((rule) => !rule.holds(value)).map((rule) => rule.problem);
