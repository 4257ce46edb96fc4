/**
 * Monthly partitions of the two big tables. A row whose month has no partition lands in the default one, so a
 * late or skipped run loses nothing; it only makes that month's rows slower to drop.
 */
import { sql } from 'drizzle-orm';
import { uuidv7 } from '../../domain/ids.ts';
import type { Queryable } from '../client.ts';

const partitioned = ['items', 'results'] as const;
const zeros = new Uint8Array(10);

/** Makes the partitions of this month and the next `monthsAhead` where they are missing. Safe to run at any time. */
export async function ensurePartitions(tx: Queryable, now: Date, monthsAhead: number): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(4607183)`);
  for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
    const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
    const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1));
    for (const table of partitioned) await ensurePartition(tx, table, from, to);
  }
}

async function ensurePartition(tx: Queryable, table: string, from: Date, to: Date): Promise<void> {
  const name = `${table}_${from.toISOString().slice(0, 7).replace('-', '_')}`;
  const lower = uuidv7(from.getTime(), zeros);
  const upper = uuidv7(to.getTime(), zeros);
  const {
    rows: [state],
  } = await tx.execute<{ exists: boolean; blocked: boolean }>(sql`
    select to_regclass(${name}) is not null as exists,
           exists (select 1 from ${sql.identifier(`${table}_default`)}
                   where batch_id >= ${lower}::uuid and batch_id < ${upper}::uuid) as blocked`);
  if (state === undefined || state.exists || state.blocked) return;
  await tx.execute(
    sql.raw(`create table "${name}" partition of "${table}" for values from ('${lower}') to ('${upper}')`),
  );
}
