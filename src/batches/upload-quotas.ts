/** Holds an upload to the quotas of its organization: what it brings while it comes, what there is when it is in. */
import type { Queryable } from '../db/client.ts';
import type { Brought, QuotaBreach } from '../domain/quota.ts';
import { QuotaExceededError } from '../errors.ts';
import { breachesOf, refuseHoldings, refuseSize } from './quotas.ts';
import { UploadBroken } from './upload-broken.ts';
import type { OpenUpload } from './upload-storing.ts';

/** Throws `UploadBroken` where so much is too much already. A file that is only checked is read to its end. */
export function refuseTooLarge(open: OpenUpload): void {
  if (open.upload.dryRun) return;
  try {
    refuseSize(open.quotas, broughtBy(open));
  } catch (error) {
    throw asBroken(error);
  }
}

/** Throws `UploadBroken` where its requests are too many beside what waits; asked last in the transaction. */
export async function refuseTooMany(
  { scope, quotas, provider, reading }: OpenUpload,
  tx: Queryable,
): Promise<void> {
  try {
    await refuseHoldings(scope, tx, quotas, { provider, batches: 0, waiting: reading.requests });
  } catch (error) {
    throw asBroken(error);
  }
}

/** Every quota that a checked file is beyond. */
export const breachesBy = (open: OpenUpload, q: Queryable): Promise<QuotaBreach[]> =>
  breachesOf(open.scope, q, open.quotas, broughtBy(open), {
    batches: open.upload.batchId === null ? 1 : 0,
    waiting: open.reading.requests,
  });

const broughtBy = ({ provider, reading, plainBytes, upload }: OpenUpload): Brought => ({
  provider,
  requests: reading.requests,
  bytes: plainBytes(),
  before: upload.firstPosition ?? 0,
});

const asBroken = (error: unknown): unknown =>
  error instanceof QuotaExceededError ? new UploadBroken('QUOTA_EXCEEDED', error.message) : error;
