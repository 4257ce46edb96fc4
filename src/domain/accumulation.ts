/**
 * When an open batch closes: the rule that a caller gives at creation, and the answer to "does it close now?".
 * Asked after a call that added requests and when the timer is due, never in the middle of a call, so that one
 * call's requests always stay in one batch. An empty batch never closes by a rule.
 */
import { z } from 'zod';

/** The longest timer, in seconds: 365 days. */
const secondsMax = 31_536_000;

const threshold = (name: string, max: number) => {
  const error = `${name} must be a whole number from 1 to ${max}.`;
  return z.int({ error }).min(1, { error }).max(max, { error }).nullable().default(null);
};

/**
 * The rule in a caller's words: `NOW` closes with the call that brings the first requests, `MANUAL` waits for
 * `submitBatch`, `WHEN` closes at the first threshold reached. A threshold left out is null and never reached.
 */
export const submitRuleSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('NOW') }),
    z.strictObject({ kind: z.literal('MANUAL') }),
    z
      .strictObject({
        kind: z.literal('WHEN'),
        requests: threshold('requests', 2_147_483_647),
        bytes: threshold('bytes', Number.MAX_SAFE_INTEGER),
        seconds: threshold('seconds', secondsMax),
      })
      .refine(
        ({ requests, bytes, seconds }) => requests !== null || bytes !== null || seconds !== null,
        'WHEN needs at least one of requests, bytes and seconds.',
      ),
  ],
  { error: 'kind must be NOW, MANUAL or WHEN.' },
);

/** A rule that was read: bytes are those of the requests' bodies, seconds run from the first request. */
export type SubmitRule = z.output<typeof submitRuleSchema>;

/** When the rule's timer closes the batch; null while no timer runs (no such rule, or no request yet). */
export function closesAt(rule: SubmitRule, firstRequestAt: Date | null): Date | null {
  if (rule.kind !== 'WHEN' || rule.seconds === null || firstRequestAt === null) return null;
  return new Date(firstRequestAt.getTime() + rule.seconds * 1000);
}

/** Whether a batch that holds this much closes at this moment. */
export function shouldClose(
  rule: SubmitRule,
  batch: { readonly requests: number; readonly bytes: number; readonly firstRequestAt: Date | null },
  now: Date,
): boolean {
  if (batch.requests === 0 || rule.kind === 'MANUAL') return false;
  if (rule.kind === 'NOW') return true;
  const timer = closesAt(rule, batch.firstRequestAt);
  return (
    (rule.requests !== null && batch.requests >= rule.requests) ||
    (rule.bytes !== null && batch.bytes >= rule.bytes) ||
    (timer !== null && now >= timer)
  );
}
