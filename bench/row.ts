/** What a benchmark is: one kind of work of the service, measured beside its limit in the same run on the same machine. */
import type { Bench } from './bench.ts';

/** One row of the table. */
export interface BenchRow {
  /** What `--row` calls it: small letters, digits and dashes. */
  readonly name: string;
  /** What the service does. */
  readonly work: string;
  /** What it is held against. */
  readonly limit: string;
  /** The file that makes the limit, so that nobody need believe it. */
  readonly source: string;
  /** What both are counted in, such as `rows/s`, `ms` or `MB`. */
  readonly unit: string;
  readonly reach: Reach;
  /** Measures both several times, in turns, so that what else the machine does meets both alike. */
  run(bench: Bench): Promise<Measured>;
}

/**
 * What must be reached. A `ratio` is work divided by limit, a `difference` work minus limit, both of the medians;
 * `least` is for rates, `most` for what should be small.
 */
export type Reach =
  | { readonly of: 'ratio'; readonly least: number }
  | { readonly of: 'ratio'; readonly most: number }
  | { readonly of: 'difference'; readonly most: number };

/** What was measured: one number a repetition, in the row's unit. */
export interface Measured {
  readonly work: readonly number[];
  readonly limit: readonly number[];
  readonly facts?: readonly Fact[];
}

/** Something else that was seen meanwhile; with `most`, something that must hold, too. */
export interface Fact {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly most?: number;
}

/** The middle of some numbers; of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('nothing was measured');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** What came of a row: the number that must be reached, and whether it and all facts are as they must be. */
export function judge(
  { reach }: Pick<BenchRow, 'reach'>,
  { work, limit, facts = [] }: Measured,
): { readonly value: number; readonly reached: boolean } {
  const value = reach.of === 'ratio' ? median(work) / median(limit) : median(work) - median(limit);
  const isReached = 'least' in reach ? value >= reach.least : value <= reach.most;
  return {
    value,
    reached: isReached && facts.every((fact) => fact.most === undefined || fact.value <= fact.most),
  };
}
