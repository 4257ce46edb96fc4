/** Answers in the vendor's form: JSON, its three kinds of error, and the check of its keys. */
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';

/** The key that the emulator accepts. */
export const emulatorKey = 'emulated0123456789abcdefghijklmn';

/** A JSON answer with status 200. */
export const json = (value: unknown): EmulatorAnswer => ({ status: 200, body: JSON.stringify(value) });

/** A refusal as the vendor's own error object. */
export function refuse(status: number, message: string, type = 'invalid_request_error'): EmulatorAnswer {
  return { status, body: JSON.stringify({ object: 'error', message, type, param: null, code: null }) };
}

/** A refusal of one member of a body or a query, as the vendor's framework words it. */
export function invalid(place: readonly string[], msg: string): EmulatorAnswer {
  return { status: 422, body: JSON.stringify({ detail: [{ type: 'value_error', loc: place, msg }] }) };
}

/** The vendor's answer to a call that no route takes. */
export const unknownUrl = (): EmulatorAnswer => ({
  status: 404,
  body: JSON.stringify({ detail: 'Not Found' }),
});

/** The vendor's 401 without the one key. */
export function guard({ headers }: EmulatorRequest): EmulatorAnswer | null {
  const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return key === emulatorKey ? null : { status: 401, body: JSON.stringify({ detail: 'Unauthorized' }) };
}
