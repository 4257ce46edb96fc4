/**
 * The files of the GraphiQL page. They are 8 MB that change only with a release, so each has an address that
 * names its content, is compressed once, and is asked for once by each browser. Read on the first visit: a
 * service that nobody opens in a browser holds none of it.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** One of the files. */
export interface PageFile {
  /** Relative to the page, for services that are reached below a longer path. */
  readonly url: string;
  readonly type: string;
  readonly plain: Buffer;
  readonly compressed: () => Promise<Buffer>;
}

let reading: ReturnType<typeof readFiles> | null = null;

/** The files by what they are. */
export function graphiqlFiles(): ReturnType<typeof readFiles> {
  reading ??= readFiles();
  return reading;
}

/** Answers a request for one of them; false for every other path. */
export async function answerGraphiqlFile(
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
): Promise<boolean> {
  if (!pathname.startsWith(`/${folder}/`)) return false;
  const file = Object.values(await graphiqlFiles()).find(({ url }) => `/${url}` === pathname);
  if (file === undefined) return false;
  const compress = /\bgzip\b/.test(String(request.headers['accept-encoding']));
  const body = compress ? await file.compressed() : file.plain;
  response
    .writeHead(200, {
      'content-type': file.type,
      'content-length': body.length,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
      ...(compress ? { 'content-encoding': 'gzip' } : {}),
    })
    .end(body);
  return true;
}

const folder = 'graphql/page';

async function readFiles() {
  const parts = await import('@graphql-yoga/render-graphiql/graphiql');
  const browser = await readFile(new URL('./graphiql-browser.js', import.meta.url), 'utf8');
  return {
    styles: fileOf('styles.css', parts.css),
    graphiql: fileOf('graphiql.js', parts.js),
    browser: fileOf('browser.js', browser),
    editorWorker: fileOf('editor-worker.js', parts.editorWorkerService),
    jsonWorker: fileOf('json-worker.js', parts.jsonWorker),
    graphqlWorker: fileOf('graphql-worker.js', parts.graphqlWorker),
  };
}

function fileOf(name: string, text: string): PageFile {
  const plain = Buffer.from(text);
  const version = createHash('sha256').update(plain).digest('hex').slice(0, 12);
  let compressed: Promise<Buffer> | null = null;
  return {
    url: `${folder}/${version}-${name}`,
    type: `text/${name.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`,
    plain,
    compressed: () => {
      compressed ??= promisify(gzip)(plain);
      return compressed;
    },
  };
}
