/**
 * What the vendor's refusals mean, where its status alone does not tell: a key that it does not know is a bad argument
 * to it, and an account without money one that asks too often.
 */
import { ProviderFailure } from '../failure.ts';
import type { HttpAnswer } from '../http.ts';
import { failureOf } from '../http-failure.ts';
import { readErrorAnswer } from './wire.ts';

/** The failure that an answer means; `creates` as in `failureOf`. */
export function toFailure(
  { status, headers, text }: HttpAnswer,
  call: { readonly creates: boolean; readonly now: Date; readonly apiKey: string },
): ProviderFailure {
  const told = readErrorAnswer(text);
  const isUnknownKey = status === 400 && unknownKey.test(told.message ?? '');
  const failure = isUnknownKey
    ? failureOf({ ...told, ...call, code: 'invalid_api_key', status: 401, headers })
    : failureOf({ ...told, ...call, status, headers });
  if (status !== 429 || !outOfMoney.test(told.message ?? '')) return failure;
  return new ProviderFailure('rejected', {
    code: 'credits_exhausted',
    message: failure.message,
    status,
  });
}

const unknownKey = /^incorrect api key/i;
const outOfMoney = /\bcredits\b|\bspending limit\b/i;
