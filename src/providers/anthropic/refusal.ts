/**
 * What an answer means that is not the one we wanted. Beyond what its status says stands one thing: who has reached a
 * spend limit is answered with the status of one who asks too often, and waiting would not help.
 */
import { ProviderFailure } from '../failure.ts';
import { type FailedAnswer, failureOf } from '../http-failure.ts';

/** The failure that an answer means. */
export function refusal(answer: FailedAnswer): ProviderFailure {
  const failure = failureOf(answer);
  if (failure.kind !== 'throttled' || !isSpent(answer.code)) return failure;
  const { code, message, status } = failure;
  return new ProviderFailure('rejected', { code, message, status });
}

/** Whether the vendor's code says that no more may be spent; a ramp limit, which passes, is none of these. */
export const isSpent = (code: string | null): boolean => code !== null && spent.has(code);

const spent: ReadonlySet<string> = new Set(['contract_spend_limit_reached', 'enforced_spend_limit_reached']);
