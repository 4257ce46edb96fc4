/** The mutations and the unions they answer. What each does is its verb's (`batches/`). */
import { DryRun } from '../domain/dry-run.ts';
import {
  BatchStateError,
  BudgetExceededError,
  CredentialUnusableError,
  EmptyBatchError,
  IdempotencyConflictError,
  JobStateError,
  NoCallbackError,
  NotFoundError,
  NothingToRetryError,
  ProviderCallError,
  ProviderJobError,
  ProviderNotConfiguredError,
  QuotaExceededError,
  ResultsRemovedError,
  ValidationError,
} from '../errors.ts';
import { redeliverCallback, rotateCallbackSecret } from '../resolvers/callbacks.ts';
import * as mutations from '../resolvers/mutations.ts';
import { builder } from './builder.ts';
import { CallbackSecretType } from './callback.ts';
import {
  AddRequestsInput,
  AdoptJobInput,
  CancelBatchInput,
  CreateBatchInput,
  DeleteBatchInput,
  RedeliverCallbackInput,
  ResolveJobInput,
  RetryBatchInput,
  RotateCallbackSecretInput,
  SubmitBatchInput,
  SyncBatchInput,
  UpdateBatchInput,
} from './inputs.ts';
import { resultOf } from './mutation-result.ts';
import { BatchRef, JobRef } from './nodes.ts';

type PayloadFields<Answer> = Parameters<
  Parameters<ReturnType<typeof builder.objectRef<Answer>>['implement']>[0]['fields'] & object
>[0];

/** A payload that has the batch as it is now, and what else the verb answers. */
const batchPayload = <Answer extends mutations.BatchPayload = mutations.BatchPayload>(
  name: string,
  description: string,
  more: (t: PayloadFields<Answer>) => object = () => ({}),
) =>
  builder.objectRef<Answer>(name).implement({
    description,
    fields: (t) => ({
      batch: t.field({
        type: BatchRef,
        description: 'The batch as it is now.',
        resolve: ({ batch }) => batch,
      }),
      ...more(t),
    }),
  });

const replayedDescription =
  'Whether the same call was made before under its idempotencyKey, so that it did nothing now. False without a key.';

const calledPayload = (name: string, description: string) =>
  batchPayload<mutations.CalledPayload>(name, description, (t) => ({
    replayed: t.exposeBoolean('replayed', { description: replayedDescription }),
  }));

const jobPayload = (name: string, description: string) =>
  builder.objectRef<Awaited<ReturnType<typeof mutations.resolveJob>>>(name).implement({
    description,
    fields: (t) => ({
      job: t.field({ type: JobRef, description: 'The job as it is now.', resolve: ({ job }) => job }),
      batch: t.field({
        type: BatchRef,
        description: 'Its batch as it is now.',
        resolve: ({ batch }) => batch,
      }),
    }),
  });

/** The errors plugin makes one payload of what is returned; any further member of a union has to be thrown to it. */
function payloadOf<Payload>(answer: Payload | DryRun): Payload {
  if (answer instanceof DryRun) throw answer;
  return answer;
}

builder.mutationFields((t) => ({
  createBatch: t.field({
    type: calledPayload('CreateBatchPayload', 'The batch was created.'),
    description:
      'Makes a batch, with or without its first requests. Nothing is sent before it closes. With `dryRun`, tells what the call would do, and does nothing.',
    args: { input: t.arg({ type: CreateBatchInput, required: true, description: 'The new batch.' }) },
    errors: resultOf('CreateBatch', [
      ValidationError,
      QuotaExceededError,
      ProviderNotConfiguredError,
      CredentialUnusableError,
      IdempotencyConflictError,
      NotFoundError,
      BudgetExceededError,
      DryRun,
    ]),
    resolve: async (_root, args, context) => payloadOf(await mutations.createBatch(args, context)),
  }),
  addRequests: t.field({
    type: calledPayload('AddRequestsPayload', 'The requests were added.'),
    description: 'Adds requests to an open batch, after those it has.',
    args: { input: t.arg({ type: AddRequestsInput, required: true, description: 'What to add where.' }) },
    errors: resultOf('AddRequests', [
      ValidationError,
      QuotaExceededError,
      NotFoundError,
      BatchStateError,
      ProviderNotConfiguredError,
      CredentialUnusableError,
      IdempotencyConflictError,
    ]),
    resolve: (_root, args, context) => mutations.addRequests(args, context),
  }),
  updateBatch: t.field({
    type: batchPayload('UpdateBatchPayload', 'The batch was changed.'),
    description:
      'Changes what a batch is called and what is attached to it, in any state; and its callback URL, until it has ended.',
    args: { input: t.arg({ type: UpdateBatchInput, required: true, description: 'What to change.' }) },
    errors: resultOf('UpdateBatch', [ValidationError, NotFoundError, BatchStateError]),
    resolve: (_root, args, context) => mutations.updateBatch(args, context),
  }),
  submitBatch: t.field({
    type: batchPayload('SubmitBatchPayload', 'The batch is closed and on its way.'),
    description:
      'Closes an open batch and sends it. Safe to call again: a batch that was submitted before is answered as it is.',
    args: { input: t.arg({ type: SubmitBatchInput, required: true, description: 'Which batch to submit.' }) },
    errors: resultOf('SubmitBatch', [
      ValidationError,
      NotFoundError,
      EmptyBatchError,
      BatchStateError,
      BudgetExceededError,
      ProviderNotConfiguredError,
      CredentialUnusableError,
    ]),
    resolve: (_root, args, context) => mutations.submitBatch(args, context),
  }),
  syncBatch: t.field({
    type: batchPayload<Awaited<ReturnType<typeof mutations.syncBatch>>>(
      'SyncBatchPayload',
      'What the sync came to.',
      (p) => ({
        settled: p.exposeBoolean('settled', {
          description:
            "Whether the provider's answer is in it already. Where false, it is on its way and subscriptions will tell.",
        }),
      }),
    ),
    description:
      'Asks the provider now instead of at the next poll, and waits up to ten seconds for its answer. No effect on an open batch; safe on a finished one.',
    args: { input: t.arg({ type: SyncBatchInput, required: true, description: 'Which batch to sync.' }) },
    errors: resultOf('SyncBatch', [ValidationError, NotFoundError]),
    resolve: (_root, args, context) => mutations.syncBatch(args, context),
  }),
  cancelBatch: t.field({
    type: batchPayload('CancelBatchPayload', 'The batch is cancelled, or being cancelled.', (p) => ({
      jobsGoingOn: p.int({
        description:
          'How many jobs go on, because their provider cannot stop what it has begun: they are paid for, and their results are kept.',
        resolve: ({ batch }, _args, context) => mutations.jobsGoingOn(batch, context),
      }),
    })),
    description:
      'Stops what has not been computed yet; what is done is kept. Safe to call again, and on a finished batch.',
    args: { input: t.arg({ type: CancelBatchInput, required: true, description: 'Which batch to cancel.' }) },
    errors: resultOf('CancelBatch', [ValidationError, NotFoundError]),
    resolve: (_root, args, context) => mutations.cancelBatch(args, context),
  }),
  resolveJob: t.field({
    type: jobPayload('ResolveJobPayload', 'The job is settled.'),
    description:
      'Settles a job that is UNKNOWN because its answer was lost: what only a person can tell. Job.needsPerson tells which jobs wait for it.',
    args: {
      input: t.arg({
        type: ResolveJobInput,
        required: true,
        description: 'Which job, and what became of it.',
      }),
    },
    errors: resultOf('ResolveJob', [
      ValidationError,
      NotFoundError,
      JobStateError,
      ProviderJobError,
      ProviderCallError,
      ProviderNotConfiguredError,
      CredentialUnusableError,
    ]),
    resolve: (_root, args, context) => mutations.resolveJob(args, context),
  }),
  adoptJob: t.field({
    type: jobPayload('AdoptJobPayload', "The provider's batch is a job here now."),
    description:
      "Takes over a provider's batch that was made elsewhere, as a closed batch with one job: it is watched, can be cancelled, and its results are copied; it is never sent again.",
    args: {
      input: t.arg({ type: AdoptJobInput, required: true, description: 'Which batch, and what is in it.' }),
    },
    errors: resultOf('AdoptJob', [
      ValidationError,
      QuotaExceededError,
      NotFoundError,
      ProviderJobError,
      ProviderCallError,
      ProviderNotConfiguredError,
      CredentialUnusableError,
    ]),
    resolve: (_root, args, context) => mutations.adoptJob(args, context),
  }),
  retryBatch: t.field({
    type: batchPayload<Awaited<ReturnType<typeof mutations.retryBatch>>>(
      'RetryBatchPayload',
      'Failed requests are tried again.',
      (p) => ({
        attempt: p.exposeInt('attempt', { description: 'The number of the attempt that began.' }),
        requests: p.exposeInt('requests', { description: 'How many requests are tried again.' }),
        replayed: p.exposeBoolean('replayed', { description: replayedDescription }),
      }),
    ),
    description:
      'Sends failed requests again, in new jobs: all of them, or those that you mean. What has an answer and what is under way is never sent again; earlier attempts stay readable.',
    args: { input: t.arg({ type: RetryBatchInput, required: true, description: 'What to try again.' }) },
    errors: resultOf('RetryBatch', [
      ValidationError,
      QuotaExceededError,
      NotFoundError,
      BatchStateError,
      NothingToRetryError,
      ResultsRemovedError,
      BudgetExceededError,
      ProviderNotConfiguredError,
      CredentialUnusableError,
      IdempotencyConflictError,
    ]),
    resolve: (_root, args, context) => mutations.retryBatch(args, context),
  }),
  redeliverCallback: t.field({
    type: batchPayload('RedeliverCallbackPayload', 'The callback is being called.'),
    description:
      'Calls the callback URL of a batch that has ended again, now, also where it was told or given up; with the same webhook-id. Where this attempt fails after eight others, it is the last.',
    args: {
      input: t.arg({ type: RedeliverCallbackInput, required: true, description: 'Which batch to tell of.' }),
    },
    errors: resultOf('RedeliverCallback', [ValidationError, NotFoundError, NoCallbackError, BatchStateError]),
    resolve: (_root, args, context) => redeliverCallback(args, context),
  }),
  rotateCallbackSecret: t.field({
    type: builder
      .objectRef<Awaited<ReturnType<typeof rotateCallbackSecret>>>('RotateCallbackSecretPayload')
      .implement({
        description: 'There is a new secret.',
        fields: (p) => ({
          callbackSecret: p.field({
            type: CallbackSecretType,
            description: 'The new secret.',
            resolve: ({ callbackSecret }) => callbackSecret,
          }),
        }),
      }),
    description:
      "Makes a new secret for your organization's callbacks, or the first. The present one signs beside it for a while, so that receivers can change over; needs a key with the scope ADMIN.",
    args: {
      input: t.arg({ type: RotateCallbackSecretInput, required: true, description: 'How to change over.' }),
    },
    authScopes: { admin: true },
    errors: resultOf('RotateCallbackSecret', [ValidationError]),
    resolve: (_root, args, context) => rotateCallbackSecret(args, context),
  }),
  deleteBatch: t.field({
    type: builder.objectRef<{ deletedBatchId: string }>('DeleteBatchPayload').implement({
      description: 'The batch is gone.',
      fields: (p) => ({
        deletedBatchId: p.exposeID('deletedBatchId', { description: 'The global id that it had.' }),
      }),
    }),
    description:
      'Removes a batch with its requests and results, for good. Refused while it is at work (cancel it first), and while its provider is still deleting its files.',
    args: { input: t.arg({ type: DeleteBatchInput, required: true, description: 'Which batch to delete.' }) },
    errors: resultOf('DeleteBatch', [ValidationError, NotFoundError, BatchStateError]),
    resolve: (_root, args, context) => mutations.deleteBatch(args, context),
  }),
}));
