/** Asks as somebody, or as nobody, and keeps of the answer all that whoever asks could compare. */
import { randomUUID } from 'node:crypto';
import { isUuid } from '../../src/domain/ids.ts';
import { globalId, type NodeType, readGlobalId } from '../../src/resolvers/arguments.ts';

/** What is sent to an address: by POST where there is a body, which is sent as JSON. */
export interface Question {
  readonly url: string;
  readonly method?: string;
  readonly accept?: string;
  readonly body?: unknown;
}

/** An answer as it came, without what differs from one moment to the next. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Asks with a key; with null, without one. */
export async function ask(
  { url, body, accept, method = body === undefined ? 'GET' : 'POST' }: Question,
  key: string | null,
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(accept === undefined ? {} : { accept }),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const headers = [...response.headers].filter(
    ([name]) => !/^(?:date|keep-alive|connection|ratelimit-.*)$/.test(name),
  );
  return { status: response.status, headers: Object.fromEntries(headers), body: await response.text() };
}

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** The same text about something that never was: each UUID in it is another one, of the same place in every order. */
export const neverWas = (text: string): string =>
  text.replace(uuids, (uuid) => uuid.slice(0, -12) + randomUUID().slice(-12));

/** A global id of the same type of something that never was, or the like of a plain one. */
export function idOfNothing(id: string): string {
  const read = readGlobalId(id);
  return read === null ? neverWas(id) : globalId(read.type as NodeType, neverWas(read.key));
}

/** An id in every form in which it can be given. */
export function formsOf(id: string): string[] {
  const key = readGlobalId(id)?.key ?? id;
  return isUuid(key) && key !== id ? [id, key] : [id];
}

/** The answer with what was named blotted out, in whichever form it is repeated. */
export const without = (answer: Answer, named: string): Answer =>
  JSON.parse(
    [named, readGlobalId(named)?.key ?? named]
      .filter((text) => text !== '')
      .reduce((text, form) => text.replaceAll(form, '<named>'), JSON.stringify(answer)),
  );

/** Every text in a value, the keys of objects included. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => [key, ...textsIn(below)]);
}
