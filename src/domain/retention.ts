/**
 * How long requests and results are kept once their batch is over. Owns these rules; removing is
 * `batches/remove-results.ts`. What tells of them stays (states, counts, tokens, costs, codes of errors), so that
 * nothing that was counted is ever counted otherwise.
 */

/** When a batch ended, in its row; all null while it is not over. */
export interface EndTimes {
  readonly completedAt: Date | null;
  readonly failedAt: Date | null;
  readonly expiredAt: Date | null;
  readonly cancelledAt: Date | null;
}

/** When the batch ended; null while it is not over, which it is again once it is retried. */
export const endedAt = ({ completedAt, failedAt, expiredAt, cancelledAt }: EndTimes): Date | null =>
  completedAt ?? failedAt ?? expiredAt ?? cancelledAt;

const dayMilliseconds = 86_400_000;

/** What ended at this moment or before has been kept long enough; null where everything is kept. */
export const keptSince = (now: Date, retentionDays: number | null): Date | null =>
  retentionDays === null ? null : new Date(now.getTime() - retentionDays * dayMilliseconds);

/** Until when the batch's requests and results are kept; null while it is not over, and where they are kept for good. */
export function keptUntil(batch: EndTimes, retentionDays: number | null): Date | null {
  const at = endedAt(batch);
  return at === null || retentionDays === null
    ? null
    : new Date(at.getTime() + retentionDays * dayMilliseconds);
}
