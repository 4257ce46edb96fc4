import { globalId } from '../resolvers/arguments.ts';
import * as streams from '../resolvers/subscriptions.ts';
import { BatchFilterInput } from './batch-filters.ts';
import { builder } from './builder.ts';
import { EventKindType } from './enums.ts';
import { BatchRef, ItemRef, JobRef } from './nodes.ts';

const BatchEventType = builder.objectRef<streams.BatchEventModel>('BatchEvent').implement({
  description:
    'A change of a batch, or several told as one: it covers the numbers fromSeq to seq, and the next one begins after seq.',
  fields: (t) => ({
    batchId: t.id({
      description: 'The global id of the batch, also where it is deleted.',
      resolve: (event) => globalId('Batch', event.batchId),
    }),
    seq: t.exposeInt('seq', {
      description:
        'The number of the newest change in it. Keep it: it is what `after` takes when you reconnect.',
    }),
    fromSeq: t.exposeInt('fromSeq', { description: 'The number of the oldest change in it.' }),
    kind: t.field({ type: EventKindType, description: 'The newest change.', resolve: (event) => event.kind }),
    kinds: t.field({
      type: [EventKindType],
      description: 'Every kind of change in it, in order of first appearance.',
      resolve: (event) => [...event.kinds],
    }),
    resync: t.exposeBoolean('resync', {
      description:
        'Whether changes since your `after` are no longer kept, so that this is a fresh start: replace what you had.',
    }),
    batch: t.field({
      type: BatchRef,
      nullable: true,
      description: 'The batch as of seq; null once it is deleted.',
      resolve: (event) => event.batch,
    }),
    at: t.field({
      type: 'DateTime',
      description: 'When the newest change happened.',
      resolve: (event) => event.at,
    }),
    cursor: t.exposeString('cursor', {
      nullable: true,
      description: 'In batchesUpdated: the place to resume after. Null in batchUpdated, where seq is it.',
    }),
  }),
});

const ItemsFrameType = builder.objectRef<streams.ItemsFrameModel>('BatchItemsFrame').implement({
  description: 'Items that finished, up to 1,000 at once.',
  fields: (t) => ({
    items: t.field({
      type: [ItemRef],
      extensions: { listSize: 1000 },
      description: 'The items, up to 1,000, in the order in which their results were stored.',
      resolve: (frame) => [...frame.items],
    }),
    cursor: t.exposeString('cursor', { description: 'The place to resume after.' }),
  }),
});

builder.subscriptionFields((t) => ({
  batchUpdated: t.field({
    type: BatchEventType,
    description:
      'One batch, live: its state at once, then every change. Completes after the end, and at once on a batch that has ended.',
    args: {
      id: t.arg.id({ required: true, description: 'Its global id or its UUID.' }),
      after: t.arg.int({
        description:
          'The seq of the last event that you have; what came after it is told first. Leave out to start fresh.',
      }),
    },
    subscribe: (_root, args, context) => streams.batchUpdated(args, context),
    resolve: (change, _args, context) => streams.batchEvent(change, context),
  }),
  batchesUpdated: t.field({
    type: BatchEventType,
    description:
      'All of your batches, live, from now on: enough to keep a list up to date. Each change at least once; (batchId, seq) tells repeats. With a filter on status, a batch that leaves the states named is not told.',
    args: {
      filter: t.arg({ type: BatchFilterInput, description: 'Which batches to tell of.' }),
      after: t.arg.string({ description: 'The cursor of the last event that you have.' }),
    },
    subscribe: (_root, args, context) => streams.batchesUpdated(args, context),
    resolve: (change, _args, context) => streams.feedEvent(change, context),
  }),
  batchItemsFinished: t.field({
    type: ItemsFrameType,
    description:
      "One batch's items as they finish, in frames that are read when you are ready for the next. Completes when every item was told.",
    args: {
      batchId: t.arg.id({ required: true, description: 'The global id of the batch, or its UUID.' }),
      after: t.arg.string({ description: 'The cursor of the last frame that you have.' }),
    },
    subscribe: (_root, args, context) => streams.batchItemsFinished(args, context),
    resolve: (frame, _args, context) => streams.itemsFrame(frame, context),
  }),
  jobUpdated: t.field({
    type: JobRef,
    description:
      "One batch's jobs, live: each at once, then each that changes. Completes after the batch's end.",
    args: { batchId: t.arg.id({ required: true, description: 'The global id of the batch, or its UUID.' }) },
    subscribe: (_root, args, context) => streams.jobUpdated(args, context),
    resolve: (job, _args, context) => streams.changedJob(job, context),
  }),
}));
