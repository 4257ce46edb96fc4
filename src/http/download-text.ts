/**
 * The text of a download, piece by piece, straight from Postgres at the pace of its reader. Each page is a statement of
 * its own, so a slow reader holds no connection, no snapshot and no lock, and of the lines no more than two pages: the
 * one that it reads and the next one, which is fetched meanwhile.
 */
import type { Database } from '../db/client.ts';
import { CopyMemory } from '../db/copy-out.ts';
import {
  type DownloadPage,
  type PagedBody,
  type PagedResult,
  requestPage,
  resultPage,
} from '../db/queries/downloads.ts';
import { itemRequests, itemResponses } from '../db/queries/item-pages.ts';
import type { DownloadKind, RequestFormat, ResultFormat } from '../domain/download.ts';
import {
  csvHeader,
  isTorn,
  type LineReading,
  type LineSource,
  quotedLine,
  type ResultRow,
  requestFrames,
  resultFrame,
  resultLines,
} from '../domain/download-lines.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { LineBuffer } from './line-buffer.ts';

/** What is read, and for whom. */
export interface DownloadSource {
  readonly db: Database;
  readonly scope: OrganizationScope;
  readonly batchId: string;
  /** The position that the lines lie after. */
  readonly after: number;
  /** Told of lines before they are sent. */
  readonly onLines: (count: number) => void;
}

/** How many bytes a page is to have, as far as the page before tells; the memory for one doubles at two megabytes. */
const bytesPerPage = 1.9 * 1024 * 1024;
/** What is fetched at once of long bodies. */
const bytesPerPiece = 1024 * 1024;
const linesMax = 4000;
/** How many lines are read before anything is known of their size. */
const linesAtFirst = 100;

/** The requests of a batch. A piece is good until the next is asked for: then its memory is written over. */
export function requestText(
  { db, scope, batchId, after, onLines }: DownloadSource,
  format: RequestFormat,
): AsyncGenerator<Buffer> {
  const frame = requestFrames[format];
  return textOf({
    after,
    onLines,
    read: (page) => requestPage(scope, db, batchId, page),
    write(row, body, buffer) {
      const { before, after: behind } = frame(row);
      buffer.add(before, body ?? '', behind);
    },
    async bodies(rows) {
      const keys = rows.map(({ position }) => ({ batchId, position }));
      const found = await db.read((q) => itemRequests(scope, q, keys));
      return new Map(found.map(({ position, request }) => [position, request]));
    },
  });
}

/** The results of a batch that succeeded, or all others; in pieces as those of requests. */
export async function* resultText(
  { db, scope, batchId, after, onLines }: DownloadSource,
  kind: Exclude<DownloadKind, 'input'>,
  format: ResultFormat,
  reading: LineReading,
): AsyncGenerator<Buffer> {
  // What goes on after a position is put behind what is there already.
  if (format === 'csv' && after < 0) yield Buffer.from(`${csvHeader}\n`);
  const withAccounts = format === 'flat' || format === 'csv';
  yield* textOf<PagedResult>({
    after,
    onLines,
    read: (page) => resultPage(scope, db, batchId, { kind, withAccounts }, page),
    write: format === 'verbatim' ? writeFramed : writerOf(format, { ...reading, batchId }),
    async bodies(rows) {
      const keys = rows.map(({ position, attempt }) => ({ batchId, position, attempt }));
      const found = await db.read((q) => itemResponses(scope, q, keys));
      return new Map(found.map(({ position, response }) => [position, response]));
    },
  });
}

type Body = Buffer | string | null;
type Writer<Row> = (row: Row, body: Body, buffer: LineBuffer) => void;

/** The provider's line goes through as the bytes that it is. */
const writeFramed: Writer<ResultRow> = (row, body, buffer) => {
  const { before, after } = resultFrame(row);
  buffer.add(before, isTorn(row) && body !== null ? quotedLine(String(body)) : (body ?? 'null'), after);
};

const writerOf =
  (format: Exclude<ResultFormat, 'verbatim'>, source: LineSource): Writer<ResultRow> =>
  (row, body, buffer) =>
    buffer.add(resultLines[format]({ ...row, response: body === null ? null : String(body) }, source));

/** How the lines of a download are read and written. */
interface Lines<Row> {
  readonly after: number;
  readonly onLines: (count: number) => void;
  readonly read: (page: DownloadPage) => Promise<Row[]>;
  readonly write: Writer<Row>;
  /** The bodies of rows that were too long for their page, by position. */
  readonly bodies: (rows: readonly Row[]) => Promise<Map<number, string>>;
}

type PagedRow = PagedBody & { readonly position: number };

/** A page as it is sent; where long bodies belong into it they are fetched when their turn comes. */
interface ReadPage<Row> {
  readonly rows: readonly Row[];
  readonly isWritten: boolean;
}

/** What a page lies in, as it came and as it is sent. */
interface Memory {
  readonly rows: CopyMemory;
  readonly text: LineBuffer;
}

const newMemory = (): Memory => ({ rows: new CopyMemory(), text: new LineBuffer() });

async function* textOf<Row extends PagedRow>(lines: Lines<Row>): AsyncGenerator<Buffer> {
  // While one page is sent, the next is read into the other.
  let [memory, other] = [newMemory(), newMemory()];
  let limit = linesAtFirst;
  let coming: Promise<ReadPage<Row>> | null = readPage(lines, { after: lines.after, limit }, memory);
  while (coming !== null) {
    const { rows, isWritten }: ReadPage<Row> = await coming;
    const last: Row | undefined = rows.at(-1);
    if (last === undefined) return;
    const isLast: boolean = rows.length < limit;
    const bytes = memory.rows.bytes.length;
    limit = Math.min(linesMax, Math.ceil(bytesPerPage / (bytes / rows.length)));
    coming = isLast ? null : readPage(lines, { after: last.position, limit }, other);
    // A reader that goes away leaves it to itself; whoever still waits for it is told.
    coming?.catch(() => undefined);
    if (isWritten) {
      lines.onLines(rows.length);
      yield memory.text.bytes;
    } else yield* piecesOf(lines, rows, memory.text);
    [memory, other] = [other, memory];
  }
}

/** Written at once, so that what a page was made of is garbage before the page before has left. */
async function readPage<Row extends PagedRow>(
  lines: Lines<Row>,
  page: Omit<DownloadPage, 'memory'>,
  { rows: memory, text }: Memory,
): Promise<ReadPage<Row>> {
  const rows = await lines.read({ ...page, memory });
  const isWritten = rows.every(({ longBytes }) => longBytes === null);
  text.clear();
  if (isWritten) for (const row of rows) lines.write(row, row.body, text);
  return { rows, isWritten };
}

/** The text of a page, cut where what is still to be fetched becomes too much. */
async function* piecesOf<Row extends PagedRow>(
  lines: Lines<Row>,
  rows: readonly Row[],
  buffer: LineBuffer,
): AsyncGenerator<Buffer> {
  for (let from = 0; from < rows.length; ) {
    let to = from;
    let bytes = 0;
    do {
      bytes += rows[to]?.longBytes ?? 0;
      to += 1;
    } while (to < rows.length && bytes + (rows[to]?.longBytes ?? 0) <= bytesPerPiece);
    const piece = rows.slice(from, to);
    from = to;
    lines.onLines(piece.length);
    const missing = piece.filter(({ longBytes }) => longBytes !== null);
    const bodies = missing.length === 0 ? new Map<number, string>() : await lines.bodies(missing);
    buffer.clear();
    for (const row of piece) {
      const body = row.longBytes === null ? row.body : bodies.get(row.position);
      // Half a line would be taken for a whole one; the download breaks off instead.
      if (body === undefined) throw new Error('a body was removed while it was downloaded');
      lines.write(row, body, buffer);
    }
    yield buffer.bytes;
  }
}
