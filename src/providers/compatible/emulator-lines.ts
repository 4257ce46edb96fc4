/**
 * The two files that a batch leaves: successes in one, everything else in the other. Lines are made as they are
 * read; none is kept.
 */

import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { seedOf } from '../emulator/chance.ts';
import { type EndedItem, type Ending, endedItems, tally, writeLines } from '../emulator/endings.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { isOver, lifeAt } from '../emulator/life.ts';
import { endpoints } from './emulator-bodies.ts';
import { bodyProblem } from './emulator-input.ts';
import type { KeptBatch, OutputKind, Store } from './emulator-store.ts';

/** The id of one of a batch's output files, which need not exist. */
export const outputId = (batchId: string, kind: OutputKind): string => `file-${kind}-${batchId}`;

/** The batch and the kind that an output file's id names; null where it is none. */
export function outputNamed(id: string): { batchId: string; kind: OutputKind } | null {
  const [, kind, batchId] = /^file-(output|error)-(batch_.+)$/.exec(id) ?? [];
  return batchId !== undefined && (kind === 'output' || kind === 'error') ? { batchId, kind } : null;
}

/** Whether the batch has that file now: it is over, and something ended so. */
export function hasOutput({ clock, switches }: Store, batch: KeptBatch, kind: OutputKind): boolean {
  const now = clock.now();
  if (!isOver(lifeAt(batch, now)) || batch.deleted.includes(kind)) return false;
  const { succeeded, pending: _, cancelled, ...others } = tally(batch, now);
  if (kind === 'output') return succeeded > 0;
  const told = switches.cancelledLines === 'told' ? cancelled : 0;
  return told > 0 || Object.values(others).some((count) => count > 0);
}

/**
 * The lines of one file, each with its newline, in the order in which the items finished. `writtenAt` is when the
 * batch ended: the same lines for ever after.
 */
export function* outputLines(
  { switches }: Store,
  batch: KeptBatch,
  content: Buffer,
  kind: OutputKind,
  writtenAt: Date,
): Generator<string> {
  const lines = inputLines(content);
  const at = Math.floor(writtenAt.getTime() / 1000);
  const items = ofKind(batch, kind, writtenAt).filter(
    ({ ending }) => ending !== 'cancelled' || switches.cancelledLines === 'told',
  );
  yield* writeLines(items, (item, key) => {
    const request: unknown = JSON.parse(lines[item.position]?.toString('utf8') ?? '{}');
    if (!isJsonObject(request)) return '';
    const id = `${seedOf(batch.id).toString(16)}${item.position.toString(16).padStart(6, '0')}`;
    const line = writers[item.ending](batch, request, id, at);
    const { custom_id: own = null } = request;
    return JSON.stringify({ id: `batch_req_${id}`, custom_id: key ?? own, ...line });
  });
}

function* ofKind(batch: KeptBatch, kind: OutputKind, now: Date): Generator<EndedItem> {
  for (const item of endedItems(batch, now)) {
    if ((item.ending === 'succeeded') === (kind === 'output')) yield item;
  }
}

type Writer = (batch: KeptBatch, request: JsonObject, id: string, at: number) => JsonObject;

const writers: Record<Ending, Writer> = {
  succeeded: ({ endpoint }, { body }, id, at) => {
    const answer = endpoints.get(endpoint)?.answer({ body: isJsonObject(body) ? body : {}, id, at });
    return answered(200, id, answer ?? {});
  },
  errored: ({ endpoint }, request, id) =>
    answered(400, id, {
      error: {
        message: bodyProblem(request, endpoint) ?? 'This request was asked to fail.',
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    }),
  overloaded: (_batch, _request, id) =>
    answered(503, id, {
      error: {
        message: 'The engine is currently overloaded, please try again later.',
        type: 'server_error',
        param: null,
        code: 'server_overloaded',
      },
    }),
  expired: () => unanswered('batch_expired', 'This request could not be executed before the window closed.'),
  cancelled: () => unanswered('batch_cancelled', 'This request was not executed: the batch was cancelled.'),
};

const answered = (status: number, id: string, body: JsonObject): JsonObject => ({
  response: { status_code: status, request_id: `req_${id}`, body },
  error: null,
});

const unanswered = (code: string, message: string): JsonObject => ({
  response: null,
  error: { code, message },
});
