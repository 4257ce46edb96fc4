/** What a job that could be sent waits for, as it is kept with the job and told to people. */
import type { QueueUnit, RoomLack } from './queue-room.ts';

/** The kinds of waits: for its turn among jobs that are sent one at a time, or for room at its provider. */
export const jobWaitKinds = ['TURN', 'REQUESTS', 'TOKENS', 'JOBS'] as const satisfies readonly (
  | 'TURN'
  | QueueUnit
)[];
/** A kind of wait. */
export type JobWaitKind = (typeof jobWaitKinds)[number];

/** What a job waits for, as it was when it last asked. */
export interface JobWait {
  readonly kind: JobWaitKind;
  /** The most that may be at the provider, what is there, and what the job would add; null for a turn. */
  readonly limit: number | null;
  readonly current: number | null;
  readonly requested: number | null;
  /** The model whose room it is; null where it is not by model. */
  readonly model: string | null;
  /** How many that wait, too, come before it. */
  readonly ahead: number;
}

/** The wait for a turn. */
export const turnWait = (ahead: number): JobWait => ({
  kind: 'TURN',
  limit: null,
  current: null,
  requested: null,
  model: null,
  ahead,
});

/** The wait for room. */
export const roomWait = ({ unit, ...lack }: RoomLack, ahead: number): JobWait => ({
  kind: unit,
  ...lack,
  ahead,
});

/** The word for it where a job's last error stands. */
export const waitCode = ({ kind }: Pick<JobWait, 'kind'>): string =>
  kind === 'TURN' ? 'waiting_for_turn' : 'waiting_for_room';

/** The same for people. */
export function waitMessage(wait: JobWait): string {
  const what = messages[wait.kind](wait);
  const ahead = wait.ahead === 1 ? 'One job is before it.' : `${wait.ahead} jobs are before it.`;
  return wait.ahead === 0 ? what : `${what} ${ahead}`;
}

const messages = {
  TURN: () =>
    'Its provider shows no key of ours, so that jobs of one credential are sent one after the other; it waits for its turn.',
  REQUESTS: ({ limit, current, requested }) =>
    `Its provider lets ${limit} requests wait at once: ${current} do, and this job would add ${requested}.`,
  TOKENS: ({ limit, current, requested, model }) =>
    `Its provider takes about ${limit} tokens at once${model === null ? '' : ` for ${model}`}: about ${current} are there, and this job would add ${requested}.`,
  JOBS: ({ limit, current, model }) =>
    `Its provider works on ${limit} jobs at once${model === null ? '' : ` for ${model}`}, and has ${current}.`,
} as const satisfies Record<JobWaitKind, (wait: JobWait) => string>;
