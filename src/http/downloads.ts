/**
 * `GET /batches/<uuid>/{input,output,errors}.jsonl`: requests and results as JSONL in the caller's order, straight
 * from Postgres, at the pace of the reader. Each page is a statement of its own, so a slow reader holds no
 * snapshot, no lock and no more than one page. Resumable by `?after=<position>`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { findBatch } from '../db/queries/batches.ts';
import { downloadLines } from '../db/queries/downloads.ts';
import type { DownloadKind } from '../domain/grant.ts';
import { isUuid } from '../domain/ids.ts';
import { scopeOf } from '../domain/scope.ts';
import { signInToDownload } from './download-sign-in.ts';
import { attachmentHeader } from './file-name.ts';
import type { ApiOptions } from './graphql.ts';
import { answerJson } from './plain-answer.ts';

const linesPerPage = 2000;
const methods = ['GET', 'HEAD'];

/** Answers the lines, 400, 401 or 404; false for other paths. */
export async function answerDownload(
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
): Promise<boolean> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, id, kind] = /^\/batches\/([^/]+)\/(input|output|errors)\.jsonl$/.exec(url.pathname) ?? [];
  if (id === undefined || kind === undefined || !methods.includes(request.method ?? '')) return false;
  const viewer = await signInToDownload(request, response, options, {
    batchId: id,
    kind: kind as DownloadKind,
    link: url.searchParams.get('link'),
  });
  if (viewer === null) return true;
  const asked = url.searchParams.get('after');
  const after = asked === null ? -1 : /^\d{1,10}$/.test(asked) ? Number(asked) : Number.NaN;
  if (!(after <= 2_147_483_647)) {
    const message = 'after must be the position of a line, a whole number from 0.';
    answerJson(response, 400, { error: { code: 'INVALID_ARGUMENT', message } });
    return true;
  }
  const scope = scopeOf(viewer);
  const { db } = options.services;
  const batch = isUuid(id) ? await db.read((q) => findBatch(scope, q, id)) : null;
  if (batch === null) {
    answerJson(response, 404, { error: { code: 'NOT_FOUND', message: 'There is no batch with this id.' } });
    return true;
  }

  async function* pages(): AsyncGenerator<string> {
    let beyond = after;
    for (;;) {
      const lines = await db.read((q) =>
        downloadLines(scope, q, id ?? '', kind as DownloadKind, { after: beyond, limit: linesPerPage }),
      );
      const last = lines.at(-1);
      if (last === undefined) return;
      yield `${lines.map(({ line }) => line).join('\n')}\n`;
      if (lines.length < linesPerPage) return;
      beyond = last.position;
    }
  }

  response.writeHead(200, {
    'content-type': 'application/jsonl; charset=utf-8',
    'content-disposition': attachmentHeader(batch, kind as DownloadKind),
    // A link opens this for everybody who has it, and it is people's prompts: no cache keeps it, no page is told of it.
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  if (request.method === 'HEAD') {
    response.end();
    return true;
  }
  await pipeline(Readable.from(pages()), response).catch((error: NodeJS.ErrnoException) => {
    // A reader that went away is not a fault, also where it was gone before the first line.
    if (!['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_UNABLE_TO_PIPE'].includes(error.code ?? '')) throw error;
  });
  return true;
}
