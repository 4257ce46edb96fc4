/**
 * Deleting what a job has in S3: the object of its requests, and every object of its folder of results, the manifest
 * included. Both places were named by the job itself; nothing else in the bucket is touched.
 */
import type { KeptJob } from '../provider.ts';
import { distinctNames, unlessGone } from '../unless-gone.ts';
import type { Bucket } from './bucket.ts';
import { readS3Uri, type S3Place } from './s3-uri.ts';

/** Deletes them one by one; one that is not there counts as deleted. */
export async function deleteObjects(
  bucket: Bucket,
  { checkpoint, inputFileId, outputFileId }: KeptJob,
  signal: AbortSignal,
): Promise<void> {
  for (const uri of distinctNames([checkpoint?.['inputUri'], inputFileId])) {
    const place = readS3Uri(uri);
    if (isInside(place)) await unlessGone(bucket.delete(place, signal));
  }
  const folder = readS3Uri(outputFileId ?? '');
  if (!isInside(folder) || !folder.key.endsWith('/')) return;
  let page: string | null = null;
  do {
    const { keys, next } = await bucket.list(folder, page, signal);
    for (const key of keys) await unlessGone(bucket.delete({ ...folder, key }, signal));
    page = next;
  } while (page !== null);
}

/** A bucket as a whole is nobody's file. */
const isInside = (place: S3Place | null): place is S3Place => place !== null && place.key !== '';
