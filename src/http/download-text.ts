/**
 * The text of a download, piece by piece, straight from Postgres at the pace of its reader. Each page is a statement of
 * its own, so a slow reader holds no connection, no snapshot and no lock, and of the lines no more than two pages: the
 * one that it reads and the next one, which is fetched meanwhile.
 */
import type { Database } from '../db/client.ts';
import {
  type DownloadPage,
  type PagedRequest,
  type PagedResult,
  requestPage,
  resultPage,
} from '../db/queries/downloads.ts';
import { itemRequests, itemResponses } from '../db/queries/item-pages.ts';
import type { DownloadKind, RequestFormat, ResultFormat } from '../domain/download.ts';
import { csvHeader, type LineReading, requestLines, resultLines } from '../domain/download-lines.ts';
import type { OrganizationScope } from '../domain/scope.ts';

/** What is read, and for whom. */
export interface DownloadSource {
  readonly db: Database;
  readonly scope: OrganizationScope;
  readonly batchId: string;
  /** The position that the lines lie after. */
  readonly after: number;
  /** Told of lines before they are sent. */
  readonly onLines?: (count: number) => void;
}

/** How many bytes a page is to have, as far as the page before tells; and what is fetched at once of long bodies. */
const bytesPerPiece = 1024 * 1024;
const linesMax = 1000;
/** How many lines are read before anything is known of their size. */
const linesAtFirst = 100;
/** About what a line has beside its body. */
const lineBytes = 100;

/** The requests of a batch. */
export async function* requestText(
  { db, scope, batchId, after, onLines }: DownloadSource,
  format: RequestFormat,
): AsyncGenerator<string> {
  const read = (page: DownloadPage) => db.read((q) => requestPage(scope, q, batchId, page));
  for await (const rows of pieces(read, after, (row) => row.request === null)) {
    onLines?.(rows.length);
    const missing = rows.filter(({ request }) => request === null);
    const bodies = byPosition(
      missing.length === 0 ? [] : await db.read((q) => itemRequests(scope, q, missing)),
    );
    yield linesOf(rows, (row) =>
      requestLines[format]({ ...row, request: row.request ?? found(bodies.get(row.position)).request }),
    );
  }
}

/** The results of a batch that succeeded, or all others. */
export async function* resultText(
  { db, scope, batchId, after, onLines }: DownloadSource,
  kind: Exclude<DownloadKind, 'input'>,
  format: ResultFormat,
  reading: LineReading,
): AsyncGenerator<string> {
  // What goes on after a position is put behind what is there already.
  if (format === 'csv' && after < 0) yield `${csvHeader}\n`;
  const withAccounts = format === 'flat' || format === 'csv';
  const read = (page: DownloadPage) =>
    db.read((q) => resultPage(scope, q, batchId, { kind, withAccounts }, page));
  const isLong = (row: PagedResult) => row.response === null && row.bytes > 0;
  for await (const rows of pieces(read, after, isLong)) {
    onLines?.(rows.length);
    const missing = rows.filter(isLong);
    const lines = byPosition(
      missing.length === 0 ? [] : await db.read((q) => itemResponses(scope, q, missing)),
    );
    yield linesOf(rows, (row) =>
      resultLines[format](
        isLong(row) ? { ...row, response: found(lines.get(row.position)).response } : row,
        reading,
      ),
    );
  }
}

/** The rows of all pages, cut where what is still to be fetched becomes too much. */
async function* pieces<Row extends PagedRequest | PagedResult>(
  read: (page: DownloadPage) => Promise<Row[]>,
  after: number,
  isLong: (row: Row) => boolean,
): AsyncGenerator<Row[]> {
  const bytesIn = (rows: Row[]) => rows.reduce((sum, row) => sum + (isLong(row) ? 0 : row.bytes), 0);
  for await (const rows of pages(read, after, bytesIn)) {
    let piece: Row[] = [];
    let bytes = 0;
    for (const row of rows) {
      const more = isLong(row) ? row.bytes : 0;
      if (bytes > 0 && bytes + more > bytesPerPiece) {
        yield piece;
        [piece, bytes] = [[], 0];
      }
      piece.push(row);
      bytes += more;
    }
    yield piece;
  }
}

/** Page after page, the next one being read while one is used. */
async function* pages<Row extends { position: number }>(
  read: (page: DownloadPage) => Promise<Row[]>,
  after: number,
  bytesIn: (rows: Row[]) => number,
): AsyncGenerator<Row[]> {
  let limit = linesAtFirst;
  let coming: Promise<Row[]> | null = read({ after, limit });
  while (coming !== null) {
    const rows: Row[] = await coming;
    const last = rows.at(-1);
    if (last === undefined) return;
    const isLast = rows.length < limit;
    limit = Math.min(linesMax, Math.ceil(bytesPerPiece / (bytesIn(rows) / rows.length + lineBytes)));
    coming = isLast ? null : read({ after: last.position, limit });
    // A reader that goes away leaves it to itself; whoever still waits for it is told.
    coming?.catch(() => undefined);
    yield rows;
  }
}

const byPosition = <Row extends { position: number }>(rows: readonly Row[]): Map<number, Row> =>
  new Map(rows.map((row) => [row.position, row]));

/** Half a line would be taken for a whole one; the download breaks off instead. */
function found<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error('a body was removed while it was downloaded');
  return row;
}

const linesOf = <Row>(rows: readonly Row[], write: (row: Row) => string): string =>
  rows.map((row) => `${write(row)}\n`).join('');
