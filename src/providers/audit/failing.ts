/** The clauses about what goes wrong on the wire: every trouble has its kind, and no text carries a key. */

import type { FaultEffect } from '../emulation.ts';
import type { ProviderFailureKind } from '../failure.ts';
import { type Bench, noSignal } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom } from './demands.ts';
import { tapWire } from './wire.ts';

/** Checks BQ-E…. */
export const failing: readonly Check[] = [
  {
    id: 'BQ-E01',
    level: 'MUST',
    title: 'Retry-After in seconds says when a throttled call may be tried again.',
    source: 'RFC 9110, 10.2.3',
    run: (bench) => throttledUntil(bench, { 'retry-after': '120' }, 120),
  },
  {
    id: 'BQ-E02',
    level: 'MUST',
    title: 'Retry-After as a date says when a throttled call may be tried again.',
    source: 'RFC 9110, 10.2.3',
    run: (bench) =>
      throttledUntil(
        bench,
        { 'retry-after': new Date(bench.clock.now().getTime() + 90_000).toUTCString() },
        90,
      ),
  },
  {
    id: 'BQ-E03',
    level: 'SHOULD',
    title: 'retry-after-ms says when a throttled call may be tried again, before Retry-After does.',
    source: "facts 1 and 2: the vendors' SDKs honour it",
    run: (bench) => throttledUntil(bench, { 'retry-after': '2', 'retry-after-ms': '1500' }, 1.5),
  },
  {
    id: 'BQ-E04',
    level: 'MUST',
    title: 'A throttled call that does not say until when leaves that open.',
    source: 'contract: ProviderFailure.retryAt',
    run: (bench) => throttledUntil(bench, {}, null),
  },
  {
    id: 'BQ-E05',
    level: 'MUST',
    title: 'A key that the provider does not know is rejected with 401 or 403, and stands in no text.',
    source: 'contract: ProviderFailure.message',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      const { stranger } = bench.emulator;
      const { apiKey } = stranger;
      const client = bench.provider.connect(stranger, { clock: bench.clock });
      const unknown = await failureFrom(() => client.retrieve(job, noSignal), 'rejected');
      demand(
        unknown.status === 401 || unknown.status === 403,
        `the failure carries the status ${unknown.status}`,
      );
      const message = `Incorrect API key provided: ${apiKey}.`;
      const body = JSON.stringify({ type: 'error', error: { type: message, code: message, message } });
      bench.fault('*', { kind: 'answer', status: 401, body });
      const quoted = await failureFrom(() => client.retrieve(job, noSignal), 'rejected');
      const text = `${quoted.message} ${quoted.code} ${quoted.stack} ${JSON.stringify(quoted)}`;
      demand(!text.includes(apiKey), 'the failure carries the key');
    },
  },
  {
    id: 'BQ-E06',
    level: 'MUST',
    title: 'A question that is answered with 500 is unavailable, and is asked once.',
    source: 'contract: ProviderFailureKind unavailable; facts 0.2',
    run: (bench) => everyQuestion(bench, { kind: 'answer', status: 500, body: '{}' }, 'unavailable'),
  },
  {
    id: 'BQ-E07',
    level: 'MUST',
    title: 'A question whose connection breaks is unavailable, and is asked once.',
    source: 'contract: ProviderFailureKind unavailable; facts 0.2',
    run: (bench) => everyQuestion(bench, { kind: 'drop' }, 'unavailable'),
  },
  {
    id: 'BQ-E08',
    level: 'MUST',
    title: 'A question whose answer is torn is unavailable, and is asked once.',
    source: 'contract: ProviderFailureKind unavailable',
    run: (bench) => everyQuestion(bench, { kind: 'tear', afterBytes: 5 }, 'unavailable'),
  },
  {
    id: 'BQ-E09',
    level: 'MUST',
    title: 'A question that is aborted is unavailable.',
    source: 'contract: every method throws ProviderFailure and nothing else',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      await failureFrom(() => bench.client.retrieve(job, AbortSignal.abort()), 'unavailable');
      const abort = new AbortController();
      const rewrite = (body: string): string => {
        abort.abort();
        return body;
      };
      bench.fault('*', { kind: 'rewrite', rewrite });
      await failureFrom(() => bench.client.retrieve(job, abort.signal), 'unavailable');
    },
  },
  {
    id: 'BQ-E10',
    level: 'MUST',
    title:
      'A provider that cannot be reached is unavailable, for a creation too: nothing can have been created.',
    source: 'contract: ProviderFailureKind unavailable',
    async run(bench) {
      const job = await bench.submit(bench.draft(bench.few(2)));
      const gone = await tapWire(bench.emulator.baseUrl);
      await gone.close();
      const client = bench.provider.connect(bench.via(gone.baseUrl), { clock: bench.clock });
      await failureFrom(() => client.retrieve(job, noSignal), 'unavailable');
      await failureFrom(() => bench.submit(bench.draft(bench.few(2)), { client }), 'unavailable');
    },
  },
  {
    id: 'BQ-E11',
    level: 'MUST',
    title: 'The key leaves in the header for credentials and nowhere else.',
    source: 'design: no key in any text',
    async run(bench) {
      const { secret, baseUrl } = bench.emulator;
      const tap = await tapWire(baseUrl);
      try {
        const client = bench.provider.connect(bench.via(tap.baseUrl), { clock: bench.clock });
        const draft = bench.draft(bench.few(2));
        const job = await bench.submit(draft, { client });
        await client.retrieve(job, noSignal);
        await client.find(draft.submission(), noSignal);
        if (bench.provider.capabilities.cancel) await client.cancel(job, noSignal);
        const heard = tap.heard().toString('latin1').replaceAll(credentialHeaders, '');
        demand(
          heard.includes(job.providerJobId) || heard.includes(encodeURIComponent(job.providerJobId)),
          'nothing was heard',
        );
        demand(!heard.includes(secret), 'the key stands in an address, a body or another header');
      } finally {
        await tap.close();
      }
    },
  },
];

const credentialHeaders = /^(?:authorization|x-api-key|x-goog-api-key):.*$/gim;

/** Asks while throttled; `seconds` from now is when the next try is allowed. */
const throttledUntil = async (
  bench: Bench,
  headers: Readonly<Record<string, string>>,
  seconds: number | null,
): Promise<void> => {
  const job = await bench.submit(bench.draft(bench.few(2)));
  bench.fault('*', { kind: 'answer', status: 429, headers, body: '{}' });
  const { retryAt } = await failureFrom(() => bench.client.retrieve(job, noSignal), 'throttled');
  const expected = seconds === null ? null : bench.clock.now().getTime() + seconds * 1000;
  demand((retryAt?.getTime() ?? null) === expected, `the next try is ${retryAt?.toISOString() ?? 'open'}`);
};

/** Asks everything that creates nothing, each against the same trouble. */
const everyQuestion = async (bench: Bench, effect: FaultEffect, kind: ProviderFailureKind): Promise<void> => {
  const draft = bench.draft(bench.few(2));
  const job = await bench.submit(draft);
  const report = await bench.finish(job);
  const running = await bench.submit(bench.draft(bench.few(2)));
  const questions = [
    () => bench.client.retrieve(job, noSignal),
    () => bench.client.find(draft.submission(), noSignal),
    ...(bench.provider.capabilities.cancel ? [() => bench.client.cancel(running, noSignal)] : []),
    () => bench.collect(job, report),
  ];
  for (const question of questions) {
    const before = bench.emulator.calls.length;
    bench.fault('*', effect);
    await failureFrom(question, kind);
    const asked = bench.emulator.calls.length - before;
    demand(asked === 1, `${asked} calls were made`);
  }
};
