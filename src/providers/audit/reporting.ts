/** The clauses about what a job is said to be doing. */
import type { JobCounts, JobReport } from '../provider.ts';
import { type Bench, noSignal } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom, skip } from './demands.ts';

/** Checks BQ-R…. */
export const reporting: readonly Check[] = [
  {
    id: 'BQ-R01',
    level: 'MUST',
    title: "Every phase of a job is reported in our words, in order, each beside the provider's own.",
    source: 'facts 9: status mapping',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(19)));
      const statuses: string[] = [];
      for await (const report of bench.follow(job)) {
        demand(report.providerStatus !== '', "the provider's word is missing");
        demand(
          !bench.provider.capabilities.statusWord || report.raw.includes(`"${report.providerStatus}"`),
          "the provider's word is not what it said",
        );
        if (report.status !== statuses.at(-1)) statuses.push(String(report.status));
      }
      const seen = statuses.filter((status) => status !== 'PENDING').join();
      demand(seen === 'RUNNING,COMPLETED', `the job was reported as ${statuses.join(', ')}`);
    },
  },
  {
    id: 'BQ-R02',
    level: 'MUST',
    title: 'A status word that nobody knows leaves the status open and is kept as it is.',
    source: 'facts 9, rule 3: the vendors add words',
    async run(bench) {
      if (!bench.provider.capabilities.statusWord) skip('this provider has no status words');
      const job = await bench.submit(bench.draft(bench.few(2)));
      const { providerStatus } = await bench.client.retrieve(job, noSignal);
      const rewrite = (body: string): string => body.replaceAll(`"${providerStatus}"`, '"musing"');
      bench.fault('*', { kind: 'rewrite', rewrite }, Number.POSITIVE_INFINITY);
      const report = await bench.client.retrieve(job, noSignal);
      demand(report.status === null, `the word was taken for ${report.status}`);
      demand(report.providerStatus === 'musing', 'the word was not kept');
      demand(!report.resultsReady, 'results were promised');
    },
  },
  {
    id: 'BQ-R03',
    level: 'MUST',
    title: 'A job that the provider does not know is rejected with 404.',
    source: 'contract: ProviderClient.retrieve',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      const unknown = { ...job, providerJobId: `${job.providerJobId}0` };
      const failure = await failureFrom(() => bench.client.retrieve(unknown, noSignal), 'rejected');
      demand(failure.status === 404, `the failure carries the status ${failure.status}`);
    },
  },
  {
    id: 'BQ-R04',
    level: 'MUST',
    title: "A report carries the provider's answer verbatim.",
    source: 'design: one shape for all, with the own answer kept beside it',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      let sent = '';
      const rewrite = (body: string): string => {
        sent = body.replace('{', '{ "new\\u0021" : 12345678901234567890 ,');
        return sent;
      };
      bench.fault('*', { kind: 'rewrite', rewrite });
      const { raw } = await bench.client.retrieve(job, noSignal);
      demand(sent !== '' && raw === sent, 'the answer was written anew');
    },
  },
  {
    id: 'BQ-R05',
    level: 'MUST',
    title:
      'Counts are those of the job or null: the total is never another, and the end accounts for every item.',
    source: 'design: unknown is null, never zero',
    async run(bench) {
      const bodies = mixedBodies(bench);
      const job = await bench.submit(bench.draft(bodies));
      let last: JobReport | null = null;
      for await (const report of bench.follow(job)) {
        const { total } = report.counts;
        demand(total === null || total === bodies.length, `the total is ${total}`);
        demand(known(report.counts) <= bodies.length, 'the parts are more than the whole');
        last = report;
      }
      demand(last !== null, 'the job was never reported on');
      const told = Object.values(last.counts).some((count) => count !== null);
      if (!told && !bench.provider.capabilities.liveCounts) skip('this provider counts nothing');
      const succeeding = bodies.length - 2;
      demand(
        last.counts.succeeded === succeeding,
        `it counts ${last.counts.succeeded} successes, not ${succeeding}`,
      );
      demand(known(last.counts) === bodies.length, 'the end does not account for every item');
    },
  },
  {
    id: 'BQ-R06',
    level: 'MUST',
    title:
      'Counts that only come with the end are null until then, where the provider claims no live counts.',
    source: 'facts 0.4: live progress is not universal',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(19)));
      const seen = new Set<number | null>();
      for await (const { status, counts } of bench.follow(job))
        if (status === 'RUNNING') seen.add(counts.succeeded);
      const live = [...seen].some((count) => count !== null && count > 0);
      const { liveCounts } = bench.provider.capabilities;
      demand(live === liveCounts, liveCounts ? 'no count moved while it ran' : 'counts moved while it ran');
      demand(liveCounts || (seen.size === 1 && seen.has(null)), 'a count that is not known was a number');
    },
  },
  {
    id: 'BQ-R07',
    level: 'MUST',
    title: 'An answer that is no job is malformed.',
    source: 'contract: ProviderFailureKind malformed',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      for (const body of ['<html>', '[]', 'null', '{}', '{"id":7,"status":8,"processing_status":9}']) {
        bench.fault('*', { kind: 'rewrite', rewrite: () => body });
        await failureFrom(() => bench.client.retrieve(job, noSignal), 'malformed');
      }
    },
  },
  {
    id: 'BQ-R08',
    level: 'MUST',
    title: 'A job that ended is ready to be collected, and says when it ended.',
    source: 'contract: JobReport.resultsReady, JobReport.endedAt',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      const { partialResults, tells } = bench.provider.capabilities;
      for await (const { status, resultsReady, endedAt } of bench.follow(job)) {
        const ended = status === 'COMPLETED';
        demand(resultsReady || !ended, 'results are not ready');
        demand(!resultsReady || ended || partialResults, 'results are promised too early');
        demand((endedAt !== null) === (ended && tells.includes('endTime')), 'the time of the end is wrong');
        demand(endedAt === null || endedAt <= bench.clock.now(), 'the end lies in the future');
      }
    },
  },
  {
    id: 'BQ-R09',
    level: 'MUST',
    title: 'A job whose time ran out is EXPIRED, with what was finished ready to be collected.',
    source: 'facts 9, rule 1: every end but a failed validation carries results',
    async run(bench) {
      if (!bench.provider.capabilities.expires) skip('this provider ends no job for its time');
      const job = await bench.submit(bench.draft(bench.few(9, ['emulate:job-expired'])));
      const report = await bench.finish(job);
      demand(report.status === 'EXPIRED', `it is ${report.status}`);
      demand(report.resultsReady, 'its results are not ready');
    },
  },
  {
    id: 'BQ-R10',
    level: 'SHOULD',
    title: 'A job says when it will expire.',
    source: 'contract: JobReport.expiresAt',
    async run(bench) {
      const { report } = await bench.submit(bench.draft(bench.few(2)));
      demand(report.expiresAt !== null && report.expiresAt > bench.clock.now(), 'it does not');
    },
  },
];

/** One that is refused, one that is overloaded, and others that succeed. */
const mixedBodies = (bench: Bench): string[] => bench.few(9, ['emulate:errored', 'emulate:overloaded']);

const known = ({ succeeded, errored, expired, cancelled }: JobCounts): number =>
  (succeeded ?? 0) + (errored ?? 0) + (expired ?? 0) + (cancelled ?? 0);
