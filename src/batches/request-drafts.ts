/**
 * Reads requests as a caller wrote them, one by one: which form each is in, and where it stood. What is in no form that
 * is taken here becomes an issue. Whether a request can be taken is left to `accept.ts`.
 */
import type { RequestsInput } from '../domain/batch-input.ts';
import { isJsonObject, type JsonLine, type JsonObject, readJsonLine } from '../domain/json-line.ts';
import type { Issue } from '../errors.ts';
import type { Provider, RequestDraft } from '../providers/provider.ts';

/** Where a request stood in the input, for messages. */
export interface Place {
  readonly path: ReadonlyArray<string | number>;
  readonly line: number | null;
}

/** In whose form a line may be. */
export interface KnownForms {
  readonly provider: Provider;
  /** All providers, so that a line in the form of another one can be told what it is. */
  readonly known: readonly Provider[];
}

/** A request as it was written, and what its body says. */
export type ReadDraft = RequestDraft & { readonly value: JsonObject };

/** A request as it was written, and where. */
export interface PlacedDraft {
  readonly draft: ReadDraft;
  readonly place: Place;
}

/** The requests in `requests`, in order; adds an issue for each that cannot be read. */
export function* readDrafts(
  requests: RequestsInput,
  forms: KnownForms,
  issues: Issue[],
): Generator<PlacedDraft> {
  if (requests.kind === 'lines') {
    yield* readLines(requests.text, ['input', 'requests', requests.field], forms, issues);
    return;
  }
  for (const [index, { customId, endpoint, model, body }] of requests.requests.entries()) {
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
    const text = JSON.stringify(body);
    yield {
      draft: {
        customId: customId ?? null,
        endpoint: endpoint ?? null,
        model: model ?? null,
        body: text,
        value: JSON.parse(text) as JsonObject,
      },
      place,
    };
  }
}

function* readLines(
  text: string,
  path: Place['path'],
  forms: KnownForms,
  issues: Issue[],
): Generator<PlacedDraft> {
  let number = 0;
  let seen = 0;
  for (const raw of text.split('\n')) {
    number += 1;
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') continue;
    seen += 1;
    const read = readDraft(line, { path, line: number }, forms);
    if ('draft' in read) yield read;
    else issues.push(read);
  }
  if (seen === 0) issues.push(noRequests(path));
}

/** What is wrong with lines that hold no request. */
export const noRequests = (path: Place['path']): Issue => ({
  path,
  line: null,
  message: 'There is no line with a request in it.',
});

/** The request in one line that is not blank; or why there is none. */
export function readDraft(
  line: string,
  place: Place & { readonly line: number },
  { provider, known }: KnownForms,
): PlacedDraft | Issue {
  const read = readJsonLine(line);
  if ('problem' in read) return { ...place, message: `Line ${place.line} ${read.problem}.` };
  const draft = provider.dialect.read(read) ?? readPlainForm(read);
  if (draft !== null) {
    // The line was parsed as a whole; only a body that stands deeper in it is parsed once more.
    const value = read.parsed(draft.body) ?? (JSON.parse(draft.body) as JsonObject);
    return { draft: { ...draft, value }, place };
  }
  return { ...place, message: `Line ${place.line} is ${formProblem(read, provider, known)}.` };
}

/** What a line is that is in none of the forms taken here: another provider's, or nobody's. */
function formProblem(line: JsonLine, { dialect, title }: Provider, known: readonly Provider[]): string {
  const other = known.find((provider) => provider.dialect.read(line) !== null);
  return other === undefined
    ? `neither ${dialect.form} nor {customId, body}`
    : `${other.dialect.form}, the form of ${other.title}; ${title} takes ${dialect.form} or {customId, body}`;
}

/** The form that every provider takes: `{"customId": …, "body": {…}, "endpoint": …, "model": …}`. */
function readPlainForm(line: JsonLine): RequestDraft | null {
  const { customId, body, endpoint, model, ...others } = line.value;
  const text = line.text('body');
  if (text === null || Object.keys(others).length > 0) return null;
  if (!isJsonObject(body)) return null;
  if (customId !== undefined && customId !== null && typeof customId !== 'string') return null;
  if (endpoint !== undefined && endpoint !== null && typeof endpoint !== 'string') return null;
  if (model !== undefined && model !== null && typeof model !== 'string') return null;
  return { customId: customId ?? null, endpoint: endpoint ?? null, model: model ?? null, body: text };
}

/** How a message begins that is about the request there: `Line 3`, `Request 3`. */
export const subject = (place: Place): string => {
  const text = describe(place);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
};

/** The same within a sentence. */
export const describe = (place: Place): string =>
  place.line === null ? `request ${Number(place.path.at(-1)) + 1}` : `line ${place.line}`;

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
