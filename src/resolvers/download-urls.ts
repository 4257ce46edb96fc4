/** Where a batch's downloads are found, signed for those who follow a link without a key. */
import type { Context } from '../context.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { errorUrl, inputUrl, outputUrl } from '../domain/batch-urls.ts';
import { type DownloadKind, formatsOf, type ResultFormat } from '../domain/download.ts';
import { grantEnd, grantSecondsSchema } from '../domain/read-token.ts';
import { ArgumentError } from '../errors.ts';

const urlOf = { input: inputUrl, output: outputUrl, errors: errorUrl } as const satisfies Record<
  DownloadKind,
  unknown
>;

/** How an address of a download is asked for. */
export interface DownloadArguments {
  readonly format?: ResultFormat | null | undefined;
  readonly expiresInSeconds?: number | null | undefined;
}

/**
 * Where the batch's requests or results are downloaded; null while there are none, and once they
 * are removed. With a time it is a link that needs no
 * key until then, and ends with the key that signs it. Throws `ArgumentError` for a time that is too long.
 */
export function batchDownloadUrl(
  batch: BatchRow,
  kind: DownloadKind,
  { format, expiresInSeconds = null }: DownloadArguments,
  { services: { clock, signer }, viewer, origin }: Context,
): string | null {
  const address = batch.resultsRemovedAt === null ? urlOf[kind](batch, origin) : null;
  const url = address === null ? null : new URL(address);
  if (format && format !== formatsOf(kind)[0]) url?.searchParams.set('format', format);
  if (expiresInSeconds === null) return url?.href ?? null;
  const read = grantSecondsSchema.safeParse(expiresInSeconds);
  if (!read.success) throw new ArgumentError('expiresInSeconds', read.error.issues[0]?.message ?? '');
  if (url === null) return null;
  const { apiKeyId, apiKey, keyHash, grant } = viewer;
  const expiresAt = grantEnd(clock.now(), read.data, apiKey.expiresAt, grant?.expiresAt ?? null);
  const link = signer.sign(keyHash, { apiKeyId, expiresAt, reads: kind, batchIds: [batch.id] });
  url.searchParams.set('link', link);
  return url.href;
}
