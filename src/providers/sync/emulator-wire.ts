/** Answers in the vendor's form: JSON, its errors, and the check of its key. */
import { timingSafeEqual } from 'node:crypto';
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import type { Switches } from './emulator-switches.ts';

/** The key that the emulator accepts. */
export const emulatorKey = 'sk-sync-emulated0123456789abcdef';
/** The secret that signs the emulator's webhooks; the whole text is the key. */
export const emulatorWebhookSecret = 'whsec_ZW11bGF0ZWQtc2VjcmV0LW9mLXN5bmM';

/** A JSON answer. */
export const json = (value: unknown, status = 200): EmulatorAnswer => ({
  status,
  body: JSON.stringify(value),
});

/** The vendor's names of the statuses, as they stand in `error`. */
const statusNames: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  404: 'Not Found',
  413: 'Payload Too Large',
  429: 'Too Many Requests',
};

/** A refusal, as the vendor's framework words it. */
export const refuse = (status: number, message: string | string[]): EmulatorAnswer =>
  json({ statusCode: status, message, error: statusNames[status] ?? 'Error' }, status);

/** A refusal that has a word of the vendor's own. */
export const refuseWith = (status: number, errorCode: string, message: string): EmulatorAnswer =>
  json({ statusCode: status, errorCode, message }, status);

/** The vendor's answer to a call that no route takes. */
export const unknownUrl = ({ method, path }: EmulatorRequest): EmulatorAnswer =>
  refuse(404, `Cannot ${method} ${path}`);

/** The vendor's 401 without the one key; storage and videos lie elsewhere, where the key means nothing. */
export const guard =
  ({ outputKey }: Switches) =>
  ({ headers, path }: EmulatorRequest): EmulatorAnswer | null => {
    if (/^\/(?:signed|media)\//.test(path)) return null;
    if (outputKey === 'not-needed' && /^\/v2\/batches\//.test(path)) return null;
    return headers['x-api-key'] === emulatorKey ? null : refuse(401, 'Unauthorized');
  };

/** Whether two texts are the same, told in the same time for all that are not. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
