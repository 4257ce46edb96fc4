/** Tasks enter the queue here, in the transaction that makes them needed; a rollback leaves none. */
import { sql } from 'drizzle-orm';
import type { Queryable } from '../client.ts';

/** Wakes a worker for `task` about the row `id`. Asking again before it ran changes nothing, its turn included. */
export async function addTask(tx: Queryable, task: string, id: string): Promise<void> {
  await tx.execute(
    sql`select graphile_worker.add_job(${task}, json_build_object('id', ${id}::text), job_key := ${`${task}:${id}`}, job_key_mode := 'preserve_run_at', max_attempts := 1)`,
  );
}
