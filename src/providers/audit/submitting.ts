/** The clauses about sending a job: everything arrives, as it is, and nothing is ever created twice. */
import { isFinalJob } from '../../domain/status.ts';
import type { FaultEffect } from '../emulation.ts';
import { type Bench, type Draft, lineOf, noGuard, noSignal } from './bench.ts';
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
      const { providerJobId, report } = await bench.submit(bench.draft(bench.few(2)));
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
      const draft = bench.draft(bench.few(49));
      await bench.submit(draft);
      const [batch] = await bench.emulator.batches();
      demand(
        batch?.keys.join() === draft.names.join(),
        'the provider was given other keys, or in another order',
      );
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
        const client = bench.provider.connect(bench.via(tap.baseUrl), { clock: bench.clock });
        const draft = bench.draft(awkwardBodies(bench));
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
      const { requestsMin } = bench.provider.limits;
      for (const count of [1, 2, 40]) {
        await bench.submit(bench.draft(bench.bodies(Math.max(count, requestsMin + count - 1))));
      }
      const accepted = (await bench.emulator.batches()).length;
      for (const difference of [-1, 1]) {
        const draft = bench.draft(bench.few(2));
        const { encodedBytes } = draft.submission();
        const outcome = await settled(bench, draft, encodedBytes + difference);
        if (bench.provider.capabilities.resumable) continue;
        demand(outcome === 'failed', `a job of ${difference} bytes more than it said was sent`);
      }
      if (bench.provider.capabilities.resumable) return;
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
      const draft = bench.draft(bench.few(2));
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
      const failure = await failureFrom(() => bench.submit(bench.draft(bench.few(2))), 'rejected');
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
      const draft = bench.draft(bench.few(2));
      await failureFrom(() => bench.submit(draft, { signal: abort.signal }), 'uncertain');
    },
  },
  {
    id: 'BQ-S13',
    level: 'MUST',
    title: 'A submission whose items break off in the middle creates nothing.',
    source: 'contract: ProviderClient.submit',
    async run(bench) {
      if (bench.provider.capabilities.resumable) skip('it is completed by the next try: BQ-S15');
      const draft = bench.draft(bench.bodies(Math.min(3_000, bench.provider.limits.requestsMax ?? 3_000)));
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
      const draft = bench.draft(bench.few(2));
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
  {
    id: 'BQ-S15',
    level: 'MUST',
    title: 'A submission that broke off between its parts is completed by the next try, each item once.',
    source: 'contract: ProviderCapabilities.resumable',
    async run(bench) {
      const { add } = bench.operations;
      if (!bench.provider.capabilities.resumable || add === undefined) skip('a job is created whole');
      for (const effect of [{ kind: 'drop' }, { kind: 'accept-and-drop' }] as const) {
        const draft = bench.draft(bench.few(9));
        bench.fault(add, effect);
        await failureFrom(() => bench.submit(draft), 'unavailable');
        demand(draft.checkpoint !== null, 'nothing was saved that the next try could go on from');
        await bench.submit(draft);
        const batch = (await bench.emulator.batches()).at(-1);
        demand(batch?.keys.join() === draft.names.join(), 'items are missing or doubled');
      }
      demand((await bench.emulator.batches()).length === 2, 'a job was begun anew');
    },
  },
  {
    id: 'BQ-S16',
    level: 'MUST',
    title: 'What is found of a submission that broke off says so, and is completed from what it says.',
    source: 'contract: Sighting.unfinished',
    async run(bench) {
      const { add } = bench.operations;
      if (!bench.provider.capabilities.resumable || add === undefined) skip('a job is created whole');
      const draft = bench.draft(bench.few(9));
      bench.fault(add, { kind: 'drop' });
      await failureFrom(() => bench.submit(draft), 'unavailable');
      draft.checkpoint = null;
      const [sighting, ...others] = await bench.client.find(draft.submission(), noSignal);
      demand(sighting !== undefined && others.length === 0, 'it was not found, or more than once');
      demand(sighting.unfinished !== undefined, 'it passes for complete');
      draft.checkpoint = sighting.unfinished;
      await bench.submit(draft);
      const [found] = await bench.client.find(draft.submission(), noSignal);
      demand(found !== undefined && found.unfinished === undefined, 'once complete it passes for unfinished');
      const [batch, more] = await bench.emulator.batches();
      demand(more === undefined && batch?.keys.join() === draft.names.join(), 'it was not completed');
    },
  },
];

/** Bodies that any rewriting would change: each begins with members that the provider does not know. */
const awkwardBodies = (bench: Bench): string[] =>
  bench.few(awkwardMembers.length - 1).map((body, index) => {
    const members = awkwardMembers[index];
    return members === undefined ? body : body.replace('{', `{${members},`);
  });

const awkwardMembers = [
  '"seed":12345678901234567890,"x":"\\u00e9\\/\\ud83d\\ude00 é 😀"',
  ' "seed" : 6.40e1 ,\t"x":[ {"a":"a\\tb"} ] ',
  '"x":1,"x":"}{][\\"\\\\"',
];

/** Submits against a creation that goes wrong: uncertain, called once, and so many batches created. */
const createsOnce = async (bench: Bench, effect: FaultEffect, created: number): Promise<void> => {
  bench.fault(bench.operations.create, effect, Number.POSITIVE_INFINITY);
  await failureFrom(() => bench.submit(bench.draft(bench.few(2))), 'uncertain');
  const calls = bench.callsOf(bench.operations.create);
  demand(calls === 1, `the creation was called ${calls} times`);
  demand((await bench.emulator.batches()).length === created, `it did not create ${created} batches`);
};

const deaf = { saveCheckpoint: async () => {}, signal: noSignal, guard: noGuard };

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
  yield* items.slice(0, Math.floor((items.length * 2) / 3));
  throw new Error('the items broke off');
}
