/** How the emulated server shows a job: seven words for its state, no counts, and nothing of its requests. */
import type { JsonObject } from '../../domain/json-line.ts';
import { lifeAt, type Phase } from '../emulator/life.ts';
import type { KeptJob, Store } from './emulator-store.ts';
import { timestamp } from './emulator-wire.ts';

/** The server's word for the job's state now. */
export function statusOf({ clock }: Pick<Store, 'clock'>, job: KeptJob): string {
  const { phase } = lifeAt(job, clock.now());
  if (job.isOverwritten) return words.cancelled;
  return phase === 'running' && job.fates.batch.includes('unknown-status') ? 'contemplating' : words[phase];
}

/** The server's job object. */
export function jobObject({ clock, switches }: Store, job: KeptJob): JsonObject {
  const { endedAt } = lifeAt(job, clock.now());
  const completedAt = completionOf(job, clock.now());
  const createdAt = new Date(job.createdAt);
  const zone = switches.times === 'zoned' ? 'Z' : '';
  return {
    created_by_id: userId,
    last_updated_by_id: userId,
    created_at: timestamp(createdAt, 'Z'),
    updated_at: timestamp(endedAt ?? createdAt, 'Z'),
    status: statusOf({ clock }, job),
    completed_at: completedAt && timestamp(completedAt, zone),
    stop_reason: null,
    metadata: { ...metadata },
    job_type: 'batch',
    background: null,
    agent_id: null,
    callback_url: job.callbackUrl ?? (switches.absentCallback === 'None' ? 'None' : null),
    callback_sent_at: job.callback && timestamp(new Date(job.callback.sentAt), zone),
    callback_status_code: job.callback?.statusCode ?? null,
    callback_error: job.callback?.error ?? null,
    ttft_ns: null,
    total_duration_ns: null,
    id: job.id,
    user_id: userId,
  };
}

/** When the job completed or failed; null where it did not. Nothing is written down of the end of another. */
export function completionOf(job: KeptJob, now: Date): Date | null {
  const { phase, endedAt } = lifeAt(job, now);
  return phase === 'completed' || phase === 'failed' ? endedAt : null;
}

/** What the server writes on every batch. */
export const metadata = { job_type: 'batch_messages' } as const;

/** Whether the list shows a job with this word: of those that are over it shows none. */
export const isListed = (status: string): boolean => !unlisted.has(status);

const words = {
  validating: 'running',
  running: 'running',
  finalizing: 'running',
  cancelling: 'cancelled',
  completed: 'completed',
  failed: 'failed',
  expired: 'expired',
  cancelled: 'cancelled',
} as const satisfies Record<Phase, string>;

const unlisted: ReadonlySet<string> = new Set(['completed', 'failed', 'expired', 'cancelled']);

const userId = 'user-00000000-0000-4000-8000-000000000000';
