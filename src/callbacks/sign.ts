/** Signatures as Standard Webhooks has them: an HMAC with SHA-256 over id, time and body, one for each secret. */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** The bytes of a secret's randomness; the specification asks for 24 to 64. */
const secretBytes = 32;

/** A new secret: `whsec_` and base64. */
export const newSecret = (): string => `whsec_${randomBytes(secretBytes).toString('base64')}`;

/** The headers that sign a body at a moment. The id stays the same over all attempts, the moment is of each. */
export function signatureHeaders(
  secrets: readonly string[],
  { id, at, body }: { readonly id: string; readonly at: Date; readonly body: string },
): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}
