/** The clauses about deleting what a provider keeps of a job: all of it goes, and a job that is asked for again is no fault. */
import type { KeptJob } from '../provider.ts';
import { type Bench, noSignal } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom, skip } from './demands.ts';

/** Checks BQ-K…. */
export const deleting: readonly Check[] = [
  {
    id: 'BQ-K01',
    level: 'MUST',
    title: 'What a provider keeps of a job, its requests and its results, is gone once it was deleted.',
    source: 'contract: ProviderClient.deleteFiles',
    async run(bench) {
      const deleteFiles = deletionOf(bench);
      const job = await finishedJob(bench);
      demand((await keptBy(bench)).length > 0, 'nothing was kept of a job that is over');
      await deleteFiles(job, noSignal);
      const left = await keptBy(bench);
      demand(left.length === 0, `${left.join(', ')} is still there`);
    },
  },
  {
    id: 'BQ-K02',
    level: 'MUST',
    title:
      'Deleting what is gone already is done; of a job that never came to be there is nothing to delete.',
    source: 'contract: ProviderClient.deleteFiles',
    async run(bench) {
      const deleteFiles = deletionOf(bench);
      const job = await finishedJob(bench);
      await deleteFiles(job, noSignal);
      await deleteFiles(job, noSignal);
      await deleteFiles(nothing, noSignal);
    },
  },
  {
    id: 'BQ-K03',
    level: 'MUST',
    title:
      'A deletion that is answered with 500 is told as one that failed and may pass, and can be made again.',
    source: 'contract: ProviderClient.deleteFiles',
    async run(bench) {
      const deleteFiles = deletionOf(bench);
      const job = await finishedJob(bench);
      const before = await keptBy(bench);
      bench.fault(bench.operations.delete ?? '', { kind: 'answer', status: 500 });
      await failureFrom(() => deleteFiles(job, noSignal), 'unavailable', 'throttled');
      await deleteFiles(job, noSignal);
      demand((await keptBy(bench)).length < before.length, 'it deletes nothing when it is asked again');
    },
  },
];

const nothing: KeptJob = {
  providerJobId: null,
  checkpoint: null,
  inputFileId: null,
  outputFileId: null,
  errorFileId: null,
};

const deletionOf = ({ provider, client }: Bench) => {
  const { deleteFiles } = client;
  const { deletion } = provider.capabilities;
  demand(deletion === (deleteFiles !== null), 'what it says of deleting is not what it can do');
  if (deleteFiles === null) skip('this provider deletes nothing');
  return deleteFiles;
};

const finishedJob = async (bench: Bench): Promise<KeptJob> => {
  const job = await bench.submit(bench.draft(bench.few(1)));
  const { inputFileId, outputFileId, errorFileId } = await bench.finish(job);
  const { providerJobId, checkpoint } = job;
  return { providerJobId, checkpoint, inputFileId, outputFileId, errorFileId };
};

const keptBy = async ({ emulator }: Bench): Promise<readonly string[]> => (await emulator.kept?.()) ?? [];
