/**
 * What an answer means that is not the one we wanted. Beyond what its status says stands one thing: a service that
 * has nothing left to spend says so with the status of one that is merely busy, and waiting would not help.
 */
import { ProviderFailure } from '../failure.ts';
import { type FailedAnswer, failureOf } from '../http-failure.ts';
import type { WireError } from './wire.ts';

/** The failure that an answer with these words in its error means. */
export function refusal(error: WireError, answer: Omit<FailedAnswer, 'code' | 'message'>): ProviderFailure {
  const failure = failureOf({
    ...answer,
    code: error.code ?? error.type,
    message: error.message,
  });
  if (failure.kind !== 'throttled' || !isExhausted(error)) return failure;
  const { code, message, status } = failure;
  return new ProviderFailure('rejected', { code, message, status });
}

/** Whether the words say that there is no money, or no right to spend more of it; time alone does not change that. */
export const isExhausted = ({ code, type }: Pick<WireError, 'code' | 'type'>): boolean =>
  [code, type].some((word) => word !== null && exhausted.has(word));

const exhausted: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'project_spend_limit_exceeded',
]);
