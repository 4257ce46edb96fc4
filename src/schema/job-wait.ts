/** What a job waits for, as a type. */
import { type JobWait, jobWaitKinds, waitMessage } from '../domain/job-wait.ts';
import { builder } from './builder.ts';
import { described } from './enums.ts';

const JobWaitKindType = builder.enumType('JobWaitKind', {
  description: 'What a job that could be sent waits for.',
  values: described(jobWaitKinds, {
    TURN: 'Its provider shows no key of ours, so that jobs of one key are sent one after the other.',
    REQUESTS: 'Its provider lets only so many requests wait.',
    TOKENS: 'Its provider takes only so many tokens at once.',
    JOBS: 'Its provider works on only so many jobs at once.',
  }),
});

/** What a job waits for. */
export const JobWaitType = builder.objectRef<JobWait>('JobWait').implement({
  description: 'What a job that could be sent waits for, as it was when it last looked.',
  fields: (t) => {
    const amount = (description: string, of: (wait: JobWait) => number | null) =>
      t.field({ type: 'BigInt', nullable: true, description, resolve: of });
    return {
      kind: t.field({
        type: JobWaitKindType,
        description: 'What it waits for.',
        resolve: ({ kind }) => kind,
      }),
      limit: amount('The most that its provider takes at once; null for a TURN.', ({ limit }) => limit),
      current: amount('How much is there; null for a TURN.', ({ current }) => current),
      requested: amount('How much it would add; null for a TURN.', ({ requested }) => requested),
      model: t.exposeString('model', {
        nullable: true,
        description: 'The model whose room it is; null where it is not by model.',
      }),
      ahead: t.exposeInt('ahead', {
        description:
          'How many jobs that wait, too, come before it, those of others included; counted up to 100.',
      }),
      message: t.string({ description: 'The same for people.', resolve: waitMessage }),
    };
  },
});
