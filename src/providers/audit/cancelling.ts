/** The clauses about stopping a job: what was finished is kept, and asking twice does no harm. */
import type { ProviderJob } from '../provider.ts';
import { type Bench, type BenchJob, noSignal } from './bench.ts';
import type { Check } from './check.ts';
import { linesOf } from './collecting.ts';
import { demand, failureFrom, skip } from './demands.ts';

/** Checks BQ-X…. */
export const cancelling: readonly Check[] = [
  {
    id: 'BQ-X01',
    level: 'MUST',
    title: 'A cancelled job is CANCELLED, and what it had finished can be collected.',
    source: 'facts 8: partial results after a cancel',
    async run(bench) {
      const job = await runningJob(bench);
      const answer = await bench.client.cancel(job, noSignal);
      demand(answer.status === 'CANCELLING' || answer.status === 'CANCELLED', `it is ${answer.status}`);
      const report = await bench.finish(asked(bench, job));
      demand(report.status === 'CANCELLED', `it ended as ${report.status}`);
      demand(report.resultsReady, 'its results are not ready');
      const statuses = await outcomesOf(bench, job);
      demand(statuses.includes('SUCCEEDED'), 'what had finished is lost');
      const strange = statuses.find((status) => status !== 'SUCCEEDED' && status !== 'CANCELLED');
      demand(strange === undefined, `an item of a cancelled job is ${strange}`);
    },
  },
  {
    id: 'BQ-X02',
    level: 'MUST',
    title: 'Cancelling a job that is being cancelled, or was, answers its report.',
    source: 'contract: ProviderClient.cancel',
    async run(bench) {
      const job = await runningJob(bench);
      await bench.client.cancel(job, noSignal);
      // A job keeps the moment at which cancelling was first asked for.
      const stopping = asked(bench, job);
      const again = await bench.client.cancel(stopping, noSignal);
      demand(again.status === 'CANCELLING' || again.status === 'CANCELLED', `it is ${again.status}`);
      await bench.finish(stopping);
      const over = await bench.client.cancel(stopping, noSignal);
      demand(over.status === 'CANCELLED', `once over it is ${over.status}`);
    },
  },
  {
    id: 'BQ-X03',
    level: 'MUST',
    title: 'Cancelling a job that has completed answers its report and changes nothing.',
    source: 'contract: ProviderClient.cancel',
    async run(bench) {
      const job = await runningJob(bench);
      await bench.finish(job);
      const answer = await bench.client.cancel(job, noSignal);
      demand(answer.status === 'COMPLETED', `it is ${answer.status}`);
      const statuses = await outcomesOf(bench, job);
      demand(
        statuses.every((status) => status === 'SUCCEEDED'),
        'results were lost',
      );
    },
  },
  {
    id: 'BQ-X04',
    level: 'MUST',
    title: 'Cancelling a job that the provider does not know is rejected with 404.',
    source: 'contract: ProviderClient.cancel',
    async run(bench) {
      const job = await runningJob(bench);
      const unknown = { ...job, providerJobId: `${job.providerJobId}0` };
      const failure = await failureFrom(() => bench.client.cancel(unknown, noSignal), 'rejected');
      demand(failure.status === 404, `the failure carries the status ${failure.status}`);
    },
  },
];

/** Well within the time that a job runs at the bench's pace. */
const halfwaySeconds = 180;

/** A job of which about half is finished. */
const runningJob = async (bench: Bench): Promise<BenchJob> => {
  if (!bench.provider.capabilities.cancel) skip('this provider cannot cancel');
  const job = await bench.submit(bench.draft(bench.few(19)));
  bench.clock.advance({ seconds: halfwaySeconds });
  return job;
};

const asked = (bench: Bench, job: ProviderJob): ProviderJob => ({
  ...job,
  cancelRequestedAt: bench.clock.now(),
});

const outcomesOf = async (bench: Bench, job: ProviderJob): Promise<string[]> => {
  const lines = linesOf(await bench.collect(job, await bench.finish(job)));
  return lines.map((line) => {
    const decoded = bench.provider.decoding.decode(line);
    return decoded.kind === 'result' ? decoded.outcome.status : decoded.kind;
  });
};
