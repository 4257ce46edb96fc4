/** Statements on what is counted for rate limits. Only the service itself counts, for everybody at once. */
import { lt, sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { rateCounts } from '../tables/rate-counts.ts';

/** Points of a key or an organization. */
export interface RateCount {
  readonly id: string;
  readonly points: number;
}

/** Adds what one process has counted in a window; answers what all of them have, of the same subjects. */
export async function addRateCounts(
  _worker: WorkerScope,
  db: Queryable,
  windowStart: Date,
  counts: readonly RateCount[],
): Promise<RateCount[]> {
  // All processes lock rows in one order, so that none waits for another that waits for it.
  const rows = counts.map(({ id, points }) => ({ subjectId: id, windowStart, points }));
  rows.sort((a, b) => (a.subjectId < b.subjectId ? -1 : 1));
  return db
    .insert(rateCounts)
    .values(rows)
    .onConflictDoUpdate({
      target: [rateCounts.windowStart, rateCounts.subjectId],
      set: { points: sql`${rateCounts.points} + excluded.points` },
    })
    .returning({ id: rateCounts.subjectId, points: rateCounts.points });
}

/** Forgets the windows that began before this moment. */
export async function forgetRateCounts(_worker: WorkerScope, db: Queryable, before: Date): Promise<void> {
  await db.delete(rateCounts).where(lt(rateCounts.windowStart, before));
}
