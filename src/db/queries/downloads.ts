/**
 * The rows of downloads, a page at a time, in the caller's order. A page is small whatever stands in it: a body that is
 * long is left out of it, and fetched when its turn comes (`itemRequests`, `itemResponses`).
 */
import { type SQL, sql } from 'drizzle-orm';
import type { DownloadKind } from '../../domain/download.ts';
import type { RequestRow, ResultRow } from '../../domain/download-lines.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Database } from '../client.ts';
import type { CopiedRows, CopiedText, CopyMemory } from '../copy-out.ts';
import { isOutcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** What a page tells of a body. */
export interface PagedBody {
  /** As it is stored; null where there is none, or it is long. */
  readonly body: CopiedText | null;
  /** The size of one that is left out because it is long; null where none is. */
  readonly longBytes: number | null;
}

/** A request on a page. */
export type PagedRequest = RequestRow & PagedBody;
/** A result on a page; `attempt` is the one that made it. */
export type PagedResult = ResultRow & PagedBody & { readonly attempt: number };

/** Rows that were read at once, and lie in the memory of their page until that is used again. */
export interface Page<Row> {
  readonly count: number;
  /** The row at a place, counted from 0. There is one at a time: asking for another makes the one before that one. */
  row(place: number): Row;
}

/** Which rows a page has: those in a range of positions, because Postgres reads that at half of what a limit costs. */
export interface DownloadPage {
  /** The position that they lie after. */
  readonly after: number;
  /** The last position that they may have. */
  readonly to: number;
  /** How many they are at the most; null where as many may come as there are positions. */
  readonly limit: number | null;
  /** What its bodies lie in until another page is read into it. */
  readonly memory: CopyMemory;
}

const limitOf = ({ limit }: DownloadPage): SQL => (limit === null ? sql`` : sql`limit ${limit}`);

const shortBytesMax = 8192;
const shortOnly = (body: SQL, bytes: SQL): SQL =>
  sql`case when ${bytes} <= ${shortBytesMax} then ${body} end`;

/**
 * Of bodies that are removed while they are read, a page says that they are there and does not have them: fetching them
 * then fails, and the download breaks off, where it would otherwise go on without them.
 */
const longBytes = (bytes: SQL, isRemoved: SQL): SQL =>
  sql`case when ${bytes} > ${shortBytesMax} then ${bytes} when ${isRemoved} then 1 end`;

type Copying = Pick<Database, 'copyOut'>;

/** The next requests of a batch after a position. */
export async function requestPage(
  scope: Scope,
  db: Copying,
  batchId: string,
  page: DownloadPage,
): Promise<Page<PagedRequest>> {
  const rows = await db.copyOut(
    sql`
    select i.position, i.custom_id, i.endpoint, ${longBytes(sql`i.bytes`, sql`i.request is null`)},
           ${shortOnly(sql`i.request`, sql`i.bytes`)}
    from items i join batches b on b.id = i.batch_id and i.position < b.total
    where i.batch_id = ${batchId}::uuid and i.position > ${page.after} and i.position <= ${page.to}
      and ${batchInScope(scope, sql`i.batch_id`)}
    order by i.position ${limitOf(page)}`,
    page.memory,
  );
  return pageOf(rows, new CopiedRequest(rows));
}

// Without these a row is a third faster to read.
const accounts = sql`, r.stop_reason, r.cost::text, r.input_tokens::text, r.output_tokens::text,
  r.cached_input_tokens::text, r.cache_write_input_tokens::text, r.reasoning_tokens::text`;

/**
 * The next results of a batch after a position, each item's once; with what they took, where that is asked for. An item
 * that is tried again shows nothing until then.
 */
export async function resultPage(
  scope: Scope,
  db: Copying,
  batchId: string,
  { kind, withAccounts }: { kind: Exclude<DownloadKind, 'input'>; withAccounts: boolean },
  page: DownloadPage,
): Promise<Page<PagedResult>> {
  const bytes = sql`octet_length(r.response)`;
  const isRemoved = sql`bt.results_removed_at is not null and r.response is null`;
  // What succeeded is an outcome whatever else there is. To plan the other question takes as long as to read 300 rows.
  const [opening, isLine] =
    kind === 'output'
      ? [sql``, sql`r.status = 'SUCCEEDED'`]
      : [withHeldOf([batchId]), sql`r.status <> 'SUCCEEDED' and ${isOutcome}`];
  const rows = await db.copyOut(
    sql`
    ${opening}
    select r.position, r.attempt, i.custom_id, r.status, r.error_code, r.error_message,
           ${longBytes(bytes, isRemoved)}, ${shortOnly(sql`r.response`, bytes)} ${withAccounts ? accounts : sql``}
    from batches bt join results r on r.batch_id = bt.id
    join items i on i.batch_id = r.batch_id and i.position = r.position
    where bt.id = ${batchId}::uuid and r.position > ${page.after} and r.position <= ${page.to}
      and i.position > ${page.after} and i.position <= ${page.to} and i.batch_id = ${batchId}::uuid and ${batchInScope(scope, sql`i.batch_id`)}
      and ${isLine}
    order by r.position ${limitOf(page)}`,
    page.memory,
  );
  return pageOf(rows, withAccounts ? new AccountedResult(rows) : new CopiedResult(rows));
}

const pageOf = <Row>(rows: CopiedRows, row: Row): Page<Row> => ({
  count: rows.count,
  row(place) {
    rows.goTo(place);
    return row;
  },
});

/** The row that is gone to, its columns by their places in the statement. */
class CopiedRequest implements PagedRequest {
  readonly #row: CopiedRows;

  constructor(row: CopiedRows) {
    this.#row = row;
  }

  get position() {
    return this.#row.integer(0) ?? 0;
  }

  get customId() {
    return this.#row.copied(1) ?? '';
  }

  get endpoint() {
    return this.#row.copied(2) ?? '';
  }

  get longBytes() {
    return this.#row.integer(3);
  }

  get body() {
    return this.#row.copied(4);
  }
}

class CopiedResult implements PagedResult {
  protected readonly row: CopiedRows;

  constructor(row: CopiedRows) {
    this.row = row;
  }

  get position() {
    return this.row.integer(0) ?? 0;
  }

  get attempt() {
    return this.row.integer(1) ?? 0;
  }

  get customId() {
    return this.row.copied(2) ?? '';
  }

  get status() {
    return this.row.copied(3) ?? '';
  }

  get errorCode() {
    return this.row.text(4);
  }

  get errorMessage() {
    return this.row.text(5);
  }

  get longBytes() {
    return this.row.integer(6);
  }

  get body() {
    return this.row.copied(7);
  }
}

class AccountedResult extends CopiedResult {
  get stopReason() {
    return this.row.text(8);
  }

  get cost() {
    return this.row.text(9);
  }

  get inputTokens() {
    return this.#number(10);
  }

  get outputTokens() {
    return this.#number(11);
  }

  get cachedInputTokens() {
    return this.#number(12);
  }

  get cacheWriteInputTokens() {
    return this.#number(13);
  }

  get reasoningTokens() {
    return this.#number(14);
  }

  #number(column: number): number | null {
    const text = this.row.text(column);
    return text === null ? null : Number(text);
  }
}
