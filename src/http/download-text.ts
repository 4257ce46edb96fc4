/**
 * The text of a download, piece by piece, straight from Postgres at the pace of its reader. Each page is a statement of
 * its own, so a slow reader holds no connection, no snapshot and no lock, and of the lines no more than three pages: the
 * one that it reads, the next one, written, and the one behind that, as it came.
 */
import type { Database } from '../db/client.ts';
import { CopyMemory } from '../db/copy-out.ts';
import {
  type DownloadPage,
  type Page,
  type PagedBody,
  type PagedResult,
  requestPage,
  resultPage,
} from '../db/queries/downloads.ts';
import { itemRequests, itemResponses } from '../db/queries/item-pages.ts';
import type { DownloadKind, RequestFormat, ResultFormat } from '../domain/download.ts';
import {
  csvHeader,
  type LineReading,
  type LineSource,
  resultLines,
  type Text,
  writeRequest,
  writeVerbatim,
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
  /** The last position of the batch. */
  readonly to: number;
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

/**
 * The requests of a batch. A piece is good until the one after the next is asked for, so that one can be written while the
 * one before leaves; then its memory is written over.
 */
export function requestText(
  { db, scope, batchId, after, to, onLines }: DownloadSource,
  format: RequestFormat,
): AsyncGenerator<Buffer> {
  const write = writeRequest[format];
  return textOf({
    after,
    to,
    onLines,
    read: (page) => requestPage(scope, db, batchId, page),
    write: (row, body, line) => write(row, body ?? '', line),
    keyOf: ({ position }) => ({ batchId, position }),
    async bodies(keys) {
      const found = await db.read((q) => itemRequests(scope, q, keys));
      return new Map(found.map(({ position, request }) => [position, request]));
    },
  });
}

/** The results of a batch that succeeded, or all others; in pieces as those of requests. */
export async function* resultText(
  { db, scope, batchId, after, to, onLines }: DownloadSource,
  kind: Exclude<DownloadKind, 'input'>,
  format: ResultFormat,
  reading: LineReading,
): AsyncGenerator<Buffer> {
  // What goes on after a position is put behind what is there already.
  if (format === 'csv' && after < 0) yield Buffer.from(`${csvHeader}\n`);
  const withAccounts = format === 'flat' || format === 'csv';
  yield* textOf({
    after,
    to,
    onLines,
    read: (page) => resultPage(scope, db, batchId, { kind, withAccounts }, page),
    write: format === 'verbatim' ? writeVerbatim : writerOf(format, { ...reading, batchId }),
    keyOf: ({ position, attempt }) => ({ batchId, position, attempt }),
    async bodies(keys) {
      const found = await db.read((q) => itemResponses(scope, q, keys));
      return new Map(found.map(({ position, response }) => [position, response]));
    },
  });
}

type Writer<Row> = (row: Row, body: Text | null, line: LineBuffer) => void;

const writerOf =
  (format: Exclude<ResultFormat, 'verbatim'>, source: LineSource): Writer<PagedResult> =>
  (row, body, line) =>
    line.add(resultLines[format](row, body === null ? null : String(body), source));

/** How the lines of a download are read and written. */
interface Lines<Row, Key> {
  readonly after: number;
  readonly to: number;
  readonly onLines: (count: number) => void;
  readonly read: (page: DownloadPage) => Promise<Page<Row>>;
  readonly write: Writer<Row>;
  /** What the body of a row is found by. */
  readonly keyOf: (row: Row) => Key;
  /** The bodies of rows that were too long for their page, by position. */
  readonly bodies: (keys: readonly Key[]) => Promise<ReadonlyMap<number, string>>;
}

type PagedRow = PagedBody & { readonly position: number };

async function* textOf<Row extends PagedRow, Key>(lines: Lines<Row, Key>): AsyncGenerator<Buffer> {
  // While what was written into one of each is sent, the other is written; and while a page is written, the next is read.
  let [memory, otherMemory] = [new CopyMemory(), new CopyMemory()];
  const buffers = [new LineBuffer(), new LineBuffer()] as const;
  let pieces = 0;
  let stretch: Stretch | null = stretchAfter(lines.after, lines.to, {
    span: linesAtFirst,
    lines: linesAtFirst,
  });
  let coming = stretch && lines.read({ ...stretch, memory });
  while (stretch !== null && coming !== null) {
    const page: Page<Row> = await coming;
    const { count } = page;
    const reached: number = count > 0 && count === stretch.limit ? page.row(count - 1).position : stretch.to;
    stretch = stretchAfter(
      reached,
      lines.to,
      wishAfter(stretch, { count, reached, bytes: memory.bytes.length }),
    );
    coming = stretch && lines.read({ ...stretch, memory: otherMemory });
    // A reader that goes away leaves it to itself; whoever still waits for it is told.
    coming?.catch(() => undefined);
    for (let from = 0; from < count; ) {
      const buffer = buffers[pieces % 2 === 0 ? 0 : 1];
      pieces += 1;
      const piece = pieceFrom(page, from, lines.keyOf);
      await writePiece(lines, page, piece, buffer);
      lines.onLines(piece.to - from);
      yield buffer.bytes;
      from = piece.to;
    }
    [memory, otherMemory] = [otherMemory, memory];
  }
}

type Stretch = Omit<DownloadPage, 'memory'>;

/** How many positions are to be looked at, and how many lines found there. */
interface Wish {
  readonly span: number;
  readonly lines: number;
}

/** The rows after a position; null where none can be. */
const stretchAfter = (after: number, last: number, { span, lines }: Wish): Stretch | null =>
  after >= last ? null : { after, to: Math.min(last, after + span), limit: span > lines ? lines : null };

/** What to look for next, by what was found: as many lines as make a page, in as many positions as seem to have them. */
function wishAfter(
  { after }: Stretch,
  { count, reached, bytes }: { readonly count: number; readonly reached: number; readonly bytes: number },
): Wish {
  const positions = reached - after;
  if (count === 0) return { span: positions * growthMax, lines: linesAtFirst };
  const lines = Math.min(linesMax, Math.ceil(bytesPerPage / (bytes / count)));
  const share = count / positions;
  return {
    span: share > denseShare ? lines : Math.min(positions * growthMax, Math.ceil(lines / share)),
    lines,
  };
}

/** From which share of positions on all of them are read, so that no limit is needed. */
const denseShare = 0.5;
/** How many times as many positions are looked at as before, at the most: what is not known yet may be dense. */
const growthMax = 8;

/** Rows of a page that are sent as one, and what their long bodies are found by. */
interface Piece<Key> {
  readonly from: number;
  /** The place behind the last. */
  readonly to: number;
  readonly missing: readonly Key[];
}

/** A page is sent as one, or cut where what is still to be fetched becomes too much. */
function pieceFrom<Row extends PagedRow, Key>(
  page: Page<Row>,
  from: number,
  keyOf: (row: Row) => Key,
): Piece<Key> {
  const missing: Key[] = [];
  let bytes = 0;
  for (let to = from; to < page.count; to += 1) {
    const row = page.row(to);
    if (row.longBytes === null) continue;
    bytes += row.longBytes;
    if (bytes > bytesPerPiece && to > from) return { from, to, missing };
    missing.push(keyOf(row));
  }
  return { from, to: page.count, missing };
}

async function writePiece<Row extends PagedRow, Key>(
  lines: Lines<Row, Key>,
  page: Page<Row>,
  { from, to, missing }: Piece<Key>,
  buffer: LineBuffer,
): Promise<void> {
  const bodies = missing.length === 0 ? null : await lines.bodies(missing);
  buffer.clear();
  for (let place = from; place < to; place += 1) {
    const row = page.row(place);
    const body = row.longBytes === null ? row.body : bodies?.get(row.position);
    // Half a line would be taken for a whole one; the download breaks off instead.
    if (body === undefined) throw new Error('a body was removed while it was downloaded');
    lines.write(row, body, buffer);
    buffer.endLine();
  }
}
