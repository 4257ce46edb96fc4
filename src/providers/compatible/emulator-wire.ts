/** What every call has in common: its path, answers in JSON, error objects, and the check of keys. */
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import type { EmulatedService } from './emulator-store.ts';

/** The key that the emulator accepts. */
export const emulatorKey = 'sk-emulated-0123456789abcdef';

/** The pattern of a path of this service, its base path optional; `path` is a pattern itself: `/files/([^/]+)`. */
export function pathAt({ basePath, quirks }: EmulatedService, path: string): RegExp {
  const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^(?:${literally(basePath)})?${literally(quirks.pathPrefix)}${path}$`);
}

/** A JSON answer with status 200. */
export const json = (value: unknown): EmulatorAnswer => ({ status: 200, body: JSON.stringify(value) });

/** An error in the vendor's form. */
export function refuse(
  status: number,
  message: string,
  { code = null, param = null }: { code?: string | null; param?: string | null } = {},
): EmulatorAnswer {
  const type = status === 429 ? 'rate_limit_error' : 'invalid_request_error';
  return { status, body: JSON.stringify({ error: { message, type, param, code } }) };
}

/** The vendor's answer to a call that no route takes. */
export const unknownUrl = ({ method, path }: EmulatorRequest): EmulatorAnswer =>
  refuse(404, `Invalid URL (${method} ${path})`, { code: 'unknown_url' });

/**
 * The vendor's 401 without the one key; it quotes a wrong key with its middle starred out, as the vendor does. Where
 * bytes are put, no key is asked for: who knows the place may put them there.
 */
export function guard({ method, headers }: EmulatorRequest): EmulatorAnswer | null {
  if (method === 'PUT') return null;
  const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  if (key === emulatorKey) return null;
  if (key === undefined) return refuse(401, "You didn't provide an API key.");
  const starred = `${key.slice(0, 8)}${'*'.repeat(Math.max(0, key.length - 12))}${key.slice(-4)}`;
  return refuse(401, `Incorrect API key provided: ${starred}.`, { code: 'invalid_api_key' });
}
