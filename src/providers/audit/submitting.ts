/** The clauses about sending a job: everything arrives, as it is, and nothing is ever created twice. */
import { isFinalJob } from '../../domain/status.ts';
import type { FaultEffect } from '../emulation.ts';
import { type Bench, type Draft, lineOf, noSignal, sampleBodies } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom, skip } from './demands.ts';
import { tapWire } from './wire.ts';

/** Checks BQ-S…. */
export const submitting: readonly Check[] = [
  {
    id: 'BQ-S01',
    level: 'MUST',
    title: "A submission answers the provider's id for the job and a first report of it.",
    source: 'contract: ProviderClient.submit',
    async run(bench) {
      const { providerJobId, report } = await bench.submit(bench.draft(sampleBodies(3)));
      const [batch] = await bench.emulator.batches();
      demand(batch?.id === providerJobId, 'the id is not the one that the provider gave');
      demand(report.status !== null && !isFinalJob(report.status), `it begins as ${report.status}`);
      demand(report.raw.includes(providerJobId), 'the report does not carry what the provider said');
    },
  },
  {
    id: 'BQ-S02',
    level: 'MUST',
    title: 'The items arrive under our keys, in the order of their positions, each once.',
    source: 'contract: SubmitPorts.items',
    async run(bench) {
      const draft = bench.draft(sampleBodies(50));
      await bench.submit(draft);
      const [batch] = await bench.emulator.batches();
      const keys = draft.items.map((item) => item.key);
      demand(batch?.keys.join() === keys.join(), 'the provider was given other keys, or in another order');
    },
  },
  {
    id: 'BQ-S03',
    level: 'MUST',
    title: 'Every body is sent byte for byte as it came: long integers, escapes, blanks and doubled members.',
    source: 'contract: Encoding; design: bodies are text',
    async run(bench) {
      const tap = await tapWire(bench.emulator.baseUrl);
      try {
        const client = bench.provider.connect(
          { baseUrl: tap.baseUrl, apiKey: bench.emulator.apiKey },
          { clock: bench.clock },
        );
        const draft = bench.draft(awkwardBodies);
        await bench.submit(draft, { client });
        const heard = tap.heard();
        for (const item of draft.items) {
          demand(
            heard.includes(lineOf(bench.provider, item)),
            `a body did not arrive as it was: ${item.body}`,
          );
        }
      } finally {
        await tap.close();
      }
    },
  },
  {
    id: 'BQ-S04',
    level: 'MUST',
    title: 'What is sent is exactly as long as the submission says; where it is not, nothing is created.',
    source: 'contract: Submission.encodedBytes, Encoding.frameBytes',
    async run(bench) {
      for (const count of [1, 2, 40]) await bench.submit(bench.draft(sampleBodies(count)));
      const accepted = (await bench.emulator.batches()).length;
      for (const difference of [-1, 1]) {
        const draft = bench.draft(sampleBodies(3));
        const { encodedBytes } = draft.submission();
        const outcome = await settled(bench, draft, encodedBytes + difference);
        demand(outcome === 'failed', `a job of ${difference} bytes more than it said was sent`);
      }
      demand((await bench.emulator.batches()).length === accepted, 'a job of another length was created');
    },
  },
  {
    id: 'BQ-S05',
    level: 'MUST',
    title: 'A creation that is answered with 500 is uncertain, and is not tried again.',
    source: 'facts 0.2: default retries submit twice',
    run: (bench) => createsOnce(bench, { kind: 'answer', status: 500, body: '{}' }, 0),
  },
  {
    id: 'BQ-S06',
    level: 'MUST',
    title: 'A creation whose connection breaks unanswered is uncertain, and is not tried again.',
    source: 'facts 0.2: default retries submit twice',
    run: (bench) => createsOnce(bench, { kind: 'drop' }, 0),
  },
  {
    id: 'BQ-S07',
    level: 'MUST',
    title: 'A creation that was done and whose answer is lost is uncertain, and is not tried again.',
    source: 'facts 0.2: accepted and dropped',
    run: (bench) => createsOnce(bench, { kind: 'accept-and-drop' }, 1),
  },
  {
    id: 'BQ-S08',
    level: 'MUST',
    title: 'A creation whose answer cannot be read is uncertain, and is not tried again.',
    source: 'contract: ProviderFailureKind uncertain',
    run: (bench) => createsOnce(bench, { kind: 'rewrite', rewrite: () => '<html>Welcome</html>' }, 1),
  },
  {
    id: 'BQ-S09',
    level: 'MUST',
    title: 'A creation whose answer is torn is uncertain, and is not tried again.',
    source: 'contract: ProviderFailureKind uncertain',
    run: (bench) => createsOnce(bench, { kind: 'tear', afterBytes: 10 }, 1),
  },
  {
    id: 'BQ-S10',
    level: 'MUST',
    title: 'A creation that is throttled is throttled, created nothing, and can be tried again.',
    source: 'contract: ProviderFailureKind throttled',
    async run(bench) {
      const draft = bench.draft(sampleBodies(3));
      bench.fault(bench.operations.create, { kind: 'answer', status: 429, body: '{}' });
      await failureFrom(() => bench.submit(draft), 'throttled');
      demand(bench.callsOf(bench.operations.create) === 1, 'it was tried again at once');
      await bench.submit(draft);
      demand((await bench.emulator.batches()).length === 1, 'the second try did not create one batch');
    },
  },
  {
    id: 'BQ-S11',
    level: 'MUST',
    title: 'A creation that the provider refuses is rejected.',
    source: 'contract: ProviderFailureKind rejected',
    async run(bench) {
      bench.fault(bench.operations.create, {
        kind: 'answer',
        status: 400,
        body: '{"error":{"message":"No."}}',
      });
      const failure = await failureFrom(() => bench.submit(bench.draft(sampleBodies(3))), 'rejected');
      demand(failure.status === 400, 'the failure does not carry the status');
    },
  },
  {
    id: 'BQ-S12',
    level: 'MUST',
    title: 'A submission that is aborted after it left is uncertain.',
    source: 'contract: SubmitPorts.signal',
    async run(bench) {
      const abort = new AbortController();
      const rewrite = (body: string): string => {
        abort.abort();
        return body;
      };
      bench.fault(bench.operations.create, { kind: 'rewrite', rewrite });
      const draft = bench.draft(sampleBodies(3));
      await failureFrom(() => bench.submit(draft, { signal: abort.signal }), 'uncertain');
    },
  },
  {
    id: 'BQ-S13',
    level: 'MUST',
    title: 'A submission whose items break off in the middle creates nothing.',
    source: 'contract: ProviderClient.submit',
    async run(bench) {
      const draft = bench.draft(sampleBodies(3_000));
      const outcome = await bench.client
        .submit(draft.submission(), { ...deaf, items: () => breakOff(draft) })
        .then(
          () => 'sent',
          () => 'failed',
        );
      demand(outcome === 'failed', 'it succeeded');
      demand((await bench.emulator.batches()).length === 0, 'a part of the job was created');
    },
  },
  {
    id: 'BQ-S14',
    level: 'SHOULD',
    title: 'What an earlier try has saved is not sent again.',
    source: 'contract: SubmitPorts.saveCheckpoint',
    async run(bench) {
      const draft = bench.draft(sampleBodies(3));
      bench.fault(bench.operations.create, { kind: 'answer', status: 429, body: '{}' });
      await failureFrom(() => bench.submit(draft), 'throttled');
      if (draft.checkpoint === null) skip('a submission is a single call and saves nothing on the way');
      const before = bench.emulator.calls.length;
      await bench.submit(draft);
      const [batch] = await bench.emulator.batches();
      demand(batch?.keys.length === draft.items.length, 'the second try created another job');
      const again = bench.emulator.calls.slice(before).filter((call) => call.method !== 'GET');
      demand(again.length === 1, `the second try sent ${again.map((call) => call.operation).join(' and ')}`);
    },
  },
];

const awkwardBodies = [
  '{"model":"audit-1","max_tokens":64,"seed":12345678901234567890,"messages":[{"role":"user","content":"\\u00e9\\/\\ud83d\\ude00 é 😀"}]}',
  '{ "model" : "audit-1" ,\t"max_tokens":6.4e1, "messages":[ {"role":"user","content":"a\\tb"} ] }',
  '{"model":"audit-0","model":"audit-1","max_tokens":64,"messages":[{"content":"}{][\\"\\\\","role":"user"}]}',
];

/** Submits against a creation that goes wrong: uncertain, called once, and so many batches created. */
const createsOnce = async (bench: Bench, effect: FaultEffect, created: number): Promise<void> => {
  bench.fault(bench.operations.create, effect, Number.POSITIVE_INFINITY);
  await failureFrom(() => bench.submit(bench.draft(sampleBodies(3))), 'uncertain');
  const calls = bench.callsOf(bench.operations.create);
  demand(calls === 1, `the creation was called ${calls} times`);
  demand((await bench.emulator.batches()).length === created, `it did not create ${created} batches`);
};

const deaf = { saveCheckpoint: async () => {}, signal: noSignal };

/** Whether a draft goes through under another length than it has. */
const settled = (bench: Bench, draft: Draft, encodedBytes: number): Promise<'sent' | 'failed'> =>
  bench.client
    .submit(draft.submission({ encodedBytes }), {
      ...deaf,
      async *items() {
        yield* draft.items;
      },
    })
    .then(
      () => 'sent',
      () => 'failed',
    );

/** The first items of a draft, and then an error, as a database that goes away would give it. */
async function* breakOff({ items }: Draft) {
  yield* items.slice(0, 2_000);
  throw new Error('the items broke off');
}
