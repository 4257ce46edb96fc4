/**
 * Tells a callback URL of an end, once for each time that it is due. The attempt is written down before the call and
 * its outcome after it; a sender that dies between leaves one whose outcome is unknown, and the same delivery, with the
 * same id, is tried again. A receiver can thus be called twice with what it has, and is never left out.
 *
 * Owned here: the order of these steps, under the delivery's lease. What an answer means is `callback-schedule.ts`.
 */
import {
  finishAttempt,
  holdDelivery,
  insertAttempt,
  lockDueDelivery,
  settleDelivery,
} from '../db/queries/deliveries.ts';
import type { DeliveryRow } from '../db/tables/deliveries.ts';
import {
  type CallbackOutcome,
  type CallbackVerdict,
  unheardDueAt,
  verdictOn,
} from '../domain/callback-schedule.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { signingSecrets } from './secrets.ts';
import { signatureHeaders } from './sign.ts';

/** How much longer than the call the lease lives: for writing its outcome. No call outlives its own time. */
const marginSeconds = 10;

/**
 * Makes the attempt that is due, if one is and nobody else makes it; what is due is for the sweep to find. Throws only
 * where the database cannot be reached, and then the lease runs out by itself.
 */
export async function deliverCallback(services: Services, id: string, stop: AbortSignal): Promise<void> {
  const held = await begin(services, id);
  if (held === null) return;
  const { url, body, organizationId } = held;
  const secrets = await signingSecrets(services, organizationId);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'BatchQL',
    ...signatureHeaders(secrets, { id, at: services.clock.now(), body }),
  };
  const outcome = await services.callbacks.post({ url, headers, body }, stop);
  // What was stopped has no answer that could end it, also where it was the last attempt.
  const isUnheard = stop.aborted && outcome.statusCode === null;
  const place = { attempts: held.attempts, now: services.clock.now(), random: Math.random() };
  await end(services, held, {
    outcome,
    verdict: isUnheard ? { status: 'PENDING', dueAt: unheardDueAt(place) } : verdictOn(outcome, place),
  });
}

async function begin({ db, clock, settings }: Services, id: string): Promise<DeliveryRow | null> {
  return db.transaction(async (tx) => {
    const at = clock.now();
    const due = await lockDueDelivery(workerScope, tx, id, at);
    if (due === null) return null;
    const held = await holdDelivery(workerScope, tx, id, {
      at,
      dueAt: unheardDueAt({ attempts: due.attempts + 1, now: at, random: Math.random() }),
      seconds: settings.callbackSeconds + marginSeconds,
    });
    await insertAttempt(workerScope, tx, held, at);
    return held;
  });
}

async function end(
  { db, clock, log }: Services,
  held: DeliveryRow,
  { outcome, verdict }: { outcome: CallbackOutcome; verdict: CallbackVerdict },
): Promise<void> {
  const { id: deliveryId, attempts, batchId } = held;
  const isWritten = await db.transaction(async (tx) => {
    const isHeld = await settleDelivery(workerScope, tx, held, { outcome, verdict });
    if (isHeld) await finishAttempt(workerScope, tx, held, { ...outcome, at: clock.now() });
    return isHeld;
  });
  if (!isWritten) log.info({ deliveryId }, 'another worker took over the callback, or its batch was deleted');
  else if (verdict.status === 'FAILED') {
    const { statusCode } = outcome;
    log.warn({ deliveryId, batchId, attempts, statusCode }, 'a callback was given up');
  }
}
