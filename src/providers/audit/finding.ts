/** The clauses about finding a submission whose answer was lost, without which a crash would pay twice. */

import type { Sighting } from '../provider.ts';
import { type Bench, type Draft, noSignal } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom, skip } from './demands.ts';

/** Checks BQ-F…. */
export const finding: readonly Check[] = [
  {
    id: 'BQ-F01',
    level: 'MUST',
    title: 'A submission whose answer was lost is found again, with the proof that the provider claims.',
    source: 'facts 0.3: recovery after a crash',
    async run(bench) {
      const draft = bench.draft(bench.few(4));
      const id = await loseAnswer(bench, draft);
      const sightings = await find(bench, draft);
      demand(
        sightings.some((sighting) => sighting.providerJobId === id),
        'it was not found',
      );
      demand(
        sightings.every((sighting) => sighting.proof === bench.provider.capabilities.recovery),
        `the proof is not ${bench.provider.capabilities.recovery}`,
      );
    },
  },
  {
    id: 'BQ-F02',
    level: 'MUST',
    title: 'A submission that was never sent is not found, and looking for it creates nothing.',
    source: 'contract: ProviderClient.find',
    async run(bench) {
      await bench.submit(bench.draft(bench.few(2)));
      const sightings = await find(bench, bench.draft(bench.few(4)));
      demand(sightings.length === 0, 'a job of another size was found');
      demand(bench.callsOf(bench.operations.create) === 1, 'looking created something');
    },
  },
  {
    id: 'BQ-F03',
    level: 'MUST',
    title: 'A job of the same size that was there before we meant to send ours is not found.',
    source: 'facts 0.3: recovery after a crash',
    async run(bench) {
      await bench.submit(bench.draft(bench.few(4)));
      bench.clock.advance({ hours: 1 });
      const sightings = await find(bench, bench.draft(bench.few(4)));
      demand(sightings.length === 0, 'an older job was taken for ours');
    },
  },
  {
    id: 'BQ-F04',
    level: 'MUST',
    title: 'A lost submission is found behind any number of newer jobs.',
    source: "facts 1 and 2: the providers' lists come in pages",
    async run(bench) {
      const draft = bench.draft(bench.few(4));
      const id = await loseAnswer(bench, draft);
      for (let newer = 0; newer < newerJobs; newer += 1) await bench.submit(bench.draft(bench.few()));
      const sightings = await find(bench, draft);
      demand(
        sightings.some((sighting) => sighting.providerJobId === id),
        'it was not found',
      );
    },
  },
  {
    id: 'BQ-F05',
    level: 'MUST',
    title: 'The evidence of a sighting names the job and carries nothing of its requests.',
    source: 'contract: Sighting.evidence',
    async run(bench) {
      const draft = bench.draft(bench.few(4));
      const id = await loseAnswer(bench, draft);
      const [sighting] = await find(bench, draft);
      const evidence = JSON.stringify(sighting?.evidence ?? {});
      demand(evidence.includes(id), 'the evidence does not name the job');
      demand(!evidence.includes('Item'), 'the evidence carries a prompt');
    },
  },
  {
    id: 'BQ-F06',
    level: 'MUST',
    title: 'A search that cannot be finished fails; it never answers that there is nothing.',
    source: 'contract: ProviderClient.find',
    async run(bench) {
      const draft = bench.draft(bench.few(4));
      await loseAnswer(bench, draft);
      bench.fault('*', { kind: 'answer', status: 500, body: '{}' });
      await failureFrom(() => find(bench, draft), 'unavailable');
      bench.fault('*', { kind: 'rewrite', rewrite: () => '{}' });
      await failureFrom(() => find(bench, draft), 'malformed');
    },
  },
];

/** More than any page of a list holds. */
const newerJobs = 110;

const loseAnswer = async (bench: Bench, draft: Draft): Promise<string> => {
  if (bench.provider.capabilities.recovery === 'NONE') skip('this provider shows nothing to find a job by');
  bench.fault(bench.operations.create, { kind: 'accept-and-drop' });
  const outcome = await bench.submit(draft).then(
    () => 'answered',
    () => 'lost',
  );
  const batch = (await bench.emulator.batches()).at(-1);
  demand(outcome === 'lost' && batch !== undefined, 'no answer could be lost');
  return batch.id;
};

const find = (bench: Bench, draft: Draft): Promise<readonly Sighting[]> =>
  bench.client.find(draft.submission(), noSignal);
