/** Stored requests, streamed from the database in order of position: those of a job as its provider's client sends them. */
import type { Database, Queryable } from '../db/client.ts';
import { type ItemBody, itemBodies } from '../db/queries/items.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { itemKey } from '../domain/ids.ts';
import { type Scope, workerScope } from '../domain/scope.ts';
import type { SubmissionItem } from '../providers/provider.ts';

/** Which requests of a batch, and how large they are together. */
export type StoredSet = Pick<JobRow, 'batchId' | 'positions' | 'bytes' | 'requestCount'>;

const readingBytes = 4_000_000;
const readingRowsMax = 1000;

/** The requests of a set, about 4 MB with each `read`. */
export async function* storedItems(
  scope: Scope,
  read: <T>(work: (q: Queryable) => Promise<T>) => Promise<T>,
  set: StoredSet,
): AsyncGenerator<ItemBody, void, undefined> {
  const rowBytes = Math.max(1, set.bytes / set.requestCount);
  const limit = Math.max(1, Math.min(readingRowsMax, Math.floor(readingBytes / rowBytes)));
  let after = -1;
  for (;;) {
    const rows = await read((q) => itemBodies(scope, q, set, { after, limit }));
    for (const row of rows) {
      yield row;
      after = row.position;
    }
    if (rows.length < limit) return;
  }
}

/** Each reading is a statement of its own, so that a slow upload pins no snapshot. */
export async function* jobItems(db: Database, job: JobRow): AsyncGenerator<SubmissionItem, void, undefined> {
  const items = storedItems(workerScope, (work) => db.read(work), job);
  for await (const { position, endpoint, request } of items) {
    yield { key: itemKey(job.nonce, position), endpoint, body: request };
  }
}
