/** How the emulated vendor shows a batch, in its mix of spellings. */
import type { JsonObject } from '../../domain/json-line.ts';
import { tally } from '../emulator/endings.ts';
import { itemFate } from '../emulator/fate.ts';
import { isOver, type Life, lifeAt, type Phase } from '../emulator/life.ts';
import type { KeptBatch, Store } from './emulator-store.ts';

/** A batch now; URLs in it begin with `origin`. */
export function batchObject(store: Store, batch: KeptBatch, origin: string): JsonObject {
  const life = lifeAt(batch, store.clock.now());
  const { webhookUrl } = batch;
  const isLeftOut = webhookUrl === null && store.switches.absentWebhook === 'left-out';
  return {
    id: batch.id,
    created_at: batch.createdAt,
    status: statusOf(store, batch),
    metrics: metrics(store, batch, life),
    ...(isLeftOut ? {} : { webhookUrl }),
    outputUrl: hasOutput(life) ? `${origin}/v2/batches/${batch.id}/result` : '',
  };
}

/** Whether there is a file of results: the batch is over, and it was not refused as a whole. */
export const hasOutput = (life: Life): boolean => isOver(life) && life.phase !== 'failed';

/** The vendor's word for where the batch stands now. */
export function statusOf({ clock }: Store, batch: KeptBatch): string {
  const { phase, finished } = lifeAt(batch, clock.now());
  if (phase === 'running' && batch.fates.batch.includes('unknown-status')) return 'REHEARSING';
  return phase === 'running' && finished === 0 ? 'JOBS_CREATED' : words[phase];
}

/** The vendor has no word for time that ran out: such a batch fails, with results. It cannot be cancelled. */
const words = {
  validating: 'PENDING',
  running: 'PROCESSING',
  finalizing: 'PROCESSING',
  cancelling: 'PROCESSING',
  completed: 'COMPLETED',
  failed: 'FAILED',
  expired: 'FAILED',
  cancelled: 'FAILED',
} as const satisfies Record<Phase, string>;

const metrics = ({ clock, switches }: Store, batch: KeptBatch, { phase, finished }: Life): JsonObject => {
  const { requestCount } = batch;
  if (phase === 'validating') {
    return {
      total_generations: switches.metricsWhilePending === 'zero' ? 0 : requestCount,
      success_count: 0,
      failed_count: 0,
      pending_count: switches.metricsWhilePending === 'all-pending' ? requestCount : 0,
    };
  }
  const { succeeded } = tally(batch, clock.now());
  return {
    total_generations: requestCount,
    success_count: succeeded,
    failed_count: finished - succeeded,
    pending_count: requestCount - finished,
  };
};

/** Whether an item had its turn by the end of a batch whose time ran out. */
export const wasReached = (batch: KeptBatch, position: number, ending: string): boolean =>
  ending !== 'expired' || itemFate(batch.fates, position) === 'expired';
