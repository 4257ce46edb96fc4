import { globalId } from '../resolvers/arguments.ts';
import { attemptCost, itemCost } from '../resolvers/cost.ts';
import {
  type AttemptModel,
  type ItemErrorModel,
  itemAttempts,
  itemBatch,
  itemError,
  itemJob,
  itemKeyText,
  itemRequest,
  itemResponse,
  itemText,
  itemUsage,
} from '../resolvers/item.ts';
import { builder } from './builder.ts';
import { CostType } from './cost.ts';
import { ItemStatusType } from './enums.ts';
import { BatchRef, ItemRef, JobRef } from './nodes.ts';
import { UsageType } from './usage.ts';

const ItemErrorType = builder.objectRef<ItemErrorModel>('ItemError').implement({
  description: 'Why a request has no answer.',
  fields: (t) => ({
    code: t.exposeString('code', {
      description:
        "The provider's word for it, in snake_case; or ours: missing_result, malformed_result, unreadable_result, results_expired, job_failed, job_expired, cancelled.",
    }),
    message: t.exposeString('message', { nullable: true, description: 'The same for people.' }),
    retryable: t.exposeBoolean('retryable', {
      nullable: true,
      description: 'Whether the same request may succeed on another try.',
    }),
  }),
});

const AttemptType = builder.objectRef<AttemptModel>('BatchItemAttempt').implement({
  description: 'One attempt of a request, and what it brought.',
  fields: (t) => ({
    attempt: t.exposeInt('attempt', {
      description:
        'Its number, counted from 1 over the whole batch: a retry that left the request out has no attempt of it.',
    }),
    status: t.field({
      type: ItemStatusType,
      description: 'What it came to; PENDING or SUBMITTED while it is under way.',
      resolve: (attempt) => attempt.status,
    }),
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'The job that made it; null where the batch was cancelled before there was one.',
      resolve: (attempt, _args, context) => itemJob(attempt, context),
    }),
    error: t.field({
      type: ItemErrorType,
      nullable: true,
      description: 'Why it has no answer; null where it has one, or is not over.',
      resolve: (attempt) => itemError(attempt),
    }),
    usage: t.field({
      type: UsageType,
      nullable: true,
      description: 'Its own tokens; null before it has a result.',
      resolve: (attempt) => itemUsage(attempt),
    }),
    cost: t.field({
      type: CostType,
      description: 'What it cost by itself.',
      resolve: (attempt, _args, context) => attemptCost(attempt, context),
    }),
    stopReason: t.exposeString('stopReason', {
      nullable: true,
      description: "Why the model stopped, in the provider's word.",
    }),
    response: t.field({
      type: 'JSON',
      nullable: true,
      description: "The provider's own result line of it, parsed; null while there is none.",
      resolve: (attempt, _args, context) => itemResponse(attempt, context),
    }),
    text: t.string({
      nullable: true,
      description:
        'What the model wrote, as plain text; null where it wrote none, and once it is removed (Batch.resultsRemovedAt).',
      resolve: (attempt, _args, context) => itemText(attempt, context),
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its result was stored here; null before.',
      resolve: (attempt) => attempt.finishedAt,
    }),
  }),
});

builder.objectType(ItemRef, {
  description:
    'One request and what became of it. Its position in the batch is its identity; customId is your own name for it.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => ({
    id: t.id({ description: 'Its global id.', resolve: (item) => globalId('BatchItem', itemKeyText(item)) }),
    position: t.exposeInt('position', { description: 'Where it stands in the batch, counted from 0.' }),
    customId: t.exposeString('customId', {
      description: 'Your own name for it, unique within the batch; made for you where you gave none.',
    }),
    endpoint: t.exposeString('endpoint', { description: 'The endpoint that it is for.' }),
    model: t.exposeString('model', { nullable: true, description: 'The model that its body names.' }),
    status: t.field({
      type: ItemStatusType,
      description: 'What became of it: the result of its newest attempt, else the state of its job.',
      resolve: (item) => item.status,
    }),
    request: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'The body that is sent, parsed; null once it is removed (Batch.resultsRemovedAt). Downloads give its exact bytes.',
      resolve: (item, _args, context) => itemRequest(item, context),
    }),
    response: t.field({
      type: 'JSON',
      nullable: true,
      description:
        "The provider's own result line, parsed; null while there is none, and once it is removed (Batch.resultsRemovedAt). Downloads give its exact bytes.",
      resolve: (item, _args, context) => itemResponse(item, context),
    }),
    text: t.string({
      nullable: true,
      description: 'What the model wrote, as plain text; null where it wrote none.',
      resolve: (item, _args, context) => itemText(item, context),
    }),
    stopReason: t.exposeString('stopReason', {
      nullable: true,
      description: "Why the model stopped, in the provider's word.",
    }),
    usage: t.field({
      type: UsageType,
      nullable: true,
      description: 'Its tokens; null before it has a result.',
      resolve: (item) => itemUsage(item),
    }),
    cost: t.field({
      type: CostType,
      description: 'What it costs: the result of its newest attempt; each attempt has its own.',
      resolve: (item, _args, context) => itemCost(item, context),
    }),
    error: t.field({
      type: ItemErrorType,
      nullable: true,
      description: 'Why it has no answer; null where it has one, or is not over.',
      resolve: (item) => itemError(item),
    }),
    attempt: t.int({
      nullable: true,
      description:
        'Which attempt its result is of, counted from 1; null before it has one, and while it is tried again.',
      resolve: (item) => item.attempt,
    }),
    attempts: t.connection(
      {
        type: AttemptType,
        description: 'Every attempt of it, the first one first; a retry adds one and changes none.',
        resolve: (item, args, context) => itemAttempts(item, args, context),
      },
      { name: 'BatchItemAttemptConnection', description: 'A page of attempts.' },
      { name: 'BatchItemAttemptEdge', description: 'An attempt and its place in the list.' },
    ),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was accepted.',
      resolve: (item) => item.createdAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its result was stored here; null before.',
      resolve: (item) => item.finishedAt,
    }),
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'The job that sent it last; null before it is in one.',
      resolve: (item, _args, context) => itemJob(item, context),
    }),
    batch: t.field({
      type: BatchRef,
      description: 'The batch that it belongs to.',
      resolve: (item, _args, context) => itemBatch(item, context),
    }),
  }),
});
