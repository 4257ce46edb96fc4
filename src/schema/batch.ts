/**
 * The type Batch, and how batches are asked for. It is long because a batch has many fields, and each is told here to
 * whoever meets it in GraphiQL. What a field says in `ofBatch` is all that it looks at: see `columns-asked.ts`.
 */
import { batchUrl } from '../domain/batch-urls.ts';
import { apiKeyOf } from '../resolvers/api-keys.ts';
import { globalId } from '../resolvers/arguments.ts';
import { batchAudit } from '../resolvers/audit.ts';
import {
  type BatchModel,
  batchById,
  batchErrorGroups,
  batchEvents,
  batchExpectedCompletion,
  batchItem,
  batchItems,
  batchJobs,
  batchProgress,
  resultsKeptUntil,
  retryPolicy,
} from '../resolvers/batch.ts';
import { batchCallback } from '../resolvers/callbacks.ts';
import { batchCost } from '../resolvers/cost.ts';
import { listBatches } from '../resolvers/lists.ts';
import { newestUpload } from '../resolvers/uploads.ts';
import { ApiKeyRef } from './api-key.ts';
import { AuditConnection, AuditEntryRef } from './audit.ts';
import { BatchFilterInput, ItemFilterInput } from './batch-filters.ts';
import {
  BatchErrorType,
  CountsType,
  ErrorGroupType,
  RetryPolicyType,
  SubmitRuleType,
} from './batch-parts.ts';
import { builder } from './builder.ts';
import { BatchCallbackType } from './callback.ts';
import { batchColumns, jobColumns, type MomentOf, ofBatch } from './columns-asked.ts';
import { CostType } from './cost.ts';
import { BatchStatusType } from './enums.ts';
import { PastEventConnection, PastEventRef } from './event.ts';
import { CreationOrderInput, JobConnection } from './job.ts';
import { BatchRef, ItemRef, JobRef, UploadRef } from './nodes.ts';
import { UsageType } from './usage.ts';

builder.objectType(BatchRef, {
  description:
    'Requests that belong together. Open until it is submitted; then split into jobs, sent, watched, and its results copied here.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => {
    const moment = (description: string, column: MomentOf<BatchModel>) =>
      t.field({
        type: 'DateTime',
        nullable: true,
        description,
        extensions: ofBatch(column),
        resolve: (batch) => batch[column],
      });
    return {
      id: t.id({
        description: 'Its global id.',
        extensions: ofBatch('id'),
        resolve: (batch) => globalId('Batch', batch.id),
      }),
      uuid: t.field({
        type: 'UUID',
        extensions: ofBatch('id'),
        description: 'Its plain id, as URLs have it.',
        resolve: (batch) => batch.id,
      }),
      url: t.field({
        type: 'URL',
        extensions: ofBatch('id'),
        description: 'Its own address; downloads lie below it.',
        resolve: (batch, _args, { origin }) => batchUrl(batch, origin),
      }),
      name: t.exposeString('name', { nullable: true, description: 'What you called it.' }),
      status: t.field({
        type: BatchStatusType,
        extensions: ofBatch('status'),
        description: 'What it is doing.',
        resolve: (batch) => batch.status,
      }),
      provider: t.exposeString('provider', { description: 'The provider that it is for.' }),
      sandbox: t.exposeBoolean('sandbox', {
        description: 'Whether an emulator answers it, so that nothing is sent or paid.',
      }),
      endpoint: t.exposeString('endpoint', {
        description: 'The endpoint of requests that name none themselves.',
      }),
      model: t.exposeString('model', {
        nullable: true,
        description: 'The model of requests whose body names none; null where each names its own.',
      }),
      completionWindow: t.exposeString('completionWindow', {
        description: 'How long the provider may take.',
      }),
      metadata: t.field({
        type: 'JSON',
        extensions: ofBatch('metadata'),
        description: 'What you attached: an object whose values are strings.',
        resolve: (batch) => batch.metadata,
      }),
      submitRule: t.field({
        type: SubmitRuleType,
        extensions: ofBatch('submitMode', 'whenRequests', 'whenBytes', 'whenSeconds', 'dueAt'),
        description: 'When it closes and is sent.',
        resolve: (batch) => batch,
      }),
      counts: t.field({
        type: CountsType,
        extensions: ofBatch('total', 'pending', 'submitted', 'succeeded', 'errored', 'expired', 'cancelled'),
        description: 'How many items are in each state.',
        resolve: (batch) => batch,
      }),
      progress: t.float({
        extensions: ofBatch(
          'status',
          'total',
          'pending',
          'submitted',
          'succeeded',
          'errored',
          'expired',
          'cancelled',
        ),
        description: 'The share of items that have a result, from 0 to 1.',
        resolve: (batch) => batchProgress(batch),
      }),
      bytes: t.field({
        type: 'BigInt',
        extensions: ofBatch('bytes'),
        description: 'The size of all request bodies, in bytes.',
        resolve: (batch) => batch.bytes,
      }),
      version: t.exposeInt('version', {
        description: 'The number of its newest event. Give it to batchUpdated as `after` to go on from here.',
      }),
      retry: t.field({
        type: RetryPolicyType,
        nullable: true,
        extensions: ofBatch('retryAttempts', 'retryBackoffSeconds'),
        description: 'How it tries failures again by itself; null where only retryBatch does.',
        resolve: (batch) => retryPolicy(batch),
      }),
      attempt: t.exposeInt('attempts', {
        description: 'The number of its newest attempt: 1 until requests are tried again.',
      }),
      usage: t.field({
        type: UsageType,
        extensions: ofBatch(
          'inputTokens',
          'outputTokens',
          'cachedInputTokens',
          'cacheWriteInputTokens',
          'reasoningTokens',
        ),
        description: 'The tokens of all results so far, those of earlier attempts included.',
        resolve: (batch) => batch,
      }),
      cost: t.field({
        type: CostType,
        description: 'What it costs: all results so far, those of earlier attempts included.',
        resolve: (batch) => batchCost(batch),
      }),
      error: t.field({
        type: BatchErrorType,
        nullable: true,
        extensions: ofBatch('errorCode', 'errorMessage'),
        description:
          'Why it failed, why its rule could not close it, or why it did not try failures again; null where nothing is to be said.',
        resolve: (batch) => (batch.errorCode === null ? null : batch),
      }),
      errorGroups: t.field({
        type: [ErrorGroupType],
        extensions: { listSize: 100, ...ofBatch('id') },
        description: 'What failed in it by code, most frequent first; at most 100 codes.',
        resolve: async (batch, _args, context) => [...(await batchErrorGroups(batch, context))],
      }),
      upload: t.field({
        type: UploadRef,
        nullable: true,
        description:
          'Its newest upload, also while it is on its way; null where it has none, and for a read token or a link.',
        resolve: (batch, _args, context) => newestUpload(batch, context),
      }),
      callback: t.field({
        type: BatchCallbackType,
        nullable: true,
        description:
          'Who is told when it has ended, and what became of it; null where it has no callbackUrl.',
        resolve: (batch, _args, context) => batchCallback(batch, context),
      }),
      createdAt: t.field({
        type: 'DateTime',
        extensions: ofBatch('createdAt'),
        description: 'When it was created.',
        resolve: (batch) => batch.createdAt,
      }),
      updatedAt: t.field({
        type: 'DateTime',
        extensions: ofBatch('updatedAt'),
        description: 'When it changed last.',
        resolve: (batch) => batch.updatedAt,
      }),
      createdBy: t.field({
        type: ApiKeyRef,
        nullable: true,
        extensions: ofBatch('createdBy'),
        description: 'The key that created it; null where the service itself did.',
        resolve: (batch, _args, context) => apiKeyOf(batch.createdBy, context),
      }),
      lastUpdatedBy: t.field({
        type: ApiKeyRef,
        nullable: true,
        extensions: ofBatch('lastUpdatedBy'),
        description: 'The key of the last call that changed it; what the service does by itself leaves it.',
        resolve: (batch, _args, context) => apiKeyOf(batch.lastUpdatedBy, context),
      }),
      closedAt: moment('When it was closed here.', 'closedAt'),
      submittedAt: moment('When a provider confirmed its first job.', 'submittedAt'),
      inProgressAt: moment('When a provider began to work on it.', 'inProgressAt'),
      finalizingAt: moment('When the providers were done and the copying of results began.', 'finalizingAt'),
      completedAt: moment('When it became COMPLETED.', 'completedAt'),
      failedAt: moment('When it became FAILED.', 'failedAt'),
      expectedCompletion: t.field({
        type: 'DateTime',
        nullable: true,
        description:
          'When its last job is likely to be done: as long after it was sent as your other jobs of about its size took, at the same provider and with the same model; what waits is taken to be sent now. Null while it is open, when it is over, before three such jobs have completed, and once it takes longer than any of them.',
        resolve: (batch, _args, context) => batchExpectedCompletion(batch, context),
      }),
      expiresAt: moment("When the last provider's window ends.", 'expiresAt'),
      expiredAt: moment('When it became EXPIRED.', 'expiredAt'),
      cancellingAt: moment('When cancelling was asked for.', 'cancellingAt'),
      cancelledAt: moment('When it became CANCELLED.', 'cancelledAt'),
      resultsExpireAt: moment(
        'Until when the provider keeps its own copy of the results; null where it does not say, and once it has deleted that.',
        'resultsExpireAt',
      ),
      deleteProviderFiles: t.exposeBoolean('deleteProviderFiles', {
        description:
          'Whether the provider is to delete what it keeps of each job once all of its results are here; Job.providerFiles tells how far that is.',
      }),
      resultsKeptUntil: t.field({
        type: 'DateTime',
        nullable: true,
        extensions: ofBatch('completedAt', 'failedAt', 'expiredAt', 'cancelledAt', 'resultsRemovedAt'),
        description:
          'Until when its requests and results are kept here: download them before. Null while it is not over, where they are kept until deleteBatch, and once they are removed.',
        resolve: (batch, _args, context) => resultsKeptUntil(batch, context),
      }),
      resultsRemovedAt: moment(
        'When its requests and results were removed, because they were kept for as long as this service keeps them; null while they are there. States, counts, usage, cost and errors stay.',
        'resultsRemovedAt',
      ),
      lastSyncedAt: moment('When a provider was last asked about it.', 'lastSyncedAt'),
      nextSyncAt: moment('When a provider is asked next; syncBatch asks now.', 'nextSyncAt'),
      item: t.field({
        type: ItemRef,
        nullable: true,
        extensions: ofBatch('id'),
        description: 'One item by your own name for it; null where there is none.',
        args: { customId: t.arg.string({ required: true, description: 'The customId that you gave.' }) },
        resolve: (batch, args, context) => batchItem(batch, args, context),
      }),
      items: t.connection(
        {
          type: ItemRef,
          extensions: ofBatch(
            'id',
            'total',
            'pending',
            'submitted',
            'succeeded',
            'errored',
            'expired',
            'cancelled',
          ),
          description: 'Its items in your order, up to 1,000 on a page.',
          args: { filter: t.arg({ type: ItemFilterInput, description: 'Which items to show.' }) },
          resolve: (batch, args, context) => batchItems(batch, args, context),
        },
        ItemConnection,
      ),
      jobs: t.connection(
        {
          type: JobRef,
          extensions: ofBatch('id'),
          description: 'The jobs that it was split into, by number.',
          resolve: (batch, args, context, info) => batchJobs(batch, args, context, jobColumns(info)),
        },
        JobConnection,
      ),
      events: t.connection(
        {
          type: PastEventRef,
          extensions: ofBatch('id'),
          description: 'What happened to it, oldest first, as far as it is still kept.',
          resolve: (batch, args, context) => batchEvents(batch, args, context),
        },
        PastEventConnection,
      ),
      audit: t.connection(
        {
          type: AuditEntryRef,
          extensions: ofBatch('id'),
          description:
            'Who did what to it, newest first, as far as it is still kept; calls that were refused included. For keys, not for read tokens.',
          authScopes: { key: true },
          resolve: (batch, args, context) => batchAudit(batch, args, context),
        },
        AuditConnection,
      ),
    };
  },
});

const ItemConnection = builder.connectionObject(
  { type: ItemRef, name: 'BatchItemConnection', description: 'A page of items.' },
  { name: 'BatchItemEdge', description: 'An item and its place in the list.' },
);

builder.queryFields((t) => ({
  batch: t.field({
    type: BatchRef,
    nullable: true,
    description: 'One batch; null where your organization has none with this id.',
    args: { id: t.arg.id({ required: true, description: 'Its global id or its UUID.' }) },
    resolve: (_root, args, context) => batchById(args, context),
  }),
  batches: t.connection(
    {
      type: BatchRef,
      description: "Your organization's batches, newest first, up to 100 on a page.",
      args: {
        filter: t.arg({ type: BatchFilterInput, description: 'Which batches to show.' }),
        orderBy: t.arg({ type: CreationOrderInput, description: 'Newest first where left out.' }),
      },
      resolve: (_root, args, context, info) => listBatches(args, context, batchColumns(info)),
    },
    { name: 'BatchConnection', description: 'A page of batches.' },
    { name: 'BatchEdge', description: 'A batch and its place in the list.' },
  ),
}));
