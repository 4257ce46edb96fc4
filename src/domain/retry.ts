/**
 * Trying failed requests again: which of them, whether by themselves, and when. Owns these rules and what a caller may
 * say about them. What has an answer and what is still under way is never among them; that no request is in two jobs of
 * one attempt is the plan's (`splitting.ts`).
 */
import { z } from 'zod';
import type { BatchStatus, ItemStatus } from './status.ts';
import { idempotencyKeySchema } from './storable-text.ts';

/** The ends of a request that leave it without an answer. */
export const failedStatuses = ['ERRORED', 'EXPIRED', 'CANCELLED'] as const;
/** An end without an answer. */
export type FailedStatus = (typeof failedStatuses)[number];

/** Whether a request in this state can be tried again. */
export const hasFailed = (status: ItemStatus): status is FailedStatus =>
  failedStatuses.some((failed) => failed === status);

/** What became of a request, as far as trying it again depends on it. */
export interface Outcome {
  readonly status: ItemStatus;
  readonly errorCode: string | null;
  /** Whether the same request may succeed on another try; null where nobody knows. */
  readonly retryable: boolean | null;
}

/** Which failed requests are meant. */
export interface RetrySelection {
  readonly status: readonly FailedStatus[];
  /** Null for any code. */
  readonly errorCode: readonly string[] | null;
  /** Whether only those are meant of which it is known that another try makes sense. */
  readonly onlyRetryable: boolean;
}

/** Whether the request is meant. */
export const isSelected = ({ status, errorCode, onlyRetryable }: RetrySelection, outcome: Outcome): boolean =>
  hasFailed(outcome.status) &&
  status.includes(outcome.status) &&
  (errorCode === null || (outcome.errorCode !== null && errorCode.includes(outcome.errorCode))) &&
  (!onlyRetryable || outcome.retryable === true);

/** What a policy tries again: transient failures, and never what was cancelled. */
export const transientFailures: RetrySelection = {
  status: ['ERRORED', 'EXPIRED'],
  errorCode: null,
  onlyRetryable: true,
};

/** Why a batch in this state cannot be retried; null where it can. */
export const retryRefusal = (status: BatchStatus): string | null => refusals[status];

const refusals = {
  ACCUMULATING: 'The batch is open: nothing of it was sent, so nothing can be tried again.',
  SUBMITTED: null,
  VALIDATING: null,
  IN_PROGRESS: null,
  FINALIZING: null,
  CANCELLING: 'The batch is being cancelled; it can be retried when it is over.',
  COMPLETED: null,
  FAILED: null,
  EXPIRED: null,
  CANCELLED: null,
} as const satisfies Record<BatchStatus, string | null>;

const attemptsError = 'attempts must be a whole number from 2 to 10; the first one counts.';
/** Six hours: every provider's window is longer, so that a job that has waited can still be sent within its own. */
const pauseSecondsMax = 21_600;
const pauseSecondsDefault = 60;
const backoffError = `backoffSeconds must be a whole number from 1 to ${pauseSecondsMax}.`;

/** A policy in a caller's words. */
export const retryPolicySchema = z.strictObject({
  attempts: z
    .int({ error: attemptsError })
    .min(2, { error: attemptsError })
    .max(10, { error: attemptsError }),
  backoffSeconds: z
    .int({ error: backoffError })
    .min(1, { error: backoffError })
    .max(pauseSecondsMax, { error: backoffError })
    .nullish()
    .transform((seconds) => seconds ?? pauseSecondsDefault),
});
/** How often a batch's requests are tried, the first time included, and the pause before the second. */
export type RetryPolicy = z.output<typeof retryPolicySchema>;

/** The policy in a batch's row; null where only callers retry the batch. */
export const policyOf = ({
  retryAttempts,
  retryBackoffSeconds,
}: {
  readonly retryAttempts: number | null;
  readonly retryBackoffSeconds: number | null;
}): RetryPolicy | null =>
  retryAttempts === null || retryBackoffSeconds === null
    ? null
    : { attempts: retryAttempts, backoffSeconds: retryBackoffSeconds };

/** Whether the policy has an attempt left for a batch that would end now. One that was cancelled is not retried by itself. */
export const hasAttemptLeft = (
  policy: Pick<RetryPolicy, 'attempts'> | null,
  batch: { readonly attempts: number; readonly cancelRequested: boolean },
): boolean => policy !== null && !batch.cancelRequested && batch.attempts < policy.attempts;

const pauseJitter = 0.1;

/**
 * When an attempt of a policy begins: after its backoff, doubled for each attempt beyond the second, up to six hours,
 * give or take a tenth. `random` is in [0, 1).
 */
export function attemptAt({
  now,
  attempt,
  backoffSeconds,
  random,
}: {
  readonly now: Date;
  readonly attempt: number;
  readonly backoffSeconds: number;
  readonly random: number;
}): Date {
  const seconds = Math.min(backoffSeconds * 2 ** (attempt - 2), pauseSecondsMax);
  return new Date(now.getTime() + Math.round(seconds * (1 + pauseJitter * (2 * random - 1)) * 1000));
}

const customIdsMax = 10_000;

/** A list that says something: an empty one would match nothing and is hardly what was meant. */
const nonEmpty = <Item extends z.ZodType>(name: string, item: Item) =>
  z.array(item).min(1, `${name} is an empty list; leave it out to match everything.`);

/** What `retryBatch` takes beside its batch. */
export const retryBatchInput = z.strictObject({
  filter: z
    .strictObject({
      status: nonEmpty('status', z.enum(failedStatuses)).nullish(),
      errorCode: nonEmpty(
        'errorCode',
        z
          .string()
          .refine((code) => !code.includes('\0'), 'An error code must not contain the character NUL.'),
      ).nullish(),
      customIds: nonEmpty('customIds', z.string())
        .max(customIdsMax, `customIds may name at most ${customIdsMax} requests.`)
        .nullish(),
    })
    .nullish(),
  onlyRetryable: z.boolean().nullish(),
  idempotencyKey: idempotencyKeySchema.nullish(),
});
/** What `retryBatch` takes beside its batch. */
export type RetryBatchInput = z.output<typeof retryBatchInput>;

/** Which failed requests an input means; those that it names are looked at one by one. */
export const selectionOf = ({ filter, onlyRetryable }: RetryBatchInput): RetrySelection => ({
  status: filter?.status ?? failedStatuses,
  errorCode: filter?.errorCode ?? null,
  onlyRetryable: onlyRetryable ?? false,
});
