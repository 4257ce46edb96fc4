/**
 * What is true of the rows at every commit, asked of the rows themselves: one statement each (but for
 * `check-status.ts`), which reads everything, changes nothing, and is of one moment. Owned here: what such a statement answers. The statements stand
 * by subject in the files `check-*.ts`; what the invariants are called, and what is done about a broken one, is left to
 * `batches/check.ts`.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Queryable } from '../client.ts';

/** One place where an invariant does not hold. */
export interface Violation {
  /** The row: a batch's or job's id, or `<batch>:<position>` for a result. */
  readonly id: string;
  /** The numbers or words that disagree. Never a body. */
  readonly detail: string;
}

/** What one statement found. */
export interface Finding {
  /** How many rows were looked at. */
  readonly checked: number;
  readonly broken: number;
  /** The first of the broken ones. */
  readonly violations: readonly Violation[];
}

/** How many broken rows a finding shows. */
export const violationsMax = 20;

/** Counts the rows of `facts` (id, broken, detail), and shows the first that are broken. */
export async function judge(db: Queryable, facts: SQL): Promise<Finding> {
  const {
    rows: [row],
  } = await db.execute<{ checked: number; broken: number; violations: Violation[] }>(sql`
    with facts as (${facts}),
    shown as (select id, detail from facts where broken order by id limit ${violationsMax})
    select (select count(*)::int from facts) as checked, (select count(*)::int from facts where broken) as broken,
      (select coalesce(json_agg(json_build_object('id', id, 'detail', detail)), '[]') from shown) as violations`);
  if (row === undefined) throw new Error('an aggregate answers one row');
  return row;
}
