/** The clauses about results: all of them, as they are, and from wherever a crash left off. */
import type { DecodedLine, JobReport, ResultChunk } from '../provider.ts';
import { type Bench, type BenchJob, noSignal } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom, skip } from './demands.ts';
import { openForeignHost } from './wire.ts';

/** Checks BQ-C…. */
export const collecting: readonly Check[] = [
  {
    id: 'BQ-C01',
    level: 'MUST',
    title: 'The results carry every key exactly once.',
    source: 'contract: ProviderClient.results',
    async run(bench) {
      const { job, report, keys } = await finished(bench, manyLines(bench));
      const found = keysOf(bench, linesOf(await bench.collect(job, report)));
      demand(found.length === keys.length, `there are ${found.length} results for ${keys.length} items`);
      demand(
        [...found].sort().join() === [...keys].sort().join(),
        'some keys are missing and others are doubled',
      );
    },
  },
  {
    id: 'BQ-C02',
    level: 'MUST',
    title: 'Collecting goes on after any cursor with exactly the lines that came after it.',
    source: 'contract: ResultChunk.cursor',
    async run(bench) {
      const { job, report } = await finished(bench, manyLines(bench));
      const chunks = await bench.collect(job, report);
      demand(chunks.length > 1, 'there is only one chunk to go on after');
      for (const [index, { cursor }] of chunks.entries()) {
        const rest = linesOf(await bench.collect(job, report, cursor));
        const expected = linesOf(chunks.slice(index + 1));
        demand(rest.join('\n') === expected.join('\n'), `after chunk ${index + 1} came other lines`);
      }
    },
  },
  {
    id: 'BQ-C03',
    level: 'MUST',
    title:
      'A torn stream of results gives the whole lines before the tear, is unavailable, and can be resumed.',
    source: 'facts 1: the SDK decoder dies of a torn line',
    async run(bench) {
      const { job, report } = await finished(bench, manyLines(bench));
      const whole = linesOf(await bench.collect(job, report));
      const bytes = Buffer.byteLength(whole.join('\n'));
      const { resultsForm } = bench.provider.capabilities;
      // What a torn page holds cannot be read; the pages before it can.
      if (resultsForm === 'LINES')
        bench.fault(bench.operations.results, { kind: 'tear', afterBytes: Math.floor(bytes * 0.7) });
      else bench.fault(bench.operations.results, { kind: 'tear', afterBytes: 200 }, 1, { after: 1 });
      const lines: string[] = [];
      let cursor: string | null = null;
      await failureFrom(async () => {
        for await (const chunk of bench.client.results({ ...job, report }, null, noSignal)) {
          lines.push(...chunk.lines);
          cursor = chunk.cursor;
        }
      }, 'unavailable');
      demand(lines.length > 0 && lines.length < whole.length, `the tear left ${lines.length} lines`);
      lines.push(...linesOf(await bench.collect(job, report, cursor)));
      const read = new Set(lines);
      demand(read.size === new Set(whole).size, 'a line was torn');
      demand(
        whole.every((line) => read.has(line)),
        'lines are missing after the tear',
      );
    },
  },
  {
    id: 'BQ-C04',
    level: 'MUST',
    title: 'A chunk has at most 4,000 lines, and none of them is empty.',
    source: 'contract: ResultChunk.lines',
    async run(bench) {
      const isLines = bench.provider.capabilities.resultsForm === 'LINES';
      const count = isLines ? moreThanAChunk(bench) : manyLines(bench);
      const { job, report, keys } = await finished(bench, count);
      if (isLines) {
        const rewrite = (body: string): string => `\n${body.replaceAll('\n', '\r\n\n')}`;
        bench.fault(bench.operations.results, { kind: 'rewrite', rewrite });
      }
      const chunks = await bench.collect(job, report);
      demand(
        chunks.every(({ lines }) => lines.length <= 4_000),
        'a chunk has more than 4,000 lines',
      );
      demand(
        chunks.every(({ lines }) => !lines.some((line) => line.trim() === '')),
        'a line is empty',
      );
      demand(linesOf(chunks).length === keys.length, 'lines are missing or more');
    },
  },
  {
    id: 'BQ-C05',
    level: 'MUST',
    title: 'A line is handed over byte for byte as the provider wrote it.',
    source: "design: bodies are text; the provider's results are kept verbatim",
    async run(bench) {
      linesOnly(bench);
      const { job, report, keys } = await finished(bench, 20);
      const sent = new Set<string>();
      bench.fault(bench.operations.results, {
        kind: 'rewrite',
        rewrite(body) {
          const awkward = body.replaceAll(/^\{/gm, '{ "long" : 12345678901234567890 , "e\\u0301":"é🙂",');
          for (const line of awkward.split('\n')) sent.add(line);
          return awkward;
        },
      });
      const lines = linesOf(await bench.collect(job, report));
      demand(
        lines.length === keys.length && lines.every((line) => sent.has(line)),
        'a line was written anew',
      );
    },
  },
  {
    id: 'BQ-C06',
    level: 'MUST',
    title: 'A line that cannot be read is handed over and is malformed; the others are as they were.',
    source: 'design: one malformed line never sticks a batch',
    async run(bench) {
      linesOnly(bench);
      const { job, report, keys } = await finished(bench, 20);
      bench.fault(bench.operations.results, {
        kind: 'rewrite',
        rewrite: (body) => body.replace(/^.*$/m, (line) => line.slice(0, line.length / 2)),
      });
      const lines = linesOf(await bench.collect(job, report));
      demand(lines.length === keys.length, `there are ${lines.length} lines`);
      const malformed = lines.filter((line) => bench.provider.decoding.decode(line).kind === 'malformed');
      demand(malformed.length === 1, `${malformed.length} lines are malformed`);
    },
  },
  {
    id: 'BQ-C07',
    level: 'MUST',
    title: 'A results URL on a foreign host is malformed, and that host is never called.',
    source: 'facts 1: results_url is absolute and the SDK sends the key there',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      await bench.finish(job);
      const foreign = await openForeignHost();
      try {
        const [own, other] = [new URL(bench.emulator.baseUrl).origin, new URL(foreign.baseUrl).origin];
        const rewrite = (body: string): string => body.replaceAll(own, other);
        bench.fault('*', { kind: 'rewrite', rewrite });
        const report = await bench.client.retrieve(job, noSignal);
        if (!report.raw.includes(other)) skip('a report of this provider carries no URL');
        await failureFrom(() => bench.collect(job, report), 'malformed');
        demand(foreign.heard().length === 0, 'the foreign host was called');
      } finally {
        await foreign.close();
      }
    },
  },
  {
    id: 'BQ-C08',
    level: 'MUST',
    title: 'Results that are gone fail as expired or rejected; they are never none.',
    source: 'contract: ProviderFailureKind expired',
    async run(bench) {
      const { job, report } = await finished(bench, 3);
      for (const status of [404, 410]) {
        bench.fault(bench.operations.results, { kind: 'answer', status, body: '{}' });
        await failureFrom(() => bench.collect(job, report), 'expired', 'rejected');
      }
    },
  },
  {
    id: 'BQ-C09',
    level: 'MUST',
    title: 'Results are not read further than they are asked for.',
    source: 'contract: ProviderClient.results streams',
    async run(bench) {
      const { job, report } = await finished(bench, manyLines(bench));
      const lines = manyLines(bench);
      for await (const chunk of bench.client.results({ ...job, report }, null, noSignal)) {
        demand(chunk.lines.length < lines, 'everything came at once');
        break;
      }
      demand(linesOf(await bench.collect(job, report)).length === lines, 'the rest cannot be read any more');
    },
  },
];

/** More than the first chunks hold, where a job may have so many. */
const manyLines = ({ provider }: Bench): number => Math.min(1_100, provider.limits.requestsMax ?? 1_100);

/** More than any chunk may hold, where a job may have so many. */
const moreThanAChunk = ({ provider }: Bench): number => Math.min(4_100, provider.limits.requestsMax ?? 4_100);

/** The bytes of a page's lines are the page's affair. */
const linesOnly = ({ provider }: Bench): void => {
  if (provider.capabilities.resultsForm === 'PAGES')
    skip('the results of this provider come in pages of JSON');
};

/** A job that is over; of `count` items, or of the fewest that a job may have where that is more. */
const finished = async (
  bench: Bench,
  count: number,
): Promise<{ job: BenchJob; report: JobReport; keys: readonly string[] }> => {
  const draft = bench.draft(bench.bodies(Math.max(count, bench.provider.limits.requestsMin)));
  const job = await bench.submit(draft);
  return { job, report: await bench.finish(job), keys: draft.names };
};

/** The lines of all chunks, one after the other. */
export const linesOf = (chunks: readonly ResultChunk[]): string[] => chunks.flatMap(({ lines }) => lines);

const keysOf = (bench: Bench, lines: readonly string[]): string[] =>
  lines.map((line) => bench.provider.decoding.decode(line)).map(keyOf);

const keyOf = (decoded: DecodedLine): string => {
  demand(decoded.kind === 'result', 'a line cannot be read');
  return decoded.key;
};
