/**
 * Reads a file of requests line by line: what can be taken gathers into chunks of rows, what cannot is told, just as of
 * requests that come inline. Holds one chunk. Whether a custom id was used in an earlier chunk, or is in the batch, is
 * left to whoever stores it.
 */
import { isUtf8 } from 'node:buffer';
import type { ItemRows } from '../db/queries/item-copy.ts';
import { LinePositions } from '../domain/line-positions.ts';
import type { SplitLine } from '../domain/line-splitting.ts';
import { noIssues, type UploadIssues, withIssues } from '../domain/upload.ts';
import type { Issue } from '../errors.ts';
import { acceptDraft, type BatchDefaults, duplicateIssue } from './accept.ts';
import { noRequests, readDraft } from './request-drafts.ts';
import type { RunningEstimate } from './running-estimate.ts';

/** Rows that belong together, to be stored in one transaction, and the line that each stood on by its custom id. */
export interface UploadChunk {
  readonly rows: ItemRows;
  /** In the order of the rows. */
  readonly lineOfId: ReadonlyMap<string, number>;
}

/** What a file is read for. */
export interface ReadingTarget {
  readonly defaults: BatchDefaults;
  /** The position of its first request. */
  readonly firstPosition: number;
  readonly lineBytesMax: number;
  /** No rows yet, for where they are to stand. */
  readonly newRows: () => ItemRows;
  readonly estimate: RunningEstimate;
}

/** So many bytes, or so many rows, are enough for a chunk; with the piece that fills it they stay below 4 MiB. */
const chunkBytes = 3.75 * 1024 * 1024;
const chunkRows = 10_000;

/** A file that is being read. */
export class UploadReading {
  readonly #target: ReadingTarget;
  readonly #lines = new LinePositions();
  #position: number;
  #rows: ItemRows;
  #spare: ItemRows | null = null;
  #lineOfId = new Map<string, number>();
  #issues: UploadIssues = noIssues;
  #requests = 0;
  #bytes = 0;

  constructor(target: ReadingTarget) {
    this.#target = target;
    this.#rows = target.newRows();
    this.#position = target.firstPosition;
  }

  /** What is wrong so far. */
  get issues(): UploadIssues {
    return this.#issues;
  }

  /** How many requests have no fault so far. */
  get requests(): number {
    return this.#requests;
  }

  /** The bytes of their bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is enough for a chunk. */
  get isFull(): boolean {
    return this.#rows.encoded.length >= chunkBytes || this.#rows.count >= chunkRows;
  }

  /** Reads a line. */
  take(line: SplitLine): void {
    this.#tell(this.#read(line));
  }

  /** The rows that have gathered; from now on others gather. */
  cut(): UploadChunk {
    const chunk = { rows: this.#rows, lineOfId: this.#lineOfId };
    this.#rows = this.#spare ?? this.#target.newRows();
    this.#spare = null;
    this.#lineOfId = new Map();
    return chunk;
  }

  /** Takes back what held a chunk that is stored, for another one: new memory for each would keep the collector busy. */
  reuse({ rows }: UploadChunk): void {
    rows.clear();
    this.#spare = rows;
  }

  /** Says that requests of a chunk cannot be taken after all: by line, the position of the one that has the custom id. */
  refuse(taken: ReadonlyMap<number, number>): void {
    this.#requests -= taken.size;
    this.#tell([...taken].map(([line, position]) => this.#duplicate(line, position)));
  }

  /** Says what is wrong with a file without requests, where it is one. */
  end(): void {
    if (this.#requests === 0 && this.#issues.count === 0) this.#tell([noRequests([])]);
  }

  /** What is wrong with the line; nothing where its request can be taken, or it is blank. */
  #read({ number, bytes }: SplitLine): readonly Issue[] {
    const { defaults, lineBytesMax, estimate } = this.#target;
    const place = { path: [], line: number };
    if (bytes === null) return [tooLong(number, lineBytesMax)];
    if (!isUtf8(bytes)) return [{ ...place, message: `Line ${number} is not UTF-8 text.` }];
    const line = bytes.toString('utf8');
    if (line.trim() === '') return [];
    const read = readDraft(line, place, defaults);
    if (!('draft' in read)) return [read];
    const issues: Issue[] = [];
    const accepted = acceptDraft(read.draft, defaults, this.#position, place, issues);
    if (accepted === null) return issues;
    const { item, tokens } = accepted;
    this.#lines.note(this.#position, number);
    this.#position += 1;
    const earlier = this.#lineOfId.get(item.customId);
    if (earlier !== undefined) return [duplicateIssue(place, `the same customId as line ${earlier}`)];
    this.#lineOfId.set(item.customId, number);
    this.#rows.add(item);
    this.#requests += 1;
    this.#bytes += item.bytes;
    estimate.add({ item, tokens });
    return [];
  }

  #duplicate(number: number, position: number): Issue {
    const place = { path: [], line: number };
    if (position < this.#target.firstPosition) {
      return duplicateIssue(place, 'a customId that the batch has already');
    }
    const earlier = this.#lines.lineOf(position);
    return duplicateIssue(
      place,
      `the same customId as ${earlier === null ? 'an earlier line' : `line ${earlier}`}`,
    );
  }

  #tell(issues: readonly Issue[]): void {
    this.#issues = withIssues(this.#issues, issues);
  }
}

const tooLong = (line: number, bytesMax: number): Issue => ({
  path: [],
  line,
  message: `Line ${line} is longer than ${bytesMax} bytes.`,
});
