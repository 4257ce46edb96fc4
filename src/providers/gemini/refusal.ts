/**
 * What an answer that refuses a call means. The vendor says some things in statuses of its own: a key that it does
 * not know is a 400, and an account without money a 429; here they get the statuses that everyone else gives them.
 */
import type { ProviderFailure } from '../failure.ts';
import { failureOf } from '../http-failure.ts';
import { readError, type WireError } from './wire.ts';

/** An answer that is not the one we wanted, and the call that met it. */
export interface RefusedCall {
  readonly status: number;
  readonly headers: Pick<Headers, 'get'>;
  readonly text: string;
  readonly now: Date;
  readonly creates: boolean;
  readonly apiKey: string;
}

/** The failure that the answer means. The code is the vendor's own word, `resource_exhausted`. */
export function refusalOf({ text, headers, ...call }: RefusedCall): ProviderFailure {
  const told = readError(text);
  return failureOf({
    ...call,
    code: told.status?.toLowerCase() ?? null,
    message: told.message,
    headers: withRetryInfo(headers, told),
    ...meant(call.status, told),
  });
}

/** The status and the word that such an answer has elsewhere; nothing where the vendor's own are the usual ones. */
const meant = (status: number, { reason, message }: WireError): { status?: number; code?: string } => {
  if (status === 400 && (reason === 'API_KEY_INVALID' || badKey.test(message ?? ''))) {
    return { status: 401, code: 'api_key_invalid' };
  }
  if (status === 429 && noCredits.test(message ?? '')) return { status: 402, code: 'credits_depleted' };
  return {};
};

/** The vendor has no words but these for it, where it leaves the reason out. */
const badKey = /^API key (?:not valid|not found|expired)\b/i;
const noCredits = /^Your prepayment credits are depleted\b/i;

/** The headers, and what the body says instead of them about the next try. */
const withRetryInfo = (headers: Pick<Headers, 'get'>, { retrySeconds }: WireError): Pick<Headers, 'get'> => ({
  get: (name) => headers.get(name) ?? (name === 'retry-after' ? retrySeconds : null),
});
