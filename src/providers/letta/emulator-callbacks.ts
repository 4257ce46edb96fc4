/**
 * The server's calls to callback URLs: one attempt when a job has completed or failed, signed by nothing, and none
 * when it was cancelled. What became of it is written on the job, so that it is made once.
 */
import { completionOf, metadata, statusOf } from './emulator-job.ts';
import type { KeptCallback, KeptJob, Store } from './emulator-store.ts';
import { timestamp } from './emulator-wire.ts';

/** Makes the calls that are due by the clock, each once; answers how many were sent to anybody. */
export function createCallbacks(store: Store): () => Promise<number> {
  /** Jobs whose call is under way: two deliveries at once must not make it twice. */
  const underWay = new Set<string>();
  const isDue = (job: KeptJob): boolean =>
    job.callback === null &&
    !job.isOverwritten &&
    !underWay.has(job.id) &&
    completionOf(job, store.clock.now()) !== null;

  return async () => {
    let sent = 0;
    for (const job of (await store.jobs.all()).filter(isDue)) {
      const url = job.callbackUrl ?? (store.switches.absentCallback === 'None' ? 'None' : null);
      if (url === null || !isDue(job)) continue;
      underWay.add(job.id);
      const callback = await call(store, job, url);
      await store.jobs.change(job.id, (kept) => ({ ...kept, callback }));
      underWay.delete(job.id);
      if (job.callbackUrl !== null) sent += 1;
    }
    return sent;
  };
}

const waitMilliseconds = 5_000;

/** One attempt. Where it wrote "None" for no URL, the server tries to call that, and writes down that it could not. */
const call = async (store: Store, job: KeptJob, url: string): Promise<KeptCallback> => {
  const now = store.clock.now();
  const sentAt = now.toISOString();
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        job_id: job.id,
        status: statusOf(store, job),
        completed_at: timestamp(completionOf(job, now) ?? now, ''),
        metadata,
      }),
      redirect: 'manual',
      signal: AbortSignal.timeout(waitMilliseconds),
    });
    await answer.body?.cancel();
    return { sentAt, statusCode: answer.status, error: null };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const error = `The call to ${url} about ${job.id} failed: ${reason}`;
    return { sentAt, statusCode: null, error };
  }
};
