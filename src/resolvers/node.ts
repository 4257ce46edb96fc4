/** Anything by its global id. What another organization has reads as absent. */
import type { Context } from '../context.ts';
import type { ItemView } from '../db/queries/item-pages.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import { isUuid } from '../domain/ids.ts';
import { ArgumentError } from '../errors.ts';
import { type NodeType, readGlobalId } from './arguments.ts';

/** A row and the type it is shown as. */
export type NodeModel =
  | { readonly type: 'Batch'; readonly row: BatchRow }
  | { readonly type: 'BatchItem'; readonly row: ItemView }
  | { readonly type: 'Job'; readonly row: JobRow }
  | { readonly type: 'Upload'; readonly row: UploadRow };

const nodesMax = 100;

/** The node with this id; null where there is none. Throws `ArgumentError` for what is not an id of ours. */
export async function nodeById({ id }: { id: string }, context: Context): Promise<NodeModel | null> {
  return loadNode('id', id, context);
}

/** The nodes with these ids, in their order, null where there is none. Throws `ArgumentError` likewise. */
export async function nodesByIds(
  { ids }: { ids: readonly string[] },
  context: Context,
): Promise<(NodeModel | null)[]> {
  if (ids.length > nodesMax) {
    throw new ArgumentError('ids', `"ids" may have at most ${nodesMax} entries; it has ${ids.length}.`);
  }
  return Promise.all(ids.map((id) => loadNode('ids', id, context)));
}

async function loadNode(argument: string, id: string, { loaders }: Context): Promise<NodeModel | null> {
  const refused = new ArgumentError(argument, `"${argument}" is not a global id.`);
  const read = readGlobalId(id);
  if (read === null) throw refused;
  const load = {
    Batch: async (key) => (isUuid(key) ? shown('Batch', await loaders.batch.load(key)) : undefined),
    Job: async (key) => (isUuid(key) ? shown('Job', await loaders.job.load(key)) : undefined),
    Upload: async (key) => (isUuid(key) ? shown('Upload', await loaders.upload.load(key)) : undefined),
    BatchItem: async (key) => {
      const [, batchId, position] = /^([^:]+):(0|[1-9]\d{0,9})$/.exec(key) ?? [];
      if (batchId === undefined || !isUuid(batchId) || Number(position) > 2_147_483_647) return undefined;
      return shown('BatchItem', await loaders.item.load({ batchId, position: Number(position) }));
    },
  } as const satisfies Record<NodeType, (key: string) => Promise<NodeModel | null | undefined>>;
  const node = Object.hasOwn(load, read.type) ? await load[read.type as NodeType](read.key) : undefined;
  if (node === undefined) throw refused;
  return node;
}

const shown = <Type extends NodeModel['type']>(
  type: Type,
  row: Extract<NodeModel, { type: Type }>['row'] | null,
): NodeModel | null => (row === null ? null : ({ type, row } as NodeModel));
