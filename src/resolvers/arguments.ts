/** Reads what callers put into arguments: ids, pages and inputs, each with its own typed answer when it is wrong. */
import { z } from 'zod';
import { isUuid } from '../domain/ids.ts';
import { decodeCursor, type PageArguments, type PageWindow, pageWindow } from '../domain/page.ts';
import { ArgumentError, type Issue, ValidationError } from '../errors.ts';

/** The types that have global ids. */
export type NodeType = 'Batch' | 'BatchItem' | 'Job' | 'Upload';

/** The global id of a row, as the Relay specification wants it: opaque to callers. Keys are ASCII, as ours are. */
export const globalId = (type: NodeType, key: string): string => btoa(`${type}:${key}`);

/** The type and key in a global id; null for any other text. */
export function readGlobalId(id: string): { type: string; key: string } | null {
  const text = Buffer.from(id, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1 || Buffer.from(text).toString('base64') !== id) return null;
  return { type: text.slice(0, colon), key: text.slice(colon + 1) };
}

/** The UUID that an id of this type stands for, given as a global id or plainly; null for any other text. */
export function uuidIn(type: NodeType, id: string): string | null {
  if (isUuid(id)) return id.toLowerCase();
  const read = readGlobalId(id);
  return read?.type === type && isUuid(read.key) ? read.key.toLowerCase() : null;
}

/** The same for an argument of a query or subscription; throws `ArgumentError`. */
export function uuidOfArgument(type: NodeType, argument: string, id: string): string {
  const uuid = uuidIn(type, id);
  if (uuid === null) throw new ArgumentError(argument, `"${argument}" is not the id of a ${type}.`);
  return uuid;
}

/** The same for a field of a mutation's input, or one that lies deeper in it; throws `ValidationError`. */
export function uuidOfInput(type: NodeType, field: string | readonly string[], id: string): string {
  const uuid = uuidIn(type, id);
  if (uuid === null) {
    const path = [field].flat();
    throw new ValidationError([
      { path: ['input', ...path], line: null, message: `${path.at(-1)} is not the id of a ${type}.` },
    ]);
  }
  return uuid;
}

/**
 * A mutation's input as the domain reads it; throws `ValidationError` with every issue and its path. Where the
 * caller writes a field elsewhere than the domain has it, `asWritten` gives the caller's path.
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  asWritten: (path: Issue['path']) => Issue['path'] = (path) => path,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ValidationError(
    parsed.error.issues.map(
      (issue): Issue => ({
        path: ['input', ...asWritten(issue.path.filter((part) => typeof part !== 'symbol'))],
        line: null,
        message: issue.message,
      }),
    ),
  );
}

/** Sizes of pages: of lists that people look at, and of items, which programs walk through. */
export const pageSizes = {
  batches: { max: 100, default: 20 },
  items: { max: 1000, default: 50 },
} as const;

/** The largest number that Postgres' `integer` holds. */
export const int4Max = 2_147_483_647;

// Made once: a page of batches has fifty nested lists.
const numberKeys = z.tuple([z.int().min(0).max(int4Max)]);

/** The window of a nested list that is ordered by one number, and the number it lies beyond. */
export function numberWindow(
  kind: string,
  args: PageArguments,
  size: { max: number; default: number },
): { window: PageWindow; beyond: number | null } {
  const window = pageWindow(args, size);
  const [beyond] = cursorOf(kind, window, numberKeys) ?? [null];
  return { window, beyond };
}

/**
 * The keys in the cursor that a window starts from; null where it starts at an end. Throws `ArgumentError` for a
 * forged cursor, and for one that points the other way.
 */
export function cursorOf<Keys extends z.ZodType<unknown, ReadonlyArray<string | number>>>(
  kind: string,
  window: PageWindow,
  keys: Keys,
): z.output<Keys> | null {
  const forward = window.direction === 'forward';
  const [argument, other] = forward ? (['after', 'before'] as const) : (['before', 'after'] as const);
  if (window[other] !== null) {
    throw new ArgumentError(other, `"${other}" goes with "${forward ? 'last' : 'first'}".`);
  }
  const text = window[argument];
  return text === null ? null : decodeCursor(kind, argument, text, keys);
}
