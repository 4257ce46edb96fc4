/**
 * Serves the page, and the published client that it imports, as any static file server would; with Node alone.
 * The service itself is somewhere else: `CORS_ORIGINS` there must name the address that is printed here.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

const page = import.meta.dirname;
const client = dirname(createRequire(import.meta.url).resolve('graphql-ws/client'));
const types = { '.html': 'text/html', '.js': 'text/javascript' };

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const path = pathname.startsWith('/graphql-ws/')
    ? join(client, pathname.slice('/graphql-ws/'.length))
    : join(page, pathname === '/' ? 'index.html' : pathname);
  try {
    const content = await readFile(path);
    response.writeHead(200, { 'content-type': `${types[extname(path)] ?? 'text/plain'}; charset=utf-8` });
    response.end(content);
  } catch {
    response.writeHead(404).end('Not found\n');
  }
});

server.listen(Number(process.env.PORT ?? 5173), 'localhost', () => {
  console.log(`http://localhost:${server.address().port}`);
});
