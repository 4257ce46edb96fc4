import * as errors from '../errors.ts';
import { globalId } from '../resolvers/arguments.ts';
import { builder } from './builder.ts';
import { BatchStatusType, CredentialProblemType, JobStatusType, ProviderJobProblemType } from './enums.ts';

const ErrorCodeType = builder.enumType('ErrorCode', {
  description: 'The stable word for each typed error.',
  values: {
    VALIDATION_FAILED: {
      description: 'The input breaks a rule; issues lists every one. Nothing was stored.',
    },
    NOT_FOUND: { description: 'Nothing with this id belongs to your organization.' },
    WRONG_BATCH_STATE: { description: 'The batch is in a state that does not allow this.' },
    WRONG_JOB_STATE: { description: 'The job is in a state that does not allow this.' },
    EMPTY_BATCH: { description: 'The batch has no requests.' },
    NOTHING_TO_RETRY: { description: 'No request of the batch has failed in the way that is asked for.' },
    RESULTS_REMOVED: {
      description: 'The requests and results of the batch were kept long enough, and removed.',
    },
    NO_CALLBACK: { description: 'The batch has no callback URL, so there is nobody to tell.' },
    PROVIDER_NOT_CONFIGURED: { description: 'The provider has no credentials here that you may use.' },
    CREDENTIAL_UNUSABLE: {
      description: "Your organization's own credential cannot be used. Nothing was sent.",
    },
    CREDENTIALS_NOT_KEPT: { description: 'This service keeps no credentials of organizations.' },
    PROVIDER_CALL_FAILED: {
      description: 'The provider could not be asked, or refused to answer. Nothing was changed.',
    },
    UNFIT_PROVIDER_JOB: {
      description:
        "The provider's batch that was named cannot be the one that is meant. Nothing was changed.",
    },
    IDEMPOTENCY_CONFLICT: { description: 'The idempotencyKey was used for another call. Nothing was done.' },
    QUOTA_EXCEEDED: { description: 'More than your organization may have. Nothing was stored or sent.' },
    BUDGET_EXCEEDED: {
      description:
        "It may cost more than your organization's budget has left for this month. Nothing was sent.",
    },
    INVALID_ARGUMENT: { description: 'An argument is out of range, or a cursor or id is not one of ours.' },
    UNAUTHENTICATED: { description: 'No key, or one that is unknown, expired or revoked.' },
    FORBIDDEN: { description: 'The key lacks the scope that this needs.' },
    RATE_LIMITED: {
      description:
        'More was asked for in this minute than may be. Nothing was done; try again when it is over.',
    },
    TOO_MANY_SUBSCRIPTIONS: { description: 'The key has as many subscriptions open as it may.' },
  } as const,
});

/** What every typed error has. */
export const ErrorInterface = builder.interfaceRef<errors.AppError>('Error').implement({
  description: 'Something that the caller can understand and act on.',
  fields: (t) => ({
    code: t.field({
      type: ErrorCodeType,
      description: 'What kind of error it is; programs decide by it.',
      resolve: (error) => error.code,
    }),
    message: t.exposeString('message', {
      description: 'What is wrong and what to do, for people. Names the field and the limit.',
    }),
  }),
});

/** One thing that is wrong with an input. */
export const IssueType = builder.objectRef<errors.Issue>('ValidationIssue').implement({
  description: 'One thing that is wrong with an input.',
  fields: (t) => ({
    path: t.stringList({
      description:
        'The way to the field, from the argument on: `["input", "requests", "list", "3", "customId"]`.',
      resolve: (issue) => issue.path.map(String),
    }),
    line: t.int({
      nullable: true,
      description: 'The line of the JSONL text or file, counted from 1; null where the input has no lines.',
      resolve: (issue) => issue.line,
    }),
    message: t.string({ description: 'What is wrong, for people.', resolve: (issue) => issue.message }),
  }),
});

builder.objectType(errors.ValidationError, {
  name: 'ValidationError',
  description: 'The input breaks one or more rules. Nothing of it was stored.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [IssueType],
      description: 'Everything that is wrong; at most 100 are listed.',
      resolve: (error) => [...error.issues],
    }),
  }),
});

builder.objectType(errors.NotFoundError, {
  name: 'NotFoundError',
  description: "Nothing with this id belongs to your organization; another organization's reads just so.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    id: t.exposeString('id', { description: 'The UUID that was looked for.' }),
  }),
});

builder.objectType(errors.BatchStateError, {
  name: 'BatchStateError',
  description: 'The batch is in a state that does not allow this.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    status: t.field({
      type: BatchStatusType,
      description: 'The state that the batch is in.',
      resolve: (error) => error.status,
    }),
  }),
});

builder.objectType(errors.JobStateError, {
  name: 'JobStateError',
  description: 'The job is in a state that does not allow this.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    status: t.field({
      type: JobStatusType,
      description: 'The state that the job is in.',
      resolve: (error) => error.status,
    }),
  }),
});

builder.objectType(errors.ProviderCallError, {
  name: 'ProviderCallError',
  description: 'The provider could not be asked, or refused to answer. Nothing was changed; call again.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    provider: t.exposeString('provider', { description: "The provider's name." }),
    providerCode: t.exposeString('providerCode', {
      description: "The provider's word for what went wrong, or one of ours, in snake_case.",
    }),
    retryAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the provider allows the next try; null where it did not say.',
      resolve: (error) => error.retryAt,
    }),
  }),
});

builder.objectType(errors.ProviderJobError, {
  name: 'ProviderJobError',
  description: "The provider's batch that was named cannot be the one that is meant. Nothing was changed.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    problem: t.field({
      type: ProviderJobProblemType,
      description: 'What is wrong with it.',
      resolve: (error) => error.problem,
    }),
    providerJobId: t.exposeString('providerJobId', { description: 'The id that was named.' }),
    jobId: t.id({
      nullable: true,
      description: 'The global id of your job that has it already; null where none of yours does.',
      resolve: (error) => (error.jobId === null ? null : globalId('Job', error.jobId)),
    }),
  }),
});

builder.objectType(errors.EmptyBatchError, {
  name: 'EmptyBatchError',
  description: 'The batch has no requests, so there is nothing to submit. Add some with addRequests.',
  interfaces: [ErrorInterface],
});

builder.objectType(errors.NothingToRetryError, {
  name: 'NothingToRetryError',
  description: 'No request of the batch has failed in the way that is asked for, so nothing is sent again.',
  interfaces: [ErrorInterface],
});

builder.objectType(errors.ResultsRemovedError, {
  name: 'ResultsRemovedError',
  description:
    'The requests and results of the batch were kept for as long as this service keeps them, and are removed: there is nothing to send again.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    removedAt: t.field({
      type: 'DateTime',
      description: 'When they were removed.',
      resolve: (error) => error.removedAt,
    }),
  }),
});

builder.objectType(errors.NoCallbackError, {
  name: 'NoCallbackError',
  description: 'The batch has no callbackUrl, so there is nobody to tell.',
  interfaces: [ErrorInterface],
});

builder.objectType(errors.ProviderNotConfiguredError, {
  name: 'ProviderNotConfiguredError',
  description: 'The provider has no credentials here that you may use, so nothing can be sent to it.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    provider: t.exposeString('provider', { description: "The provider's name." }),
    setting: t.exposeString('setting', {
      description: 'The setting of the service that would configure it.',
    }),
  }),
});

builder.objectType(errors.CredentialUnusableError, {
  name: 'CredentialUnusableError',
  description:
    "Your organization's own credential, which you named or the batch is pinned to, cannot be used. Nothing was sent.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    reason: t.field({
      type: CredentialProblemType,
      description: 'Why it cannot be used.',
      resolve: (error) => error.problem,
    }),
    credentialId: t.field({
      type: 'UUID',
      description: 'The credential that is meant, by its id.',
      resolve: (error) => error.credentialId,
    }),
  }),
});

builder.objectType(errors.CredentialsNotKeptError, {
  name: 'CredentialsNotKeptError',
  description: 'This service has nothing to encrypt credentials with, so organizations cannot bring any.',
  interfaces: [ErrorInterface],
});

builder.objectType(errors.IdempotencyConflictError, {
  name: 'IdempotencyConflictError',
  description:
    'The idempotencyKey was used within the last 24 hours for another call: of another mutation, or with another input. Nothing was done.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    idempotencyKey: t.exposeString('idempotencyKey', { description: 'The key that you gave.' }),
    usedFor: t.exposeString('usedFor', { description: 'The mutation that it was used for: `createBatch`.' }),
  }),
});
