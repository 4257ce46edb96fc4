/** The file of results: a line for each generation. Lines are made as they are read; none is kept. */
import type { JsonObject } from '../../domain/json-line.ts';
import { seedOf } from '../emulator/chance.ts';
import { type EndedItem, type Ending, endedItems, writeLines } from '../emulator/endings.ts';
import { wasReached } from './emulator-batch-object.ts';
import { payloadProblem, requestIn } from './emulator-input.ts';
import { inputLines, type KeptBatch } from './emulator-store.ts';
import type { Switches } from './emulator-switches.ts';

/** The lines of a batch that is over at `now`, each with its newline, in the order in which they finished. */
export function resultLines(
  batch: KeptBatch,
  content: Buffer,
  { now, switches }: { now: Date; switches: Switches },
): string {
  const requests = inputLines(content).map(requestIn);
  const write = ({ position, ending }: EndedItem, key: string | null): string => {
    const request = requests[position] ?? {};
    const { request_id: own = null } = request;
    const said = wasReached(batch, position, ending) ? sayings[ending](request) : unreached;
    const requestId = key ?? own;
    const id = generationId(batch.id, position);
    const outputUrl = said.status === 'COMPLETED' ? `${batch.origin}/media/${id}.mp4` : null;
    return JSON.stringify(spellings[switches.resultKeys]({ requestId, id, outputUrl, ...said }, switches));
  };
  return [...writeLines(endedItems(batch, now), write)].join('');
}

/** What a line says beside whose it is. */
interface Said {
  readonly status: 'COMPLETED' | 'FAILED' | 'REJECTED' | 'PENDING';
  readonly message: string | null;
  readonly code: string | null;
}

const unreached: Said = { status: 'PENDING', message: null, code: null };

const sayings: Readonly<Record<Ending, (request: JsonObject) => Said>> = {
  succeeded: () => ({ status: 'COMPLETED', message: null, code: null }),
  errored: (request) => ({
    status: 'REJECTED',
    message: payloadProblem(request) ?? 'This generation was asked to be rejected.',
    code: null,
  }),
  overloaded: () => ({
    status: 'FAILED',
    message: 'There was no room for this generation.',
    code: 'generation_infra_resource_exhausted',
  }),
  expired: () => ({
    status: 'FAILED',
    message: 'This generation took too long.',
    code: 'generation_timeout',
  }),
  cancelled: () => unreached,
};

/** A line before it is spelled. */
interface Row extends Said {
  readonly requestId: JsonObject[string];
  readonly id: string;
  readonly outputUrl: string | null;
}

const spellings: Readonly<Record<Switches['resultKeys'], (row: Row, switches: Switches) => JsonObject>> = {
  snake: (row, switches) => ({
    request_id: row.requestId,
    status: row.status,
    generation_id: row.id,
    output_url: row.outputUrl,
    error: errorOf(row, switches),
    ...(switches.resultErrors === 'text' ? { error_code: row.code } : {}),
  }),
  camel: (row, switches) => ({
    requestId: row.requestId,
    generationStatus: row.status,
    generationId: row.id,
    outputMediaUrl: row.outputUrl,
    error: errorOf(row, switches),
    ...(switches.resultErrors === 'text' ? { errorCode: row.code } : {}),
  }),
  nested: (row, switches) => ({
    request_id: row.requestId,
    generation: {
      id: row.id,
      status: row.status,
      outputUrl: row.outputUrl,
      error: errorOf(row, switches),
      ...(switches.resultErrors === 'text' ? { error_code: row.code } : {}),
    },
  }),
};

const errorOf = ({ message, code }: Row, { resultErrors }: Switches): JsonObject | string | null => {
  if (message === null) return null;
  return resultErrors === 'text' ? message : { message, ...(code === null ? {} : { code }) };
};

/** The vendor's ids are UUIDs. */
const generationId = (batchId: string, position: number): string => {
  const digits = [0, 1, 2, 3]
    .map((part) => seedOf(`${batchId}/${position}/${part}`).toString(16).padStart(8, '0'))
    .join('');
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
};
