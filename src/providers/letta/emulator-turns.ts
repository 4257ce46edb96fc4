/**
 * When each agent's turn comes, and what is said in it. Pure: everything follows from the job as written and from the
 * clock, and what was said once stays where it stands.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { foreignKey } from '../emulator/endings.ts';
import { itemFate } from '../emulator/fate.ts';
import { finishOrder, lifeAt } from '../emulator/life.ts';
import { agentOf } from './emulator-creation.ts';
import { answered, type Draft, firstStep, toldTo, usesTools } from './emulator-speech.ts';
import type { KeptJob, Switches } from './emulator-store.ts';

/** A message: what it says, to or from whom, and a number that is its own in the job. */
export interface Said {
  readonly draft: Draft;
  /** Null where it names nobody. */
  readonly agentId: string | null;
  readonly serial: number;
}

/** Everything that was said by `now`: first what the agents were told, in their order, then turn after turn. */
export function* saidBy(
  job: KeptJob,
  requests: readonly JsonObject[],
  switches: Switches,
  now: Date,
): Generator<Said> {
  // Each agent's turn has two halves, the second of which ends it.
  const halves = lifeAt({ ...job, requestCount: 2 * job.requestCount }, now).finished;
  const events = eventsOf(job, requests, switches).filter(({ at }) => at <= halves);
  const over = new Set(events.filter(({ kind }) => kind === 'answer').map(({ position }) => position));
  for (const [position, request] of requests.entries()) {
    const fate = itemFate(job.fates, position);
    if (fate === 'missing') continue;
    const failed = fate === 'errored' && over.has(position) && switches.failures === 'marked';
    const drafts = toldTo(request).map((draft) => (failed ? { ...draft, is_err: true } : draft));
    yield* placed(drafts, agentOf(request), (3 * position + parts.told) * room);
    if (fate === 'doubled') yield* placed(drafts, agentOf(request), (3 * position + parts.told) * room);
  }
  for (const { kind, position } of events) {
    yield* tell[kind](job, position, requests[position] ?? {}, switches);
  }
}

type Event = { readonly kind: 'step' | 'answer'; readonly position: number; readonly at: number };

/** What happens when, counted in halves of turns, in order. */
const eventsOf = (job: KeptJob, requests: readonly JsonObject[], { turns }: Switches): Event[] => {
  const order = [...finishOrder(job)];
  const calls = (position: number): boolean => usesTools(requests[position] ?? {});
  if (turns === 'one-by-one') {
    return order.flatMap((position, rank): Event[] => [
      ...(calls(position) ? [{ kind: 'step', position, at: 2 * rank + 1 } as const] : []),
      { kind: 'answer', position, at: 2 * rank + 2 },
    ]);
  }
  // All take their steps together: the first is over when the last agent's is.
  const end = 2 * order.length;
  const first = order.some(calls) ? order.length : end;
  return [
    ...order.map((position): Event => ({ kind: calls(position) ? 'step' : 'answer', position, at: first })),
    ...order.filter(calls).map((position): Event => ({ kind: 'answer', position, at: end })),
  ];
};

const tell = {
  *step(job, position, request) {
    if (itemFate(job.fates, position) === 'missing') return;
    yield* placed(firstStep(`call_${position}_1`), agentOf(request), (3 * position + parts.step) * room);
  },
  *answer(job, position, request, switches) {
    const fate = itemFate(job.fates, position);
    if (!hasAnswer.has(fate)) return;
    const drafts = answered(request, `call_${position}_2`, switches);
    const serial = (3 * position + parts.answer) * room;
    yield* placed(drafts, fate === 'malformed' ? null : agentOf(request), serial);
    if (fate === 'doubled') yield* placed(drafts, agentOf(request), serial);
    if (fate === 'foreign') yield* placed(drafts, foreignKey, serial + drafts.length);
  },
} as const satisfies Record<
  Event['kind'],
  (job: KeptJob, position: number, request: JsonObject, switches: Switches) => Generator<Said>
>;

/** The others leave their agent silent. */
const hasAnswer: ReadonlySet<ReturnType<typeof itemFate>> = new Set([
  'succeeded',
  'doubled',
  'malformed',
  'foreign',
]);

const parts = { told: 0, step: 1, answer: 2 } as const;
/** More messages than are ever told or said at once in a part of a turn. */
const room = 1024;

function* placed(drafts: readonly Draft[], agentId: string | null, serial: number): Generator<Said> {
  for (const [index, draft] of drafts.entries()) yield { draft, agentId, serial: serial + index };
}
