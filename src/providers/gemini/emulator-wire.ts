/**
 * Answers in the vendor's form: JSON over several lines, its one form of an error, the check of its keys, and its way
 * of telling times and whole numbers.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import type { Switches } from './emulator-store.ts';

/** The key that the emulator accepts. */
export const emulatorKey = 'emulated-gemini-0123456789abcdef';

/** A JSON answer with status 200. */
export const json = (value: JsonObject, headers: Record<string, string> = {}): EmulatorAnswer => ({
  status: 200,
  headers,
  body: written(value),
});

/** A refusal, with the vendor's word for its status. */
export function refuse(
  status: number,
  word: string,
  message: string,
  details: readonly JsonObject[] = [],
): EmulatorAnswer {
  const error: JsonObject = { code: status, message, status: word };
  return {
    status,
    body: written({ error: { ...error, ...(details.length > 0 ? { details: [...details] } : {}) } }),
  };
}

/** A refusal of what a call says. */
export const invalid = (message: string): EmulatorAnswer => refuse(400, 'INVALID_ARGUMENT', message);

/** What is not there. */
export const notFound = (message = 'Requested entity was not found.'): EmulatorAnswer =>
  refuse(404, 'NOT_FOUND', message);

/** A file that is not there; the vendor does not tell it from one that is somebody else's. */
export const missingFile = (name: string, { missingFile: status }: Switches): EmulatorAnswer =>
  status === '404'
    ? notFound()
    : refuse(
        403,
        'PERMISSION_DENIED',
        `You do not have permission to access the File ${name} or it may not exist.`,
      );

/** The vendor's answer to a caller that it does not know. The address of an upload needs no key. */
export function guard({ headers, path, query }: EmulatorRequest, switches: Switches): EmulatorAnswer | null {
  if (path.startsWith('/upload/') && query.has('upload_id')) return null;
  const key = headers['x-goog-api-key'];
  if (key === emulatorKey) return null;
  if (key === undefined) {
    return refuse(403, 'PERMISSION_DENIED', "Method doesn't allow unregistered callers.");
  }
  if (switches.unknownKey === '401') {
    return refuse(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.');
  }
  return refuse(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
      metadata: { service: 'generativelanguage.googleapis.com' },
    },
  ]);
}

/** The member of an object, which may be called as protocol buffers or as JavaScript would: `file_name`, `fileName`. */
export const field = (object: JsonObject, name: string): JsonValue | undefined =>
  object[name] ?? object[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];

/** The refusal of the first member that the vendor does not know; null where it knows all. */
export function unknownField(
  object: JsonObject,
  known: readonly string[],
  place: string,
): EmulatorAnswer | null {
  const name = Object.keys(object).find((key) => !known.includes(camel(key)));
  if (name === undefined) return null;
  return invalid(
    `Invalid JSON payload received. Unknown name "${name}"${place === '' ? '' : ` at '${place}'`}: Cannot find field.`,
  );
}

/** The object that a text is; null where it is none. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** RFC 3339 with nanoseconds. */
export const timeOf = (at: Date): string => at.toISOString().replace('Z', '000000Z');

const written = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;

const camel = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
