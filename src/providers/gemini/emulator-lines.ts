/**
 * The results that a job leaves: a file of lines in the order in which its requests finished, or, where requests came
 * along with the creation, a list inside the operation in the order in which they came. Results are made as they are
 * read; none is kept.
 */

import type { JsonObject } from '../../domain/json-line.ts';
import { seedOf } from '../emulator/chance.ts';
import { type EndedItem, type Ending, endedItems, writeLines } from '../emulator/endings.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { isOver, lifeAt, type Phase } from '../emulator/life.ts';
import { answers, problemOf } from './emulator-bodies.ts';
import { keyIn, requestIn } from './emulator-input.ts';
import type { KeptBatch, Store, Switches } from './emulator-store.ts';
import { parseObject } from './emulator-wire.ts';

/** The id of a job's results file, which need not exist. */
export const outputId = (batchId: string): string => `batch-${batchId}`;

/** The job whose results file has that id; null where it is none. */
export const outputNamed = (id: string): string | null => /^batch-(.+)$/.exec(id)?.[1] ?? null;

/** A job whose results are there. */
export interface Results {
  readonly batch: KeptBatch;
  readonly phase: Phase;
  readonly endedAt: Date;
}

/** The results that the job has now; null where it has none yet, none at all, or none any more. */
export function resultsAt(
  batch: KeptBatch,
  { clock, switches }: Pick<Store, 'clock' | 'switches'>,
): Results | null {
  const now = clock.now();
  const life = lifeAt(batch, now);
  const { phase, endedAt } = life;
  if (!isOver(life) || endedAt === null || batch.resultsDeleted || !leaves(phase, switches)) return null;
  const keptUntil = endedAt.getTime() + keptDays[switches.resultsKept] * 24 * 60 * 60 * 1000;
  return now.getTime() < keptUntil ? { batch, phase, endedAt } : null;
}

/** The lines of the results file, each with its newline. */
export function* outputLines(
  { batch, phase, endedAt }: Results,
  content: Buffer,
  switches: Switches,
): Generator<string> {
  const lines = inputLines(content);
  const items = told(endedItems(batch, endedAt), phase, switches);
  yield* writeLines(items, (item, key) => {
    const line = lineAt(lines, item.position);
    return JSON.stringify({ key: key ?? keyIn(line), ...resultOf(batch, line, item, switches) });
  });
}

/** The results inside the operation. */
export function inlinedResults(
  { batch, phase, endedAt }: Results,
  content: Buffer,
  switches: Switches,
): JsonObject[] {
  const lines = inputLines(content);
  return Array.from(told(endedItems(batch, endedAt), phase, switches))
    .filter(({ trick }) => trick !== 'missing')
    .sort((one, other) => one.position - other.position)
    .map((item) => {
      const line = lineAt(lines, item.position);
      const { metadata } = line;
      return { ...resultOf(batch, line, item, switches), ...(metadata === undefined ? {} : { metadata }) };
    });
}

const keptDays = { 'six-weeks': 42, 'two-days': 2 } as const satisfies Record<
  Switches['resultsKept'],
  number
>;

const leaves = (phase: Phase, { cancelledResults, expiredResults }: Switches): boolean => {
  if (phase === 'cancelled') return cancelledResults !== 'none';
  return phase === 'completed' || (phase === 'expired' && expiredResults === 'partial');
};

/** The items that have a result: those that had no turn, only where the vendor tells of each. */
function* told(
  items: Iterable<EndedItem>,
  phase: Phase,
  { cancelledResults }: Switches,
): Generator<EndedItem> {
  for (const item of items) {
    const hadNoTurn = item.ending === phase;
    if (!hadNoTurn || (phase === 'cancelled' && cancelledResults === 'all')) yield item;
  }
}

const lineAt = (lines: readonly Buffer[], position: number): JsonObject =>
  parseObject(lines[position]?.toString('utf8') ?? '') ?? {};

const resultOf = (
  batch: KeptBatch,
  line: JsonObject,
  { ending, position }: EndedItem,
  switches: Switches,
): JsonObject => {
  const { kind, model, id } = batch;
  const body = requestIn(line);
  if (ending === 'succeeded') {
    const responseId = `${seedOf(id).toString(16)}${position.toString(16).padStart(6, '0')}`;
    return { response: answers[kind]({ body, model, id: responseId }) };
  }
  const { rpc, http, word, message } = errors[ending];
  const said = ending === 'errored' ? (problemOf(kind, body) ?? message) : message;
  return {
    error:
      switches.errorCodes === 'rpc'
        ? { code: rpc, message: said }
        : { code: http, message: said, status: word },
  };
};

const errors = {
  errored: { rpc: 3, http: 400, word: 'INVALID_ARGUMENT', message: 'This request was asked to fail.' },
  overloaded: { rpc: 14, http: 503, word: 'UNAVAILABLE', message: 'The model is overloaded.' },
  expired: { rpc: 4, http: 504, word: 'DEADLINE_EXCEEDED', message: 'Deadline expired.' },
  cancelled: { rpc: 1, http: 499, word: 'CANCELLED', message: 'The operation was cancelled.' },
} as const satisfies Record<
  Exclude<Ending, 'succeeded'>,
  { rpc: number; http: number; word: string; message: string }
>;
