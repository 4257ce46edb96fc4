/** The clauses about what a result line says. Lines come from the emulator, good ones and damaged ones. */
import { isJsonObject, type JsonValue } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import { usageFields } from '../../domain/usage.ts';
import type { Outcome } from '../provider.ts';
import type { Bench } from './bench.ts';
import type { Check } from './check.ts';
import { linesOf } from './collecting.ts';
import { demand, skip, Unmet } from './demands.ts';

/** Checks BQ-D…. */
export const decoding: readonly Check[] = [
  {
    id: 'BQ-D01',
    level: 'MUST',
    title: 'A success tells its stop reason, its tokens, its text and its answer, and no error.',
    source: 'contract: Outcome, Decoding.readText',
    async run(bench) {
      const line = await lineFor(bench, 'Say something.');
      const outcome = outcomeOf(bench, line);
      demand(outcome.status === 'SUCCEEDED', `it is ${outcome.status}`);
      const { errorCode, errorMessage, retryable } = outcome;
      demand(errorCode === null && errorMessage === null && retryable === null, 'it tells of an error');
      const { tells } = bench.provider.capabilities;
      const { stopReason, usage } = outcome;
      demand((stopReason !== null) === tells.includes('stopReason'), `its stop reason is ${stopReason}`);
      const counted = (usage.inputTokens ?? 0) > 0 && (usage.outputTokens ?? 0) > 0;
      demand(counted === tells.includes('tokens'), 'its tokens are not what the provider claims to tell');
      const text = bench.provider.decoding.readText(line) ?? '';
      demand((text !== '') === tells.includes('text'), 'its text is not what the provider claims to tell');
      const response = parsedObject(bench.provider.decoding.readResponse(line) ?? '');
      demand(response?.['status_code'] === 200 && isJsonObject(response['body']), 'its answer has no body');
    },
  },
  {
    id: 'BQ-D02',
    level: 'MUST',
    title: 'A request that was refused is ERRORED, with a code and a message, and not worth another try.',
    source: 'contract: Outcome.retryable',
    async run(bench) {
      const line = await lineFor(bench, 'emulate:errored');
      const outcome = outcomeOf(bench, line);
      demand(outcome.status === 'ERRORED', `it is ${outcome.status}`);
      demand(/^[a-z0-9_]+$/.test(outcome.errorCode ?? ''), `its code is ${outcome.errorCode}`);
      demand((outcome.errorMessage ?? '') !== '', 'its message is missing');
      demand(outcome.retryable === false, 'it is worth another try');
      demand(bench.provider.decoding.readText(line) === null, 'it has a text');
    },
  },
  {
    id: 'BQ-D03',
    level: 'MUST',
    title: 'A request that met an overload is ERRORED, and worth another try.',
    source: 'contract: Outcome.retryable',
    async run(bench) {
      const outcome = outcomeOf(bench, await lineFor(bench, 'emulate:overloaded'));
      demand(outcome.status === 'ERRORED', `it is ${outcome.status}`);
      demand(outcome.retryable === true, 'it is not worth another try');
    },
  },
  {
    id: 'BQ-D04',
    level: 'MUST',
    title: 'A request whose time ran out is EXPIRED, and worth another try.',
    source: 'facts 9, rule 2: item statuses',
    async run(bench) {
      if (!bench.provider.capabilities.tells.includes('expired')) skip('no line of this provider tells that');
      const outcome = outcomeOf(bench, await lineFor(bench, 'emulate:expired'));
      demand(outcome.status === 'EXPIRED', `it is ${outcome.status}`);
      demand(outcome.errorCode !== null, 'its code is missing');
      demand(outcome.retryable === true, 'it is not worth another try');
    },
  },
  {
    id: 'BQ-D05',
    level: 'MUST',
    title: 'Tokens that the provider does not tell are null, never zero.',
    source: 'design: unknown is null, never zero',
    async run(bench) {
      const line = await lineFor(bench, 'Say something.');
      const silent = JSON.stringify(
        JSON.parse(line, (key, value) => (/usage/i.test(key) ? undefined : value)),
      );
      const outcome = outcomeOf(bench, silent);
      demand(outcome.status === 'SUCCEEDED', `it is ${outcome.status}`);
      const told = usageFields.filter((field) => outcome.usage[field] !== null);
      demand(told.length === 0, `${told.join(' and ')} are told`);
    },
  },
  {
    id: 'BQ-D06',
    level: 'MUST',
    title: 'No line makes the decoder throw: what cannot be read is malformed, with a reason.',
    source: 'contract: Decoding',
    async run(bench) {
      const prompts = ['Say something.', 'emulate:errored', 'emulate:overloaded'];
      const lines: string[] = [];
      for (const prompt of prompts) lines.push(await lineFor(bench, prompt));
      if (bench.provider.capabilities.tells.includes('expired'))
        lines.push(await lineFor(bench, 'emulate:expired'));
      for (const line of [...garbage, ...lines.flatMap(cutAnywhere), ...lines.flatMap(damagedAnywhere)]) {
        readQuietly(bench, line);
      }
    },
  },
  {
    id: 'BQ-D07',
    level: 'MUST',
    title: 'A line that names its item and says nothing that we know is that item, ERRORED.',
    source: 'design: one malformed line is one errored item with the line kept',
    async run(bench) {
      const line = await lineFor(bench, 'Say something.');
      const decoded = bench.provider.decoding.decode(line);
      const key = decoded.kind === 'result' ? decoded.key : '';
      const outcome = bench.provider.decoding.decode(futureTwin(line, key));
      demand(outcome.kind === 'result' && outcome.key === key, 'the item was lost');
      demand(outcome.outcome.status === 'ERRORED', `the item is ${outcome.outcome.status}`);
    },
  },
];

/** The result line of a job's first item, which has this prompt. */
const lineFor = async (bench: Bench, prompt: string): Promise<string> => {
  const draft = bench.draft(bench.few(0, [prompt]));
  const job = await bench.submit(draft);
  const lines = linesOf(await bench.collect(job, await bench.finish(job)));
  const own = lines.filter((line) => {
    const decoded = bench.provider.decoding.decode(line);
    return decoded.kind === 'result' && decoded.key === draft.names[0];
  });
  const [line, more] = own;
  demand(line !== undefined && more === undefined, `an item has ${own.length} lines`);
  return line;
};

const outcomeOf = (bench: Bench, line: string): Outcome => {
  const decoded = bench.provider.decoding.decode(line);
  demand(decoded.kind === 'result', 'the line cannot be read');
  return decoded.outcome;
};

/** The line as a vendor may write it one day: its inner objects or, where it has none, all its texts are new but the key. */
const futureTwin = (line: string, key: string): string => {
  const rewritten = (change: (value: JsonValue) => JsonValue): string =>
    JSON.stringify(JSON.parse(line, (name, value) => (name === '' ? value : change(value))));
  const nested = rewritten((value) => (isJsonObject(value) ? { kind: 'from the future' } : value));
  if (nested !== rewritten((value) => value)) return nested;
  return rewritten((value) => (typeof value === 'string' && value !== key ? 'from the future' : value));
};

const garbage = [
  '',
  ' ',
  '{',
  '}',
  'null',
  '[]',
  '""',
  '7',
  'true',
  '{}',
  '{"custom_id":null}',
  '\u0000',
  '\ud800',
  '[{}]',
];

const cutAnywhere = (line: string): string[] =>
  Array.from({ length: Math.min(line.length, 400) }, (_, length) => line.slice(0, length));

/** The line with each member at any depth replaced, in turn, by values of another type. */
const damagedAnywhere = (line: string): string[] =>
  pathsIn(JSON.parse(line)).flatMap((path) =>
    [null, 7, 'x', true, [], {}, [null]].map((value) =>
      JSON.stringify(replaced(JSON.parse(line), path, value)),
    ),
  );

const pathsIn = (value: JsonValue): string[][] => {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [key],
    ...pathsIn(inner).map((path) => [key, ...path]),
  ]);
};

const replaced = (value: JsonValue, [key, ...rest]: string[], by: JsonValue): JsonValue => {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((inner, index) => (String(index) === key ? replaced(inner, rest, by) : inner));
  return isJsonObject(value) ? { ...value, [key]: replaced(value[key] ?? null, rest, by) } : value;
};

const readQuietly = (bench: Bench, line: string): void => {
  const { decode, readText, readResponse } = bench.provider.decoding;
  try {
    const decoded = decode(line);
    readText(line);
    readResponse(line);
    demand(decoded.kind === 'result' || decoded.reason !== '', 'a malformed line has no reason');
  } catch (thrown) {
    if (thrown instanceof Unmet) throw thrown;
    demand(false, `this line makes it throw: ${line.slice(0, 200)}`);
  }
};
