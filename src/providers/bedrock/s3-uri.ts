/** Places in S3 as the service names them, and the two places that belong to one job of ours. Pure. */

/** A bucket, and a key or the beginning of keys in it. */
export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** Reads `s3://bucket/key`; null where the text names no bucket. */
export function readS3Uri(uri: string): S3Place | null {
  const [, bucket, key = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(uri) ?? [];
  return bucket === undefined ? null : { bucket, key };
}

/** The place as a URI. */
export const s3Uri = ({ bucket, key }: S3Place): string => `s3://${bucket}/${key}`;

/** A place below another, with one slash between. */
export const below = ({ bucket, key }: S3Place, path: string): S3Place => ({
  bucket,
  key: [key.replace(/^\/+|\/+$/g, ''), path].filter((part) => part !== '').join('/'),
});

/** Where a job's requests and its results stand. The nonce decides both, so that a second try finds the first. */
export const jobPlaces = (home: S3Place, nonce: string): { input: S3Place; output: S3Place } => ({
  input: below(home, `${nonce}/input.jsonl`),
  output: below(home, `${nonce}/output/`),
});
