/**
 * Where results are read: the output URL at the API, the signed URL that it redirects to, and the videos. The signed
 * URL stands for a host for storage, so it knows no key, and refuses one: a key that comes there has leaked.
 */
import { createHmac } from 'node:crypto';
import { lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { hasOutput } from './emulator-batch-object.ts';
import { unknownBatch } from './emulator-batches.ts';
import { resultLines } from './emulator-lines.ts';
import type { Store } from './emulator-store.ts';
import { emulatorWebhookSecret, isSame } from './emulator-wire.ts';

/** The routes that lead to results: `output`, `download` and `media`. */
export function outputRoutes(store: Store): EmulatorRoute[] {
  return [
    {
      operation: 'output',
      method: 'GET',
      path: /^\/v2\/batches\/([^/]+)\/result$/,
      handle: async ({ params: [id = ''], origin }) => {
        const lines = await linesOf(store, id);
        if (lines === null) return unknownBatch;
        return store.switches.outputAnswer === 'file' ? file(lines) : redirect(signedUrl(store, id, origin));
      },
    },
    {
      operation: 'download',
      method: 'GET',
      path: /^\/signed\/([^/]+)\.jsonl$/,
      handle: (request) => download(store, request),
    },
    {
      operation: 'media',
      method: 'GET',
      path: /^\/media\/[^/]+\.mp4$/,
      handle: () => ({
        status: 200,
        headers: { 'content-type': 'text/plain' },
        body: 'This is where the video would be: an emulator makes none.\n',
      }),
    },
  ];
}

/** The results of a batch; null where there are none, or not yet. */
const linesOf = async ({ batches, clock, switches }: Store, id: string): Promise<string | null> => {
  const now = clock.now();
  const [batch, content] = [await batches.meta(id), await batches.content(id)];
  if (batch === null || content === null || !hasOutput(lifeAt(batch, now))) return null;
  return resultLines(batch, content, { now, switches });
};

const file = (lines: string): EmulatorAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/jsonl' },
  body: lines,
});

const redirect = (location: string): EmulatorAnswer => ({
  status: 302,
  headers: { location, 'content-type': 'text/plain' },
  body: `Found. Redirecting to ${location}`,
});

const signedSeconds = 900;

const signedUrl = ({ clock }: Store, id: string, origin: string): string => {
  const expires = String(Math.floor(clock.now().getTime() / 1000) + signedSeconds);
  const query = new URLSearchParams({ expires, signature: signatureOf(id, expires) });
  return `${origin}/signed/${id}.jsonl?${query}`;
};

const signatureOf = (id: string, expires: string): string =>
  createHmac('sha256', emulatorWebhookSecret).update(`storage/${id}/${expires}`).digest('hex');

const download = async (
  store: Store,
  { params: [id = ''], query, headers }: EmulatorRequest,
): Promise<EmulatorAnswer> => {
  if (headers['x-api-key'] !== undefined || headers.authorization !== undefined)
    return storageRefusal(400, 'InvalidArgument', 'Only one way of signing in is allowed.');
  const expires = query.get('expires') ?? '';
  const isGenuine = isSame(query.get('signature') ?? '', signatureOf(id, expires));
  if (!isGenuine || store.clock.now().getTime() / 1000 > Number(expires))
    return storageRefusal(403, 'AccessDenied', 'The request has expired, or was never signed.');
  const lines = await linesOf(store, id);
  return lines === null ? storageRefusal(404, 'NoSuchKey', 'There is no such file.') : file(lines);
};

const storageRefusal = (status: number, code: string, message: string): EmulatorAnswer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});
