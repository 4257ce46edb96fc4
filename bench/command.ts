/**
 * The command line of `npm run bench`: measures every row, or those of `--row`, one after the other, prints each as soon as it is known,
 * and exits with 1 where one misses what it must reach or could not be measured.
 */
import { Command } from 'commander';
import { withBench } from './bench.ts';
import { machine, report, wanted } from './report.ts';
import { type BenchRow, judge } from './row.ts';

interface Options {
  readonly row: readonly string[];
  readonly list?: true;
  readonly full?: true;
}

const collected = (text: string, before: readonly string[]): string[] => [...before, text];

/** Runs the command line `args` over `all`, and answers the exit code. */
export async function bench(args: readonly string[], all: readonly BenchRow[]): Promise<number> {
  const program = new Command('npm run bench --')
    .description('Measures the service, each kind of work beside its limit: docs/performance.md.')
    .option('--row <name>', 'only this row; repeatable', collected, [])
    .option('--list', 'prints the rows and measures none')
    .option('--full', 'the large sizes, which take long');
  const options = program.parse(args, { from: 'user' }).opts<Options>();
  if (options.list) {
    for (const row of all)
      console.log(`${row.name}  ${row.work}, against ${row.limit}: ${wanted(row.reach)}`);
    return 0;
  }
  const unknown = options.row.find((name) => all.every((row) => row.name !== name));
  if (unknown !== undefined) {
    console.error(`There is no row ${unknown}; there are ${all.map(({ name }) => name).join(', ')}.`);
    return 1;
  }
  console.log(`${machine()}\n`);
  const missed: string[] = [];
  for (const row of all) {
    if (options.row.length > 0 && !options.row.includes(row.name)) continue;
    console.error(`${row.name} …`);
    try {
      const measured = await withBench(options.full ?? false, (parts) => row.run(parts));
      console.log(`${report(row, measured)}\n`);
      if (!judge(row, measured).reached) missed.push(row.name);
    } catch (error) {
      console.error(error);
      missed.push(row.name);
    }
  }
  console.log(missed.length === 0 ? 'Every row is reached.' : `Not reached: ${missed.join(', ')}.`);
  return missed.length === 0 ? 0 : 1;
}
