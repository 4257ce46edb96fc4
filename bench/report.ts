/** What a run says at its end: where it ran, and a block for each row with ratio, medians and every repetition. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { type BenchRow, judge, type Measured, median, type Reach } from './row.ts';

/** Where the numbers come from: machine and versions, one line. */
export function machine(): string {
  const { version, optionalDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string; optionalDependencies: Record<string, string> };
  const postgres = Object.values(optionalDependencies)[0]?.replace(/-.*/, '') ?? 'unknown';
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const gibibytes = (totalmem() / 1024 ** 3).toFixed(0);
  const software = `BatchQL ${version}, Node ${process.versions.node}, Postgres ${postgres}`;
  return `${software}; ${availableParallelism()} cores (${model}), ${gibibytes} GiB, ${process.platform} ${process.arch}`;
}

/** One row's block. */
export function report(row: BenchRow, measured: Measured): string {
  const { value, reached } = judge(row, measured);
  const line = (title: string, what: string, values: readonly number[]) =>
    `  ${title.padEnd(6)} ${short(median(values)).padStart(10)} ${row.unit}  ${what}  [${values.map(short).join(' ')}]`;
  return [
    `${reached ? 'reached' : 'MISSED '} ${row.name}: ${row.reach.of} ${rounded(value)}${row.reach.of === 'difference' ? ` ${row.unit}` : ''}, ${wanted(row.reach)}`,
    line('work', row.work, measured.work),
    line('limit', `${row.limit} (${row.source})`, measured.limit),
    ...(measured.facts ?? []).map(
      ({ what, value: seen, unit, most }) =>
        `  fact   ${short(seen).padStart(10)} ${unit}  ${what}${most === undefined ? '' : `, at most ${most}${seen > most ? ': MISSED' : ''}`}`,
    ),
  ].join('\n');
}

/** What a row must reach, in words. */
export const wanted = (reach: Reach): string =>
  'least' in reach ? `at least ${reach.least}` : `at most ${reach.most}`;

const rounded = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 3 : 1);

const short = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en-GB') : value.toPrecision(3);
