/**
 * One change to many subscribers of the same operation. Another process makes the same change for both servers, each of a
 * batch that only its own subscribers follow, and the clock runs from its notification until the last subscriber has its
 * message: the service reads, executes and serialises meanwhile, the bare server only sends.
 */
import type { Bench } from '../bench.ts';
import type { BenchRow, Measured } from '../row.ts';
import { median } from '../row.ts';
import { lines, program, subscribers } from './programs.ts';
import { watchedBatch } from './watched-batch.ts';
import type { Round } from './wire.ts';

const rounds = 15;
const warmUps = 5;

/** The row with so many subscribers. */
export const fanout = (count: number): BenchRow => ({
  name: `fanout-${count}`,
  work: `one change to ${count} WebSocket subscribers of one operation`,
  limit: 'a bare ws server that sends the same bytes',
  source: 'bench/live/bare-server.ts',
  unit: 'messages/s',
  reach: { of: 'ratio', least: 0.7 },
  run: (bench) => measure(bench, count),
});

async function measure(bench: Bench, count: number): Promise<Measured> {
  const { database, service, task, watched, unwatched } = await watchedBatch(bench);

  bench.say(`${count} subscribers connect to the service`);
  const watching = await subscribers(bench, { ...task, count });

  bench.say(`${count} subscribers connect to the bare server`);
  const bare = await lines(
    bench.program(program('bare-server.ts'), [database.url, unwatched.uuid, watching.sample]),
  );
  const { url } = await bare.next<{ url: string }>();
  const other = await subscribers(bench, { ...task, count, url, batch: unwatched.uuid });

  const committed = async () => {
    const [row] = await database.query(
      'select xact_commit from pg_stat_database where datname = current_database()',
    );
    return Number(row?.['xact_commit']);
  };
  let committedBefore = 0;
  const work: Round[] = [];
  const limit: Round[] = [];
  for (let at = 0; at < warmUps + rounds; at += 1) {
    if (at === warmUps) committedBefore = await committed();
    const told = await watching.round(() => watched.rename(`name ${at}`));
    const sent = await other.round(() => unwatched.rename(`name ${at}`));
    if (at < warmUps) continue;
    work.push(told);
    limit.push(sent);
  }
  const transactions = (await committed()) - committedBefore;
  const rate = ({ notified, last }: Round) => (count / (last - notified)) * 1000;
  const untilFirst = (all: readonly Round[]) => median(all.map(({ notified, first }) => first - notified));
  return {
    work: work.map(rate),
    limit: limit.map(rate),
    facts: [
      { what: 'from the notification to the first hand', value: untilFirst(work), unit: 'ms' },
      { what: 'the same of the bare server', value: untilFirst(limit), unit: 'ms' },
      {
        // The operation's own statements are among them: one execution for each subscriber would be so many.
        what: 'transactions of the database for each change, the change itself and the limit among them',
        value: transactions / rounds,
        unit: '',
        most: 30,
      },
      { what: 'resident memory of the service', value: (await service.residentBytes()) / 1e6, unit: 'MB' },
    ],
  };
}
