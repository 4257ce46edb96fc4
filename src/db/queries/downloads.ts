/**
 * The rows of downloads, a page at a time, in the caller's order. A page is small whatever stands in it: a body that is
 * long is left out of it, and fetched when its turn comes (`itemRequests`, `itemResponses`).
 */
import { type SQL, sql } from 'drizzle-orm';
import type { DownloadKind } from '../../domain/download.ts';
import type { RequestRow, ResultRow } from '../../domain/download-lines.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { isOutcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** A row whose body may be missing because it is long; its size tells. */
export type Paged<Row, Body extends keyof Row> = Omit<Row, Body> & {
  readonly [Name in Body]: string | null;
} & { readonly bytes: number };

/** A request on a page. */
export type PagedRequest = Paged<RequestRow, 'request'> & { readonly batchId: string };
/** A result on a page; `attempt` is the one that made it. */
export type PagedResult = Paged<ResultRow, 'response'> & { readonly attempt: number };

/** Which rows a page has. */
export interface DownloadPage {
  /** The position that they lie after. */
  readonly after: number;
  readonly limit: number;
}

const shortBytesMax = 8192;
const shortOnly = (body: SQL, bytes: SQL): SQL =>
  sql`case when ${bytes} <= ${shortBytesMax} then ${body} end`;

/**
 * Of bodies that are removed while they are read, a page says that they are there and does not have them: fetching them
 * then fails, and the download breaks off, where it would otherwise go on without them.
 */
const oneWhere = (isRemoved: SQL, bytes: SQL): SQL => sql`case when ${isRemoved} then 1 else ${bytes} end`;

/** The next requests of a batch after a position. */
export async function requestPage(
  scope: Scope,
  db: Queryable,
  batchId: string,
  page: DownloadPage,
): Promise<PagedRequest[]> {
  const { rows } = await db.execute<PagedRequest & Record<string, unknown>>(sql`
    select i.batch_id as "batchId", i.position, i.custom_id as "customId", i.endpoint, i.bytes,
           ${shortOnly(sql`i.request`, sql`i.bytes`)} as request
    from items i join batches b on b.id = i.batch_id and i.position < b.total
    where i.batch_id = ${batchId}::uuid and i.position > ${page.after} and ${batchInScope(scope, sql`i.batch_id`)}
    order by i.position limit ${page.limit}`);
  return rows;
}

// Without these a row is a third faster to read.
const accounts = sql`, r.stop_reason as "stopReason", r.cost::text as cost,
  r.input_tokens::float8 as "inputTokens", r.output_tokens::float8 as "outputTokens",
  r.cached_input_tokens::float8 as "cachedInputTokens", r.cache_write_input_tokens::float8 as "cacheWriteInputTokens",
  r.reasoning_tokens::float8 as "reasoningTokens"`;

/**
 * The next results of a batch after a position, each item's once; with what they took, where that is asked for. An item
 * that is tried again shows nothing until then.
 */
export async function resultPage(
  scope: Scope,
  db: Queryable,
  batchId: string,
  { kind, withAccounts }: { kind: Exclude<DownloadKind, 'input'>; withAccounts: boolean },
  page: DownloadPage,
): Promise<PagedResult[]> {
  const isRemoved = sql`bt.results_removed_at is not null`;
  const bytes = oneWhere(isRemoved, sql`coalesce(octet_length(r.response), 0)`);
  const { rows } = await db.execute<PagedResult & Record<string, unknown>>(sql`
    ${withHeldOf([batchId])}
    select r.batch_id as "batchId", r.position, r.attempt, i.custom_id as "customId", r.status,
           r.error_code as "errorCode", r.error_message as "errorMessage", ${bytes} as bytes,
           ${shortOnly(sql`r.response`, sql`octet_length(r.response)`)} as response ${withAccounts ? accounts : sql``}
    from batches bt join results r on r.batch_id = bt.id
    join items i on i.batch_id = r.batch_id and i.position = r.position
    where bt.id = ${batchId}::uuid and r.position > ${page.after} and i.position > ${page.after}
      and i.batch_id = ${batchId}::uuid and ${batchInScope(scope, sql`i.batch_id`)}
      and r.status ${kind === 'output' ? sql`=` : sql`<>`} 'SUCCEEDED' and ${isOutcome}
    order by r.position limit ${page.limit}`);
  return rows;
}
