/**
 * The provider of the ingest row, a program of its own. It hands every call on to the emulator at the address that is
 * its argument, but takes the files of a batch that is over before it says so, and serves them itself: so what is
 * measured reads files that are there, as a vendor's are, and no emulator makes them meanwhile. Prints its own address
 * as a line of JSON.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

const [, , behind = ''] = process.argv;
const files = new Map<string, Buffer>();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` }));
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', headers } = request;
  const path = (request.url ?? '').replace(/^\/v1/, '');
  const file = files.get(/^\/files\/([^/]+)\/content$/.exec(path)?.[1] ?? '');
  if (file !== undefined) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file);
    return;
  }
  const authorization = headers.authorization ?? '';
  const sent = await buffer(request);
  const passed = await fetch(`${behind}${path}`, {
    method,
    headers: { authorization, 'content-type': headers['content-type'] ?? 'application/json' },
    ...(sent.length === 0 ? {} : { body: new Uint8Array(sent) }),
  });
  const text = await passed.text();
  for (const id of filesIn(text)) await take(id, authorization);
  response.writeHead(passed.status, { 'content-type': 'application/json' }).end(text);
}

/** The files that a batch left, where the text is one that is over. */
const filesIn = (text: string): string[] =>
  Array.from(text.matchAll(/"(?:output|error)_file_id":"([^"]+)"/g), (match) => match[1] ?? '');

async function take(id: string, authorization: string): Promise<void> {
  if (files.has(id)) return;
  const content = await fetch(`${behind}/files/${id}/content`, { headers: { authorization } });
  files.set(id, Buffer.from(await content.arrayBuffer()));
}
