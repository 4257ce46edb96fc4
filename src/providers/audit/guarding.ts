/** The clause about the last question before a job is sent, without which a worker that was held up would send it twice. */
import { ProviderFailure } from '../failure.ts';
import type { Bench } from './bench.ts';
import type { Check } from './check.ts';
import { demand, failureFrom } from './demands.ts';

/** Checks BQ-S17…; those before stand in `submitting.ts`. */
export const guarding: readonly Check[] = [
  {
    id: 'BQ-S17',
    level: 'MUST',
    title:
      'A creation leaves only past the guard: where it refuses, however late it is asked, nothing is created.',
    source: 'contract: SubmitPorts.guard',
    async run(bench) {
      const asked = await askedUntilCreated(bench);
      demand(asked > 0, 'the guard was not asked before the creation');
      const before = (await bench.emulator.batches()).length;
      for (let passed = 0; passed < asked; passed += 1) {
        let questions = 0;
        const guard = () => {
          questions += 1;
          if (questions > passed) throw refusal();
        };
        const failure = await failureFrom(
          () => bench.submit(bench.draft(bench.few(9)), { guard }),
          'unavailable',
        );
        demand(failure.code === refusal().code, `it failed for another reason (${failure.code})`);
      }
      demand((await bench.emulator.batches()).length === before, 'something was created past a refusal');
    },
  },
];

const refusal = (): ProviderFailure =>
  new ProviderFailure('unavailable', { code: 'guarded', message: 'The guard refuses.' });

/** How often the guard is asked until the call that creates arrives, in a submission that it lets pass. */
const askedUntilCreated = async (bench: Bench): Promise<number> => {
  let asked = 0;
  let untilCreated = 0;
  const note = (body: string): string => {
    untilCreated = asked;
    return body;
  };
  bench.fault(bench.operations.create, { kind: 'rewrite', rewrite: note });
  const guard = (): void => {
    asked += 1;
  };
  await bench.submit(bench.draft(bench.few(9)), { guard });
  return untilCreated;
};
