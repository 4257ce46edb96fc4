/** Statements on results. What they answer is what they really added, so a line that is read twice counts once. */
import { and, eq, sql } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { ResultStatus } from '../../domain/status.ts';
import { type Counted, type Tally, tallyOfSame } from '../../domain/tally.ts';
import { binaryRows, copyRows, uuidBytes } from '../binary-rows.ts';
import type { Queryable } from '../client.ts';
import { type ResultRow, results } from '../tables/results.ts';
import { isOutcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** A result without what the statement itself supplies. */
export type NewResult = Omit<ResultRow, 'batchId' | 'attempt' | 'jobId' | 'seq' | 'finishedAt'>;

/** What is counted of a result, for the model that its request names. */
export interface CountedResult extends Counted {
  readonly position: number;
  readonly model: string | null;
}

/** What the results of one statement share. */
export interface ResultOrigin {
  readonly batchId: string;
  readonly jobId: string | null;
  readonly attempt: number;
  readonly seq: number;
  readonly at: Date;
}

/** Results of a job that are to be added, written for COPY as they are read; what counts of each is kept beside it. */
export class ResultRows {
  #counted: CountedResult[] = [];
  readonly #rows = binaryRows(copiedColumns.length);
  readonly #batchId: Buffer;
  readonly #jobId: Buffer;
  readonly #attempt: number;

  constructor({
    batchId,
    id,
    attempt,
  }: { readonly batchId: string; readonly id: string; readonly attempt: number }) {
    this.#batchId = uuidBytes(batchId);
    this.#jobId = uuidBytes(id);
    this.#attempt = attempt;
  }

  /** Takes all of them out, to be filled anew; not before those were added that it held. */
  clear(): void {
    this.#counted = [];
    this.#rows.clear();
  }

  get counted(): readonly CountedResult[] {
    return this.#counted;
  }

  add(result: NewResult, model: string | null): void {
    const { position, status, cost, saved } = result;
    const { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens } = result;
    const usage = { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens };
    this.#counted.push({ position, model, status, cost, saved, ...usage });
    const rows = this.#rows;
    rows.row();
    // Known when they are added.
    rows.integer(0);
    rows.moment(new Date(0));
    rows.uuid(this.#batchId);
    rows.uuid(this.#jobId);
    rows.integer(this.#attempt);
    rows.integer(position);
    rows.text(status);
    rows.text(result.errorCode);
    rows.text(result.errorMessage);
    rows.boolean(result.retryable);
    rows.text(result.stopReason);
    rows.bigint(inputTokens);
    rows.bigint(outputTokens);
    rows.bigint(cachedInputTokens);
    rows.bigint(cacheWriteInputTokens);
    rows.bigint(reasoningTokens);
    rows.numeric(cost);
    rows.numeric(saved);
    rows.text(result.response);
  }

  /** The rows but for those at these places, of an event and a moment. */
  encoded({ seq, at }: Pick<ResultOrigin, 'seq' | 'at'>, except: ReadonlySet<number>): Buffer {
    const first = binaryRows(2, 64);
    first.row();
    first.integer(seq);
    first.moment(at);
    this.#rows.overwrite(first);
    return this.#rows.encoded(except);
  }
}

const copiedColumns = [
  ...[
    'seq',
    'finished_at',
    'batch_id',
    'job_id',
    'attempt',
    'position',
    'status',
    'error_code',
    'error_message',
  ],
  ...['retryable', 'stop_reason', 'input_tokens', 'output_tokens', 'cached_input_tokens'],
  ...['cache_write_input_tokens', 'reasoning_tokens', 'cost', 'saved', 'response'],
];
const copyStatement = `copy results (${copiedColumns.join(', ')}) from stdin (format binary)`;

/**
 * Adds results, and answers what counts of those that were added; those whose (batch, position, attempt) is there already
 * stay as they are and do not count. Whoever calls holds the batch's row, so that nobody adds any meanwhile; if somebody
 * did, the primary key would refuse all of it.
 */
export async function insertResults(
  worker: WorkerScope,
  tx: Queryable,
  origin: ResultOrigin,
  rows: ResultRows,
): Promise<readonly CountedResult[]> {
  const taken = new Set(await positionsThere(worker, tx, origin, rows.counted));
  const left = new Set<number>();
  for (const [place, { position }] of rows.counted.entries()) {
    if (taken.has(position)) left.add(place);
    // What comes twice is taken once, the first time.
    taken.add(position);
  }
  const added = rows.counted.filter((_, place) => !left.has(place));
  if (added.length > 0) await copyRows(tx, copyStatement, rows.encoded(origin, left));
  return added;
}

async function positionsThere(
  _worker: WorkerScope,
  tx: Queryable,
  { batchId, attempt }: ResultOrigin,
  asked: readonly CountedResult[],
): Promise<number[]> {
  if (asked.length === 0) return [];
  const positions = asked.map(({ position }) => position);
  const rows = await tx
    .select({ position: results.position })
    .from(results)
    .where(
      and(
        eq(results.batchId, batchId),
        eq(results.attempt, attempt),
        sql`${results.position} = any(${sql.param(positions)}::int[])`,
      ),
    );
  return rows.map(({ position }) => position);
}

/** Gives every item of `positions` that has no result in this attempt the same one, and no response; answers what that comes to. */
export async function settleMissing(
  scope: Scope,
  tx: Queryable,
  origin: ResultOrigin,
  missing: {
    positions: string;
    status: ResultStatus;
    errorCode: string;
    errorMessage: string;
    retryable: boolean | null;
  },
): Promise<Tally> {
  const { rowCount } = await tx.execute(sql`
    insert into results (batch_id, job_id, attempt, seq, finished_at, position, status, error_code, error_message, retryable)
    select ${origin.batchId}::uuid, ${origin.jobId}::uuid, ${origin.attempt}::int, ${origin.seq}::int,
      ${origin.at.toISOString()}::timestamptz, p, ${missing.status}, ${missing.errorCode}, ${missing.errorMessage},
      ${missing.retryable}::bool
    from unnest(${missing.positions}::int4multirange) as r, generate_series(lower(r), upper(r) - 1) as p
    where ${batchInScope(scope, sql`${origin.batchId}::uuid`)}
    on conflict do nothing`);
  return tallyOfSame(missing.status, rowCount ?? 0);
}

/** How many results a job has brought. Reads those of its own items, however many others its batch has. */
export async function countJobResults(
  _worker: WorkerScope,
  db: Queryable,
  job: { id: string; batchId: string; positions: string },
): Promise<number> {
  const {
    rows: [row],
  } = await db.execute<{ count: number }>(sql`
    select count(*)::int as count from unnest(${job.positions}::int4multirange) as p
    join results r on r.batch_id = ${job.batchId}::uuid and r.position >= lower(p) and r.position < upper(p)
    where r.job_id = ${job.id}::uuid`);
  return row?.count ?? 0;
}

/** Removes the results of a batch. */
export async function deleteResults(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(results).where(and(eq(results.batchId, batchId), batchInScope(scope, results.batchId)));
}

/** Failures of one kind in a batch. */
export interface ErrorGroup {
  readonly batchId: string;
  readonly code: string;
  readonly count: number;
  /** The message of the first item that met it. */
  readonly message: string | null;
  /** The first such item. */
  readonly samplePosition: number;
}

/** Codes are a provider's own words; however many it finds, a list stays one that can be read. */
const errorGroupsMax = 100;

/**
 * The failures of batches by code, most frequent first, at most a hundred of each batch; an item that is tried
 * again counts by its newest attempt, and not at all while that is under way.
 */
export async function errorGroups(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<ErrorGroup[]> {
  const { rows } = await db.execute<{ [K in keyof ErrorGroup]: ErrorGroup[K] }>(sql`
    ${withHeldOf(batchIds)}
    select "batchId", code, count, message, "samplePosition" from (
      select batch_id as "batchId", error_code as code, count(*)::int as count,
             (array_agg(error_message order by position))[1] as message, min(position) as "samplePosition",
             row_number() over (partition by batch_id order by count(*) desc, error_code) as place
      from results r join (select id, attempts from batches) bt on bt.id = r.batch_id
      where batch_id = any(${sql.param(batchIds)}::uuid[]) and error_code is not null and ${isOutcome}
        and ${batchInScope(scope, sql`r.batch_id`)}
      group by batch_id, error_code) as ranked
    where place <= ${errorGroupsMax} order by "batchId", place`);
  return rows;
}
