/**
 * Turns what a caller sent into items that can be stored, or into a list of everything that is wrong with it:
 * which request or line, and why. All or nothing: one bad line among a thousand and nothing is stored. Touches
 * neither database nor provider; whether a custom id is taken already is asked by `add-requests.ts`.
 */

import type { ItemRow } from '../db/tables/items.ts';
import type { RequestsInput } from '../domain/batch-input.ts';
import { customIdSchema, defaultCustomId } from '../domain/custom-id.ts';
import { isJsonObject, type JsonLine, type JsonObject, readJsonLine } from '../domain/json-line.ts';
import { type Issue, ValidationError } from '../errors.ts';
import type { Provider, RequestDraft } from '../providers/provider.ts';

/** What the requests of a batch have in common. */
export interface BatchDefaults {
  readonly provider: Provider;
  readonly endpoint: string;
  /** The model of requests whose body names none; it is written into the body as its first member. */
  readonly model: string | null;
}

/** A request that passed every rule, at its position. */
export type AcceptedItem = Omit<ItemRow, 'batchId' | 'createdAt'>;

/** Where a request stood in the input, for messages. */
interface Place {
  readonly path: ReadonlyArray<string | number>;
  readonly line: number | null;
}

/** An accepted request and where it stood. */
export interface PlacedItem {
  readonly item: AcceptedItem;
  readonly place: Place;
}

/**
 * The items in `requests`, numbered from `firstPosition` on. Throws `ValidationError` with every issue found
 * (the first hundred are listed): unreadable lines, another provider's form, bad bodies, ids used twice.
 */
export function acceptRequests(
  requests: RequestsInput,
  defaults: BatchDefaults,
  firstPosition: number,
): readonly PlacedItem[] {
  const issues: Issue[] = [];
  const accepted: PlacedItem[] = [];
  const placeOfId = new Map<string, Place>();
  for (const { draft, place } of readDrafts(requests, defaults.provider, issues)) {
    const item = toItem(draft, defaults, firstPosition + accepted.length, place, issues);
    if (item === null) continue;
    const earlier = placeOfId.get(item.customId);
    if (earlier !== undefined)
      issues.push(duplicateIssue(place, `the same customId as ${describe(earlier)}`));
    placeOfId.set(item.customId, earlier ?? place);
    accepted.push({ item, place });
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return accepted;
}

/** The issue of a customId that cannot be taken; ids may be long or private, so the message does not quote it. */
export const duplicateIssue = (place: Place, than: string): Issue => ({
  path: [...place.path, 'customId'],
  line: place.line,
  message: `${subject(place)} has ${than}; customIds are unique within a batch.`,
});

const subject = (place: Place): string => {
  const text = describe(place);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};

const describe = (place: Place): string =>
  place.line === null ? `request ${Number(place.path.at(-1)) + 1}` : `line ${place.line}`;

interface PlacedDraft {
  readonly draft: RequestDraft;
  readonly place: Place;
}

function* readDrafts(requests: RequestsInput, provider: Provider, issues: Issue[]): Generator<PlacedDraft> {
  if (requests.kind === 'lines') {
    yield* readLines(requests.text, ['input', 'requests', requests.field], provider, issues);
    return;
  }
  for (const [index, { customId, endpoint, body }] of requests.requests.entries()) {
    const place: Place = { path: ['input', 'requests', 'list', index], line: null };
    const unsafe = unsafeNumberIn(body, []);
    if (unsafe !== null) {
      issues.push({
        path: [...place.path, 'body', ...unsafe],
        line: null,
        message: `${subject(place)} has a number that JSON parsing cannot keep exactly; send it as jsonl or as a file.`,
      });
      continue;
    }
    yield {
      draft: { customId: customId ?? null, endpoint: endpoint ?? null, body: JSON.stringify(body) },
      place,
    };
  }
}

function* readLines(
  text: string,
  path: Place['path'],
  provider: Provider,
  issues: Issue[],
): Generator<PlacedDraft> {
  let number = 0;
  let seen = 0;
  for (const raw of text.split('\n')) {
    number += 1;
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') continue;
    seen += 1;
    const place: Place = { path, line: number };
    const read = readJsonLine(line);
    if ('problem' in read) {
      issues.push({ path, line: number, message: `Line ${number} ${read.problem}.` });
      continue;
    }
    const draft = provider.dialect.read(read) ?? readPlainForm(read);
    if (draft === null) {
      issues.push({
        path,
        line: number,
        message: `Line ${number} is neither ${provider.dialect.form} nor {customId, body}.`,
      });
      continue;
    }
    yield { draft, place };
  }
  if (seen === 0) issues.push({ path, line: null, message: 'There is no line with a request in it.' });
}

/** The form that every provider takes: `{"customId": …, "body": {…}, "endpoint": …}`. */
function readPlainForm(line: JsonLine): RequestDraft | null {
  const { customId, body, endpoint, ...others } = line.value;
  const text = line.text('body');
  if (text === null || Object.keys(others).length > 0) return null;
  if (!isJsonObject(body)) return null;
  if (customId !== undefined && customId !== null && typeof customId !== 'string') return null;
  if (endpoint !== undefined && endpoint !== null && typeof endpoint !== 'string') return null;
  return { customId: customId ?? null, endpoint: endpoint ?? null, body: text };
}

/** The item, or null with the issues that stand against it. */
function toItem(
  draft: RequestDraft,
  { provider, endpoint: defaultEndpoint, model }: BatchDefaults,
  position: number,
  place: Place,
  issues: Issue[],
): AcceptedItem | null {
  const before = issues.length;
  for (const problem of draft.problems ?? []) {
    issues.push({ ...place, message: `${subject(place)}: ${problem}.` });
  }
  const report = (field: string, message: string) =>
    issues.push({
      path: [...place.path, field],
      line: place.line,
      message: `${subject(place)}: ${message}`,
    });
  const customId = customIdSchema.safeParse(draft.customId ?? defaultCustomId(position));
  if (!customId.success) report('customId', customId.error.issues[0]?.message ?? 'customId is invalid.');
  const endpoint = draft.endpoint ?? defaultEndpoint;
  if (!provider.endpoints.includes(endpoint)) {
    report('endpoint', `endpoint must be one of ${provider.endpoints.join(', ')}.`);
  }
  const { text, body } = withModel(draft.body, model);
  const inspection = provider.dialect.inspect({ endpoint, body });
  for (const problem of inspection.problems) report('body', `${problem}.`);
  if (issues.length > before || !customId.success) return null;
  return {
    position,
    customId: customId.data,
    endpoint,
    model: inspection.model,
    agentId: inspection.agentId,
    bytes: Buffer.byteLength(text),
    request: text,
  };
}

/** The body with the batch's model as its first member, where it names none itself; else untouched. */
function withModel(text: string, model: string | null): { text: string; body: JsonObject } {
  const body = JSON.parse(text) as JsonObject;
  if (model === null || Object.hasOwn(body, 'model')) return { text, body };
  const rest = text.slice(text.indexOf('{') + 1);
  const separator = Object.keys(body).length === 0 ? '' : ',';
  return { text: `{"model":${JSON.stringify(model)}${separator}${rest}`, body: { model, ...body } };
}

/** The path of the first number in a parsed value that was beyond 2^53 or all numbers, so that it is lost; null if none. */
function unsafeNumberIn(
  value: unknown,
  path: ReadonlyArray<string | number>,
): ReadonlyArray<string | number> | null {
  if (typeof value === 'number') {
    const isKept = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    return isKept ? null : path;
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, member] of Object.entries(value)) {
    const found = unsafeNumberIn(member, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found !== null) return found;
  }
  return null;
}
