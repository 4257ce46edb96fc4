/** S3's list of the keys in the bucket (ListObjectsV2), in pages: what was put, and what jobs have left. */
import type { EmulatorAnswer, EmulatorRoute } from '../emulator/server.ts';
import { etagOf, type FoundObject, leftObject, noBucket, putObject } from './emulator-objects.ts';
import { outputsOf } from './emulator-outputs.ts';
import type { Store } from './emulator-store.ts';
import { account, element, refuseS3, xml } from './emulator-wire.ts';

/** The route of a bucket below the path of S3. */
export function keysRoute(store: Store): EmulatorRoute {
  return {
    operation: 'list_objects',
    method: 'GET',
    path: /^\/s3\/([^/]+)\/?$/,
    handle: ({ params: [bucket], query }) => {
      if (bucket !== account.bucket) return noBucket;
      return query.get('list-type') === '2'
        ? list(store, query)
        : refuseS3(501, 'NotImplemented', 'Only ListObjectsV2 is emulated.');
    },
  };
}

const pageMax = 1_000;

const list = async (store: Store, query: URLSearchParams): Promise<EmulatorAnswer> => {
  const prefix = query.get('prefix') ?? '';
  const maxKeys = Math.min(pageMax, Number(query.get('max-keys') ?? pageMax));
  if (!Number.isInteger(maxKeys) || maxKeys < 0) {
    return refuseS3(400, 'InvalidArgument', 'Argument max-keys must be a whole number');
  }
  const after = tokenIn(query.get('continuation-token')) ?? query.get('start-after') ?? '';
  const all = await keysIn(store, prefix);
  const following = all.filter(([key]) => key > after);
  const page = following.slice(0, maxKeys);
  const isTruncated = page.length < following.length && page.length > 0;
  const objects: FoundObject[] = [];
  for (const [, describe] of page) objects.push(await describe());
  const last = objects.at(-1);
  return xml(
    200,
    [
      '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
      element('Name', account.bucket),
      element('Prefix', prefix),
      element('KeyCount', objects.length),
      element('MaxKeys', maxKeys),
      element('IsTruncated', isTruncated),
      ...(isTruncated && last !== undefined ? [element('NextContinuationToken', tokenFor(last.key))] : []),
      ...objects.map(entry),
      '</ListBucketResult>',
    ].join(''),
  );
};

type Key = readonly [key: string, describe: () => Promise<FoundObject> | FoundObject];

/** Every key that begins so, in order, and a way to learn more about its object. */
const keysIn = async (store: Store, prefix: string): Promise<Key[]> => {
  const left = (await store.jobs.all())
    .flatMap((job) => outputsOf(store, job))
    .map((output): Key => [output.key, () => leftObject(store, output)]);
  const put = (await store.objects.all()).map((object): Key => [object.key, () => putObject(object)]);
  // Of two under one key the later in this list hides the other.
  return [...new Map([...left, ...put].map((key) => [key[0], key])).values()]
    .filter(([key]) => key.startsWith(prefix))
    .sort(([one], [other]) => (one < other ? -1 : 1));
};

const entry = (object: FoundObject): string =>
  `<Contents>${[
    element('Key', object.key),
    element('LastModified', object.modifiedAt.toISOString()),
    element('ETag', etagOf(object)),
    element('Size', object.bytes),
    element('StorageClass', 'STANDARD'),
  ].join('')}</Contents>`;

const tokenFor = (key: string): string => Buffer.from(key).toString('base64url');
const tokenIn = (token: string | null): string | null =>
  token === null ? null : Buffer.from(token, 'base64url').toString('utf8');
