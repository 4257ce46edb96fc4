/**
 * The two files that a job leaves: successes in one, everything else in the other. Lines are made as they are read;
 * none is kept.
 */

import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { seedOf } from '../emulator/chance.ts';
import { type EndedItem, type Ending, endedItems, tally, writeLines } from '../emulator/endings.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { isOver, lifeAt } from '../emulator/life.ts';
import { endpoints } from './emulator-bodies.ts';
import { bodyProblem } from './emulator-input.ts';
import type { KeptBatch, OutputKind, Switches } from './emulator-store.ts';

/** The id of one of a job's output files, which need not exist. */
export const outputId = (batchId: string, kind: OutputKind): string => `file-${kind}-${batchId}`;

/** The job and the kind that an output file's id names; null where it is none. */
export function outputNamed(id: string): { batchId: string; kind: OutputKind } | null {
  const [, kind, batchId] = /^file-(output|error)-(job-.+)$/.exec(id) ?? [];
  return batchId !== undefined && (kind === 'output' || kind === 'error') ? { batchId, kind } : null;
}

/** Whether the job has that file at `now`: it is over, and something ended so that has a line. */
export function hasOutput(batch: KeptBatch, kind: OutputKind, now: Date, switches: Switches): boolean {
  if (!isOver(lifeAt(batch, now)) || batch.deleted.includes(kind)) return false;
  const { succeeded, errored, overloaded, expired, cancelled } = tally(batch, now);
  if (kind === 'output') return succeeded > 0;
  const unanswered = switches.unansweredLines === 'written' ? expired + cancelled : 0;
  return errored + overloaded + unanswered > 0;
}

/** The lines of one file, each with its newline, in the order in which the items finished by `endedAt`. */
export function* outputLines(
  batch: KeptBatch,
  content: Buffer,
  kind: OutputKind,
  { endedAt, switches }: { endedAt: Date; switches: Switches },
): Generator<string> {
  const lines = inputLines(content);
  const at = Math.floor(endedAt.getTime() / 1000);
  yield* writeLines(ofKind(batch, kind, endedAt, switches), (item, key) => {
    const request: unknown = JSON.parse(lines[item.position]?.toString('utf8') ?? '{}');
    if (!isJsonObject(request)) return '';
    const id = `${seedOf(batch.id).toString(16)}${item.position.toString(16).padStart(6, '0')}`;
    const { response, error } = writers[item.ending](batch, request, id, at);
    const { custom_id: own = null } = request;
    const told = response && {
      ...response,
      body: switches.answerBodies === 'texts' ? JSON.stringify(response.body) : response.body,
    };
    return JSON.stringify({ id: `batch-${id}`, custom_id: key ?? own, response: told, error });
  });
}

const unanswered: ReadonlySet<Ending> = new Set(['expired', 'cancelled']);

function* ofKind(
  batch: KeptBatch,
  kind: OutputKind,
  endedAt: Date,
  { unansweredLines }: Switches,
): Generator<EndedItem> {
  for (const item of endedItems(batch, endedAt)) {
    const isWritten = unansweredLines === 'written' || !unanswered.has(item.ending);
    if (isWritten && (item.ending === 'succeeded') === (kind === 'output')) yield item;
  }
}

/** What a line says beside whose it is. */
interface Said {
  readonly response: { readonly status_code: number; readonly body: JsonObject } | null;
  readonly error: JsonObject | null;
}

type Writer = (batch: KeptBatch, request: JsonObject, id: string, at: number) => Said;

const writers: Record<Ending, Writer> = {
  succeeded: ({ endpoint, model }, { body }, id, at) => {
    const asked = isJsonObject(body) ? body : {};
    // The job's model is the one that answers, whatever a body names.
    const answer = endpoints
      .get(endpoint)
      ?.answer({ body: model === null ? asked : { ...asked, model }, id, at });
    return answered(200, answer ?? {});
  },
  errored: ({ endpoint }, request) =>
    answered(422, {
      object: 'error',
      message: {
        detail: [{ msg: bodyProblem(request, endpoint) ?? 'This request was asked to fail.' }],
      },
      type: 'invalid_request_error',
      param: null,
      code: null,
    }),
  overloaded: () =>
    answered(503, {
      object: 'error',
      message: 'The service is overloaded.',
      type: 'internal_server_error',
      param: null,
      code: '3505',
    }),
  expired: () => refused('timeout_exceeded', 'This request was not executed before the timeout.'),
  cancelled: () => refused('cancelled', 'This request was not executed: the job was cancelled.'),
};

const answered = (status: number, body: JsonObject): Said => ({
  response: { status_code: status, body },
  error: null,
});

const refused = (code: string, message: string): Said => ({ response: null, error: { code, message } });
