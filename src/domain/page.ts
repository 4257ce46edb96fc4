/**
 * Relay's paging arguments and cursors: which window of a list is asked for, and the text that stands for a
 * place in it. A cursor is not signed, so its content is checked like any other input; running the query, and
 * the tenant's condition in it, are left to `db`.
 */
import { z } from 'zod';
import { ArgumentError } from '../errors.ts';

/** The four arguments as GraphQL hands them over. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** How many entries to read, from which end of what lies between the two cursors. */
export interface PageWindow {
  readonly direction: 'forward' | 'backward';
  readonly limit: number;
  readonly after: string | null;
  readonly before: string | null;
}

/**
 * The window that the arguments ask for; `default` entries forward where they name no number. Throws an
 * `ArgumentError` for `first` together with `last`, and for a number outside 0 to `max`: never a silent clamp.
 */
export function pageWindow(
  { first, after, last, before }: PageArguments,
  size: { readonly max: number; readonly default: number },
): PageWindow {
  const forward = limitOf('first', first, size.max);
  const backward = limitOf('last', last, size.max);
  const cursors = { after: after ?? null, before: before ?? null };
  if (backward === null) return { direction: 'forward', limit: forward ?? size.default, ...cursors };
  if (forward !== null) throw new ArgumentError('last', '"first" and "last" cannot be used together.');
  return { direction: 'backward', limit: backward, ...cursors };
}

/** An opaque text for a place in a list: the list's kind and the sort keys found there, finite numbers or texts. */
export function encodeCursor(kind: string, keys: ReadonlyArray<string | number>): string {
  return Buffer.from(JSON.stringify([kind, ...keys])).toString('base64url');
}

/**
 * The sort keys in a cursor that `encodeCursor` made for this kind of list, as `schema` reads them. Throws an
 * `ArgumentError` that names the argument for every other text: another list's cursor, wrong types, anything
 * that is not exactly what we would have written.
 */
export function decodeCursor<Keys extends z.ZodType<unknown, ReadonlyArray<string | number>>>(
  kind: string,
  argument: 'after' | 'before',
  text: string,
  schema: Keys,
): z.output<Keys> {
  const content = cursorSchema.safeParse(jsonIn(text));
  if (content.success) {
    const [found, ...keys] = content.data;
    const parsed = schema.safeParse(keys);
    if (found === kind && parsed.success && encodeCursor(found, keys) === text) return parsed.data;
  }
  throw new ArgumentError(argument, `"${argument}" is not a cursor of this list.`);
}

const cursorSchema = z.tuple([z.string()], z.union([z.string(), z.number()]));

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
};

const limitOf = (
  argument: 'first' | 'last',
  asked: number | null | undefined,
  max: number,
): number | null => {
  if (asked === null || asked === undefined) return null;
  if (Number.isInteger(asked) && asked >= 0 && asked <= max) return asked;
  throw new ArgumentError(argument, `"${argument}" must be a whole number from 0 to ${max}; it is ${asked}.`);
};
