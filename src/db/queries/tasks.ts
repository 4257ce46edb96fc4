/**
 * Tasks enter the queue here, in the transaction that makes them needed; a rollback leaves none. Those with a lower
 * place are taken first, then those that came first.
 */
import { sql } from 'drizzle-orm';
import type { Queryable } from '../client.ts';

/** Before everything else: for what somebody waits for, and what takes no time. */
export const firstPlace = 0;
/** Behind all whose turn is known: for what has just come up, until a sweep tells its place. It is a `smallint` there. */
export const lastPlace = 32_767;

/**
 * Wakes a worker for `task` about the row `id`. Asking again before it ran changes nothing but its place, the time since
 * when it waits neither.
 */
export async function addTask(tx: Queryable, task: string, id: string, place = lastPlace): Promise<void> {
  await tx.execute(
    sql`select graphile_worker.add_job(${task}, json_build_object('id', ${id}::text), job_key := ${`${task}:${id}`}, job_key_mode := 'preserve_run_at', max_attempts := 1, priority := ${Math.min(place, lastPlace)}::integer)`,
  );
}
