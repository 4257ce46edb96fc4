/**
 * One change to many subscribers of the same operation. Both servers are woken by the same kind of notification, and
 * the clock runs from it until the last subscriber has its message: the service reads, executes and serialises
 * meanwhile, the bare server only sends.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import type { BenchRow, Measured } from '../row.ts';
import { median } from '../row.ts';
import { channel, type Round, type SubscribersTask } from './wire.ts';

const rounds = 15;
const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const query = `subscription($id: ID!) { batchUpdated(id: $id) { fromSeq seq kind kinds resync at
  batch { id uuid name status progress version counts { total pending submitted succeeded errored expired cancelled }
    createdAt updatedAt jobs(first: 10) { edges { node { id number status } } } } } }`;

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
  const database = await bench.database();
  const service = await bench.service({
    databaseUrl: database.url,
    // A change after the other, each as soon as the one before was told.
    settings: { EVENTS_PER_SECOND_MAX: '1000' },
    args: ['--role', 'api'],
  });
  const made = await service.query(
    `mutation { createBatch(input: { provider: "openai" }) { ... on CreateBatchPayload { batch { id uuid } } } }`,
  );
  const { id, uuid } = (made['createBatch'] as { batch: { id: string; uuid: string } }).batch;
  const task = { databaseUrl: database.url, key: service.key, count, query, variables: { id } };

  bench.say(`${count} subscribers connect to the service`);
  const watching = await subscribers(bench, { ...task, url: `${service.url.replace('http', 'ws')}/graphql` });
  const rename = (name: string) =>
    service.query(
      `mutation($input: UpdateBatchInput!) { updateBatch(input: $input) { ... on UpdateBatchPayload { batch { version } } } }`,
      { input: { batchId: id, name } },
    );
  await watching.round(() => rename('warm'));

  bench.say(`${count} subscribers connect to the bare server`);
  const bare = await lines(bench.program(program('bare-server.ts'), [database.url, watching.sample]));
  const other = await subscribers(bench, { ...task, url: (await bare.next<{ url: string }>()).url });
  const notify = () => database.query(`select pg_notify('${channel}', 'bench ${uuid} 0')`);
  await other.round(notify);

  const committed = async () => {
    const [row] = await database.query(
      'select xact_commit from pg_stat_database where datname = current_database()',
    );
    return Number(row?.['xact_commit']);
  };
  const committedBefore = await committed();
  const work: Round[] = [];
  const limit: Round[] = [];
  for (let at = 0; at < rounds; at += 1) {
    work.push(await watching.round(() => rename(`name ${at}`)));
    limit.push(await other.round(notify));
  }
  const transactions = (await committed()) - committedBefore;
  const rate = ({ lastMilliseconds }: Round) => (count / lastMilliseconds) * 1000;
  return {
    work: work.map(rate),
    limit: limit.map(rate),
    facts: [
      {
        what: 'from the notification to the first hand',
        value: median(work.map(({ firstMilliseconds }) => firstMilliseconds)),
        unit: 'ms',
      },
      {
        what: 'of the bare server',
        value: median(limit.map(({ firstMilliseconds }) => firstMilliseconds)),
        unit: 'ms',
      },
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

/** Subscribers that are connected and have their first message. */
async function subscribers(bench: Bench, task: SubscribersTask) {
  const child = bench.program(program('subscribers.ts'), [JSON.stringify(task)]);
  const said = await lines(child);
  let { sample } = await said.next<{ sample: string }>();
  return {
    get sample() {
      return sample;
    },
    /** Makes a change, and answers when everybody had it. */
    async round(change: () => Promise<unknown>): Promise<Round> {
      child.stdin?.write('round\n');
      await said.next();
      await change();
      const round = await said.next<Round>();
      sample = round.sample;
      return round;
    },
  };
}

/** The lines that a program prints, as JSON. */
async function lines(child: ChildProcess) {
  if (child.stdout === null) throw new Error('a program is heard by its output');
  const iterator = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async next<Line>(): Promise<Line> {
      const { done, value } = await iterator.next();
      if (done) throw new Error('a program ended before it had said everything');
      return JSON.parse(value) as Line;
    },
  };
}
