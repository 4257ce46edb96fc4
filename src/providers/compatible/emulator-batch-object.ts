/**
 * A batch as the service shows it at a moment: its word, its times, its counts and files, in the form that the
 * service's quirks say.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { tally } from '../emulator/endings.ts';
import { type Life, lifeAt, type Phase } from '../emulator/life.ts';
import { hasOutput, outputId } from './emulator-lines.ts';
import type { KeptBatch, Store } from './emulator-store.ts';
import type { Quirks } from './quirks.ts';

/** The word that the service shows for a batch now. */
export const statusOf = (store: Store, batch: KeptBatch): string =>
  wordFor(batch, lifeAt(batch, store.clock.now()), store.service.quirks);

/** The service's batch object. */
export function batchObject(store: Store, batch: KeptBatch): JsonObject {
  const { quirks } = store.service;
  const now = store.clock.now();
  const life = lifeAt(batch, now);
  const time = quirks.times === 'unix' ? unixTime : isoTime;
  const created = new Date(batch.createdAt);
  const object: JsonObject = {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    model: batch.model,
    ...(life.phase === 'failed' ? failures : noFailures)[quirks.errors](batch),
    input_file_id: batch.inputFileId,
    completion_window: batch.completionWindow,
    status: statusOf(store, batch),
    output_file_id: hasOutput(store, batch, 'output') ? outputId(batch.id, 'output') : null,
    error_file_id: hasOutput(store, batch, 'error') ? outputId(batch.id, 'error') : null,
    created_at: time(created),
    [quirks.deadlineField]: time(new Date(created.getTime() + windowMilliseconds(batch.completionWindow))),
    completed_at: life.phase === 'completed' ? time(life.endedAt) : null,
    ...(quirks.phases === 'all' ? phaseTimes(life, time) : {}),
    ...counts[quirks.counts](store, batch, life),
    ...(quirks.metadata ? { metadata: batch.metadata && { ...batch.metadata } } : {}),
  };
  if (!store.switches.absentNulls) return object;
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

type Time = (at: Date | null) => JsonObject[string];

const unixTime: Time = (at) => at && Math.floor(at.getTime() / 1000);
const isoTime: Time = (at) => at?.toISOString() ?? null;

const phaseTimes = (life: Life, time: Time): JsonObject => {
  const ended = (phase: Phase) => time(life.phase === phase ? life.endedAt : null);
  return {
    in_progress_at: time(life.runningAt),
    finalizing_at: time(life.finalizingAt),
    failed_at: ended('failed'),
    expired_at: ended('expired'),
    cancelling_at: time(life.cancellingAt),
    cancelled_at: ended('cancelled'),
  };
};

/** A window such as `24h` or `7d`. */
const windowMilliseconds = (window: string): number =>
  Number.parseInt(window, 10) * (window.endsWith('d') ? 24 : 1) * 60 * 60 * 1000;

const counts: Record<Quirks['counts'], (store: Store, batch: KeptBatch, life: Life) => JsonObject> = {
  requests: (store, batch, { phase }) => {
    const uncounted =
      phase === 'failed' || (phase === 'validating' && store.switches.countsInValidating === 'zero');
    if (uncounted) return { request_counts: { total: 0, completed: 0, failed: 0 } };
    const { succeeded, errored, overloaded, expired } = tally(batch, store.clock.now());
    // What expires with the whole batch is in neither count; a single request that did is a failed one.
    const failed = errored + overloaded + (phase === 'expired' ? 0 : expired);
    return { request_counts: { total: batch.requestCount, completed: succeeded, failed } };
  },
  progress: (_store, { requestCount }, { finished }) => ({
    progress: requestCount === 0 ? 0 : Math.floor((100 * finished) / requestCount),
  }),
  none: () => ({}),
};

const noFailures: Record<Quirks['errors'], () => JsonObject> = {
  list: () => ({ errors: null }),
  text: () => ({ error: null }),
};

const failures: Record<Quirks['errors'], (batch: KeptBatch) => JsonObject> = {
  list: ({ faults }) => ({
    errors: {
      object: 'list',
      data: faults.length === 0 ? [askedToFail] : faults.map((fault) => ({ ...fault })),
    },
  }),
  text: ({ faults: [first] }) => ({ error: first?.message ?? String(askedToFail['message']) }),
};

const askedToFail: JsonObject = {
  code: 'invalid_request',
  message: 'This batch was asked to fail.',
  param: null,
  line: null,
};

const words = {
  validating: 'validating',
  running: 'in_progress',
  finalizing: 'finalizing',
  cancelling: 'cancelling',
  completed: 'completed',
  failed: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
} as const satisfies Record<Phase, string>;

const wordFor = (batch: KeptBatch, { phase }: Life, { phases, statuses }: Quirks): string => {
  const shown = phase === 'finalizing' && phases === 'few' ? 'running' : phase;
  const unknown = shown === 'running' && batch.fates.batch.includes('unknown-status');
  const word = unknown ? 'reticulating' : words[shown];
  return statuses === 'upper' ? word.toUpperCase() : word;
};
