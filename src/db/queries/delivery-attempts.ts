/** Statements on attempts to tell callback URLs, read back for those who look at a batch. */
import { sql } from 'drizzle-orm';
import type { Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { deliveryAttempts } from '../tables/deliveries.ts';
import { batchInScope } from './scope.ts';

/** An attempt, and what it was about. */
export interface DeliveryAttemptView {
  readonly batchId: string;
  readonly deliveryId: string;
  /** The batch's event that it tells of. */
  readonly seq: number;
  readonly number: number;
  readonly at: Date;
  readonly finishedAt: Date | null;
  readonly statusCode: number | null;
  readonly error: string | null;
}

/** Where a page of attempts starts and which way it goes. */
export interface DeliveryAttemptPage {
  readonly limit: number;
  readonly order: 'ascending' | 'descending';
  /** The attempt that the page lies beyond. */
  readonly beyond: { readonly seq: number; readonly number: number } | null;
}

/** One page of each batch's attempts: the ends of the batch in order, and of each end its attempts in order. */
export async function deliveryAttemptPages(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
  { limit, order, beyond }: DeliveryAttemptPage,
): Promise<DeliveryAttemptView[]> {
  const [compare, direction] = order === 'ascending' ? [sql`>`, sql`asc`] : [sql`<`, sql`desc`];
  const lies =
    beyond === null ? sql`true` : sql`(d.seq, a.number) ${compare} (${beyond.seq}, ${beyond.number})`;
  return db
    .select({
      batchId: sql<string>`x.batch_id`,
      deliveryId: sql<string>`x.delivery_id`,
      seq: sql<number>`x.seq`,
      number: sql<number>`x.number`,
      at: sql<Date>`x.at`.mapWith(deliveryAttempts.at),
      finishedAt: sql<Date | null>`x.finished_at`.mapWith(deliveryAttempts.finishedAt),
      statusCode: sql<number | null>`x.status_code`,
      error: sql<string | null>`x.error`,
    })
    .from(
      sql`unnest(${sql.param(batchIds)}::uuid[]) as b(id) cross join lateral (
        select d.batch_id, d.seq, a.* from deliveries d join delivery_attempts a on a.delivery_id = d.id
        where d.batch_id = b.id and ${lies} and ${batchInScope(scope, sql`d.batch_id`)}
        order by d.seq ${direction}, a.number ${direction} limit ${limit}) x`,
    );
}

/** How many attempts were begun for each batch; a batch without any is left out. */
export async function countDeliveryAttempts(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await db.execute<{ batchId: string; count: number }>(sql`
    select d.batch_id as "batchId", sum(d.attempts)::int as count from deliveries d
    where d.batch_id = any(${sql.param(batchIds)}::uuid[]) and ${batchInScope(scope, sql`d.batch_id`)}
    group by d.batch_id`);
  return new Map(rows.map(({ batchId, count }) => [batchId, count]));
}
