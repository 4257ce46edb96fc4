/** The items of a job as its provider's client sends them, streamed from the database in order of position. */
import type { Database } from '../db/client.ts';
import { itemBodies } from '../db/queries/items.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { itemKey } from '../domain/ids.ts';
import { workerScope } from '../domain/scope.ts';
import type { SubmissionItem } from '../providers/provider.ts';

const readingBytes = 4_000_000;
const readingRowsMax = 1000;

/** Reads about 4 MB at a time, each reading a statement of its own, so that a slow upload pins no snapshot. */
export async function* jobItems(db: Database, job: JobRow): AsyncGenerator<SubmissionItem, void, undefined> {
  const rowBytes = Math.max(1, job.bytes / job.requestCount);
  const limit = Math.max(1, Math.min(readingRowsMax, Math.floor(readingBytes / rowBytes)));
  let after = -1;
  for (;;) {
    const rows = await db.read((q) => itemBodies(workerScope, q, job, { after, limit }));
    for (const { position, endpoint, request } of rows) {
      yield { key: itemKey(job.nonce, position), endpoint, body: request };
      after = position;
    }
    if (rows.length < limit) return;
  }
}
