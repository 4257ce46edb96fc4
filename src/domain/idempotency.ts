/**
 * Calls that are made again under the caller's own key: how long one is remembered, and when two of them ask for the
 * same. What may be a key is `storable-text.ts`; hashing what is asked for, and remembering it, is left to
 * `batches/idempotency.ts`.
 */
import type { RequestsInput } from './batch-input.ts';
import { isJsonObject } from './json-line.ts';

/** How long a key is remembered. After that it is as new. */
const rememberedHours = 24;

/** When calls were made that are forgotten by now. */
export const forgottenBefore = (now: Date): Date => new Date(now.getTime() - rememberedHours * 3_600_000);

/** The input of a verb, as it was read: everything that the caller said but the key itself. */
export interface CallInput {
  readonly requests?: RequestsInput | null | undefined;
  readonly [field: string]: unknown;
}

/**
 * What a call asks for, as text in pieces. Two calls have the same text exactly when they are of the same verb and say
 * the same: whether an optional field is left out or null does not matter, nor does a default that is spelled out, nor
 * the order of an object's members, in the bodies of a list neither. Lines of JSON text count by their characters.
 */
export function* askedFor(verb: string, { requests, ...fields }: CallInput): Generator<string> {
  const form = requests?.kind === 'lines' ? requests.field : (requests?.kind ?? null);
  yield line({ verb, form, fields: said(fields) });
  if (requests?.kind === 'lines') yield requests.text;
  if (requests?.kind === 'list') {
    for (const { body, ...names } of requests.requests) yield line({ ...said(names), body });
  }
}

/** The fields that say something, within fields too. */
const said = (fields: object): object =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [name, isJsonObject(value) ? said(value) : value]),
  );

/** JSON on one line, the members of every object in one order. */
const line = (value: unknown): string =>
  `${JSON.stringify(value, (_key, member) => (isJsonObject(member) ? inOrder(member) : member))}\n`;

const inOrder = (value: object): object =>
  Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
