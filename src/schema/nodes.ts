/** References by which types name each other without importing each other, and `node` and `nodes`. */
import type { BatchModel } from '../resolvers/batch.ts';
import type { ItemModel } from '../resolvers/item.ts';
import type { JobModel } from '../resolvers/job.ts';
import { type NodeModel, nodeById, nodesByIds } from '../resolvers/node.ts';
import type { UploadModel } from '../resolvers/uploads.ts';
import { builder } from './builder.ts';

/** References by which types name each other without importing each other. */
export const BatchRef = builder.objectRef<BatchModel>('Batch');
/** See `BatchRef`. */
export const ItemRef = builder.objectRef<ItemModel>('BatchItem');
/** See `BatchRef`. */
export const JobRef = builder.objectRef<JobModel>('Job');

/** See `BatchRef`. */
export const UploadRef = builder.objectRef<UploadModel>('Upload');

/** A row marked with its type, which is how the interface tells what it is. */
const branded = (node: NodeModel | null) =>
  node === null ? null : Object.assign({ ...node.row }, { __typename: node.type });

builder.queryField('node', (t) =>
  t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description: 'Anything by its global id; null where your organization has nothing with it.',
    args: { id: t.arg.id({ required: true, description: 'The global id, as any `id` field gives it.' }) },
    resolve: async (_root, { id }, context) => branded(await nodeById({ id }, context)),
  }),
);

builder.queryField('nodes', (t) =>
  t.field({
    type: [builder.nodeInterfaceRef()],
    extensions: { listSize: 'ids' },
    nullable: { list: false, items: true },
    description:
      'Several at once, at most 100, in the order of the ids; null where your organization has nothing with one.',
    args: { ids: t.arg.idList({ required: true, description: 'Global ids, at most 100.' }) },
    resolve: async (_root, { ids }, context) => (await nodesByIds({ ids }, context)).map(branded),
  }),
);
