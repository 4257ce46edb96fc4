/**
 * `GET /batches/<uuid>/{input,output,errors}.jsonl`: requests and results in the caller's order, in the format that
 * `?format=` names, from `?after=<position>` on; compressed for those who say that they can read that. Owns the route
 * and what the answer says of itself; what it says is `download-text.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { findBatch } from '../db/queries/batches.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { type DownloadKind, type DownloadWish, fileOf, readWish } from '../domain/download.ts';
import type { LineReading } from '../domain/download-lines.ts';
import { isUuid } from '../domain/ids.ts';
import { type OrganizationScope, scopeOf } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { takesGzip } from './content-coding.ts';
import { signInToDownload } from './download-sign-in.ts';
import { requestText, resultText } from './download-text.ts';
import { attachmentHeader } from './file-name.ts';
import type { ApiOptions } from './graphql.ts';
import { ReaderGone, sendPieces } from './piecewise-sending.ts';
import { answerJson } from './plain-answer.ts';
import { spendOnLines } from './rate-limiting.ts';

const methods = ['GET', 'HEAD'];

/** Answers the lines, 400, 401, 404 or 410; false for other paths. */
export async function answerDownload(
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
): Promise<boolean> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const asked = pathPattern.exec(url.pathname)?.groups;
  if (asked === undefined || !methods.includes(request.method ?? '')) return false;
  const { id = '', kind } = asked as { id?: string; kind: DownloadKind };
  const link = url.searchParams.get('link');
  const viewer = await signInToDownload(request, response, options, { batchId: id, kind, link });
  if (viewer === null) return true;
  const wish = readWish(kind, url.searchParams);
  if ('problem' in wish) {
    answerJson(response, 400, { error: { code: 'INVALID_ARGUMENT', message: wish.problem } });
    return true;
  }
  const scope = scopeOf(viewer);
  const batch = isUuid(id) ? await options.services.db.read((q) => findBatch(scope, q, id)) : null;
  if (batch === null) {
    answerJson(response, 404, { error: { code: 'NOT_FOUND', message: 'There is no batch with this id.' } });
    return true;
  }
  const { resultsRemovedAt: removedAt } = batch;
  if (removedAt !== null) {
    const message = 'The requests and results of the batch were kept long enough, and are removed.';
    answerJson(response, 410, { error: { code: 'RESULTS_REMOVED', message, removedAt } });
    return true;
  }
  const { mediaType, extension } = fileOf[wish.format];
  await answerLines(request, response, wholeTextOf(options.services, scope, batch, kind, wish), {
    'content-type': mediaType,
    'content-disposition': attachmentHeader(batch, kind, extension),
    // A link opens this for everybody who has it, and it is people's prompts: no cache keeps it, no page is told of it.
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  return true;
}

const pathPattern = /^\/batches\/(?<id>[^/]+)\/(?<kind>input|output|errors)\.jsonl$/;

/** The text; throws at its end where the batch was deleted meanwhile, so that what was left of it is not taken for all. */
async function* wholeTextOf(
  services: Services,
  scope: OrganizationScope,
  batch: BatchRow,
  kind: DownloadKind,
  wish: DownloadWish,
): AsyncGenerator<Buffer, void, undefined> {
  yield* textOf(services, scope, batch, kind, wish);
  const isThere = (await services.db.read((q) => findBatch(scope, q, batch.id))) !== null;
  if (!isThere) throw new Error('a batch was deleted while it was downloaded');
}

function textOf(
  { db, providers, rates }: Services,
  scope: OrganizationScope,
  { id: batchId, provider, total }: BatchRow,
  kind: DownloadKind,
  { format, after }: DownloadWish,
): AsyncIterable<Buffer> {
  const onLines = (count: number) => spendOnLines({ rates }, scope, count);
  const source = { db, scope, batchId, after, to: total - 1, onLines };
  if (kind === 'input') return requestText(source, format === 'openai' ? 'openai' : 'verbatim');
  return resultText(source, kind, format, providers.find(provider)?.provider.decoding ?? unreadable);
}

/** For a batch of a provider that this version does not know. */
const unreadable: LineReading = { readText: () => null, readResponse: () => null };

async function answerLines(
  request: IncomingMessage,
  response: ServerResponse,
  text: AsyncIterable<Buffer>,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const compressed = takesGzip(request.headers['accept-encoding']);
  response.appendHeader('vary', 'Accept-Encoding');
  response.writeHead(200, compressed ? { ...headers, 'content-encoding': 'gzip' } : headers);
  if (request.method === 'HEAD') return void response.end();
  try {
    if (compressed) await sendCompressed(text, response);
    else await sendPieces(text, response);
  } catch (error) {
    // A reader that went away is not a fault, also where it was gone before the first line.
    if (!(error instanceof ReaderGone)) throw error;
  }
}

async function sendCompressed(text: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
  const gzip = createGzip();
  const sending = pipeline(gzip, response).catch(() => {
    throw new ReaderGone();
  });
  await Promise.all([sendPieces(text, gzip), sending]);
}
