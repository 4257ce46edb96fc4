/**
 * What keeps a worker that was held up from sending a job that somebody else may be sending by now. A process can be
 * stopped, a machine can sleep, at any line and for any time; when it goes on, its timers come after whatever else it
 * was about to do. So the last question before a call leaves is asked here, of clocks and not of timers. Asking it at
 * the right moment is left to the providers' clients (`providers/http.ts`).
 */
import type { JobRow } from '../db/tables/jobs.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { SubmitPorts } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { HeldLease } from './lease.ts';

/**
 * The guard of one sending: throws `unavailable` from `sendBefore` on, and where the lease may be lost. What it stops
 * has created nothing, and is sent again by whoever holds the job then.
 */
export function sendingGuard(
  { clock }: Pick<Services, 'clock'>,
  { sendBefore }: Pick<JobRow, 'sendBefore'>,
  { mayBeLost }: Pick<HeldLease, 'mayBeLost'>,
): SubmitPorts['guard'] {
  return () => {
    const isOver = sendBefore !== null && clock.now() >= sendBefore;
    if (!isOver && !mayBeLost()) return;
    throw new ProviderFailure('unavailable', {
      code: 'sending_held_up',
      message: 'The worker that was sending the job was held up for too long; nothing was sent.',
    });
  };
}
