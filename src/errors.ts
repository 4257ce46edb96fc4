/**
 * What a caller can get wrong, as classes. Each carries a stable `code`, a public message that names the field
 * and the limit, and typed details; the GraphQL schema has one member type per class. What a *provider* gets
 * wrong is a `ProviderFailure` (`providers/failure.ts`); anything else that is thrown is a fault of ours and
 * reaches nobody unmasked. The file is long because every error of the API stands in it.
 */

import { type BudgetRefusal, refusalMessage } from './domain/budget.ts';
import { breachMessage, type QuotaBreach, type QuotaName } from './domain/quota.ts';
import type { RateScope } from './domain/rate-limit.ts';
import type { BatchStatus, JobStatus } from './domain/status.ts';

/** The stable word for each kind of wrong input or unmet condition; part of the public API. */
export type AppErrorCode =
  | 'VALIDATION_FAILED'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'WRONG_BATCH_STATE'
  | 'WRONG_JOB_STATE'
  | 'EMPTY_BATCH'
  | 'NOTHING_TO_RETRY'
  | 'RESULTS_REMOVED'
  | 'NO_CALLBACK'
  | 'PROVIDER_NOT_CONFIGURED'
  | 'CREDENTIAL_UNUSABLE'
  | 'CREDENTIALS_NOT_KEPT'
  | 'PROVIDER_CALL_FAILED'
  | 'UNFIT_PROVIDER_JOB'
  | 'IDEMPOTENCY_CONFLICT'
  | 'QUOTA_EXCEEDED'
  | 'BUDGET_EXCEEDED'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'RATE_LIMITED'
  | 'TOO_MANY_SUBSCRIPTIONS';

/** A failure that the caller can understand and act on. The message is public. */
export class AppError extends Error {
  readonly code: AppErrorCode;
  constructor(code: AppErrorCode, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** One thing that is wrong with an input: where it stands, and what it should have been. */
export interface Issue {
  /** Path of the field from the argument on, such as `['input', 'requests', 3, 'customId']`. */
  readonly path: ReadonlyArray<string | number>;
  /** The line of a JSONL file or text, counted from 1; null where the input is not made of lines. */
  readonly line: number | null;
  /** What is wrong, naming the limit. Never quotes a request's body. */
  readonly message: string;
}

/** The input breaks one or more rules; nothing of it was stored. Lists at most `issuesMax` of them. */
export class ValidationError extends AppError {
  /** How many issues one answer carries at the most; the message tells how many there were. */
  static readonly issuesMax = 100;
  readonly issues: readonly Issue[];
  /** How many there were. */
  readonly total: number;
  constructor(issues: readonly Issue[], total: number = issues.length) {
    const first = issues[0];
    const more = total > 1 ? ` (and ${total - 1} more)` : '';
    super('VALIDATION_FAILED', first === undefined ? 'The input is invalid.' : `${first.message}${more}`);
    this.issues = issues.slice(0, ValidationError.issuesMax);
    this.total = total;
  }
}

/** An argument of a field is out of its range, or a cursor or id is not one of ours. */
export class ArgumentError extends AppError {
  readonly argument: string;
  constructor(argument: string, message: string) {
    super('INVALID_ARGUMENT', message);
    this.argument = argument;
  }
}

/** Nothing with that id belongs to the caller's organization; another organization's reads just so. */
export class NotFoundError extends AppError {
  readonly id: string;
  constructor(what: string, id: string) {
    super('NOT_FOUND', `There is no ${what} with this id.`);
    this.id = id;
  }
}

/** The batch is in a state that does not allow this. */
export class BatchStateError extends AppError {
  readonly status: BatchStatus;
  constructor(status: BatchStatus, message: string) {
    super('WRONG_BATCH_STATE', message);
    this.status = status;
  }
}

/** The job is in a state that does not allow this. */
export class JobStateError extends AppError {
  readonly status: JobStatus;
  constructor(status: JobStatus, message: string) {
    super('WRONG_JOB_STATE', message);
    this.status = status;
  }
}

/** A batch without requests cannot be submitted. */
export class EmptyBatchError extends AppError {
  constructor() {
    super('EMPTY_BATCH', 'The batch has no requests; add at least one before submitting it.');
  }
}

/** No request of the batch failed in a way that is meant, so there is nothing to try again. */
export class NothingToRetryError extends AppError {
  constructor() {
    super(
      'NOTHING_TO_RETRY',
      'No request of the batch has failed in the way that is asked for; nothing was sent.',
    );
  }
}

/** The batch's requests and results were kept long enough and removed, so nothing can be done with them any more. */
export class ResultsRemovedError extends AppError {
  readonly removedAt: Date;
  constructor(removedAt: Date, message: string) {
    super('RESULTS_REMOVED', message);
    this.removedAt = removedAt;
  }
}

/** A batch without a callback URL has nobody to tell. */
export class NoCallbackError extends AppError {
  constructor() {
    super('NO_CALLBACK', 'The batch has no callbackUrl, so nobody is told of its end.');
  }
}

/** The provider has no credentials here that the caller may use, so nothing can be sent to it. */
export class ProviderNotConfiguredError extends AppError {
  readonly provider: string;
  /** The setting that would configure it, such as `OPENAI_API_KEY`. */
  readonly setting: string;
  constructor(provider: string, setting: string, { own = false } = {}) {
    const message = own
      ? `Provider "${provider}" is called with your own credential only, and you have none; add one with addCredential.`
      : `Provider "${provider}" has no credentials; set ${setting}.`;
    super('PROVIDER_NOT_CONFIGURED', message);
    this.provider = provider;
    this.setting = setting;
  }
}

/** Why an organization's own credential cannot be used. */
export const credentialProblems = ['REVOKED', 'FORGOTTEN', 'UNREADABLE', 'OTHER_MODE'] as const;
/** Why an organization's own credential cannot be used. */
export type CredentialProblem = (typeof credentialProblems)[number];

const credentialSentences = {
  REVOKED: 'The credential is revoked, so nothing new is sent with it; add one that replaces it.',
  FORGOTTEN: 'The credential is revoked and its secret is gone; add one that replaces it.',
  UNREADABLE:
    'The credential cannot be read with the keys that the service has now; add one that replaces it.',
  OTHER_MODE: 'The credential was added to the sandbox and is used there only, or the other way round.',
} as const satisfies Record<CredentialProblem, string>;

/** The organization's own credential, which is named or pinned, cannot be used. Nothing was sent. */
export class CredentialUnusableError extends AppError {
  readonly problem: CredentialProblem;
  readonly credentialId: string;
  constructor(problem: CredentialProblem, credentialId: string) {
    super('CREDENTIAL_UNUSABLE', credentialSentences[problem]);
    this.problem = problem;
    this.credentialId = credentialId;
  }
}

/** Credentials cannot be brought here, because the service has nothing to encrypt them with. */
export class CredentialsNotKeptError extends AppError {
  constructor() {
    super(
      'CREDENTIALS_NOT_KEPT',
      'This service keeps no credentials of organizations; its operator would have to set CREDENTIALS_KEY.',
    );
  }
}

/** The provider was asked and could not be reached, or refused to answer. Nothing was changed. */
export class ProviderCallError extends AppError {
  readonly provider: string;
  /** The provider's own word for it, or one of ours, in snake_case. */
  readonly providerCode: string;
  /** When the provider allows the next try; null where it did not say. */
  readonly retryAt: Date | null;
  constructor(provider: string, failure: { code: string; message: string; retryAt: Date | null }) {
    super(
      'PROVIDER_CALL_FAILED',
      `The provider could not be asked, and nothing was changed: ${failure.message}`,
    );
    this.provider = provider;
    this.providerCode = failure.code;
    this.retryAt = failure.retryAt;
  }
}

/** What can be wrong with a provider's batch that a caller names. */
export const providerJobProblems = [
  'NOT_THERE',
  'NOT_YOURS',
  'OTHER_SIZE',
  'OTHER_REQUESTS',
  'TAKEN',
] as const;
/** What is wrong with a provider's batch that a caller names. */
export type ProviderJobProblem = (typeof providerJobProblems)[number];

/** The provider's batch that was named cannot be the one that is meant. Nothing was changed. */
export class ProviderJobError extends AppError {
  readonly problem: ProviderJobProblem;
  readonly providerJobId: string;
  /** The UUID of the caller's job that has the batch already; null where none of its own does. */
  readonly jobId: string | null;
  constructor(
    problem: ProviderJobProblem,
    providerJobId: string,
    message: string,
    jobId: string | null = null,
  ) {
    super('UNFIT_PROVIDER_JOB', message);
    this.problem = problem;
    this.providerJobId = providerJobId;
    this.jobId = jobId;
  }
}

/** The idempotency key was used for another call: of another verb, or with another input. Nothing was done. */
export class IdempotencyConflictError extends AppError {
  readonly idempotencyKey: string;
  /** The mutation that it was used for: `createBatch`. */
  readonly usedFor: string;
  constructor(idempotencyKey: string, { verb, usedFor }: { verb: string; usedFor: string }) {
    const how = verb === usedFor ? `for ${usedFor} with another input` : `for ${usedFor}, not for ${verb}`;
    super(
      'IDEMPOTENCY_CONFLICT',
      `The idempotencyKey was used before, ${how}; a call that is not the same one again needs a key of its own.`,
    );
    this.idempotencyKey = idempotencyKey;
    this.usedFor = usedFor;
  }
}

/** More than the organization may have. Nothing was stored or sent. */
export class QuotaExceededError extends AppError {
  readonly quota: QuotaName;
  readonly limit: number;
  readonly current: number;
  readonly requested: number;
  readonly provider: string | null;
  constructor(breach: QuotaBreach) {
    super('QUOTA_EXCEEDED', breachMessage(breach));
    const { quota, limit, current, requested, provider } = breach;
    this.quota = quota;
    this.limit = limit;
    this.current = current;
    this.requested = requested;
    this.provider = provider;
  }
}

/** What would be sent may cost more than the organization's budget has left for the month. Nothing was sent. */
export class BudgetExceededError extends AppError {
  readonly refusal: BudgetRefusal;
  constructor(refusal: BudgetRefusal) {
    super('BUDGET_EXCEEDED', refusalMessage(refusal));
    this.refusal = refusal;
  }
}

/** No key, or one that is unknown, expired or revoked. */
export class UnauthenticatedError extends AppError {
  constructor() {
    super('UNAUTHENTICATED', 'Send a valid API key as "Authorization: Bearer <key>" or "x-api-key: <key>".');
  }
}

/** The key is good, and lacks the scope that this needs; `key`: a read token is good, and this needs its key. */
export class ForbiddenError extends AppError {
  constructor(scope: string) {
    super(
      'FORBIDDEN',
      scope === 'key'
        ? 'This needs a key; a read token reads batches and nothing else.'
        : `This needs a key with the scope "${scope}".`,
    );
  }
}

/** More was asked for in this minute than a key, an organization or an address may. Nothing was done. */
export class RateLimitedError extends AppError {
  /** The most in a minute. */
  readonly limit: number;
  /** In how many seconds the next minute begins. */
  readonly retryAfterSeconds: number;
  constructor(whose: RateScope | 'address', limit: number, retryAfterSeconds: number) {
    const spent =
      whose === 'address'
        ? `More than ${limit} wrong keys came from your address in this minute`
        : `The ${limit} points of your ${whose} in this minute do not suffice`;
    super('RATE_LIMITED', `${spent}; try again in ${retryAfterSeconds} s.`);
    this.limit = limit;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The key follows as many streams of events as it may; one that ends makes room for another. */
export class TooManySubscriptionsError extends AppError {
  readonly limit: number;
  constructor(limit: number) {
    super(
      'TOO_MANY_SUBSCRIPTIONS',
      `The key has ${limit} subscriptions open, as many as it may; end one before you begin another.`,
    );
    this.limit = limit;
  }
}

/** The service cannot start; the message is one sentence that tells what to do. */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }
}
