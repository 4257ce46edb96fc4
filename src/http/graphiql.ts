/**
 * GraphiQL: a page that arrives with operations that work as they stand, and the files that it is made of. All
 * of it is served from here, so no browser asks another machine, which the page's policy also forbids. What is
 * in the tabs is `graphiql-tabs.ts`; how they are put into GraphiQL, in the browser, is `graphiql-browser.js`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exampleBatches } from './graphiql-batches.ts';
import { answerGraphiqlFile, graphiqlFiles } from './graphiql-files.ts';
import { graphiqlTabs } from './graphiql-tabs.ts';
import { type ApiOptions, graphqlPath } from './graphql.ts';

/** Answers a browser that opens the API's address, and its requests for the page's files; false for all others. */
export async function answerGraphiql(
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
): Promise<boolean> {
  if (request.method !== 'GET' || options.graphiql === false) return false;
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname !== graphqlPath) return answerGraphiqlFile(request, response, pathname);
  if (!request.headers.accept?.includes('text/html')) return false;
  const page = await pageFor(options);
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(page),
      'content-security-policy': policy,
      // The ids in the tabs are of now.
      'cache-control': 'no-store',
    })
    .end(page);
  return true;
}

/** Monaco, GraphiQL's editor, writes styles into the page; its fonts and pictures are inside of the style sheet. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  'font-src data:',
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

async function pageFor(options: ApiOptions): Promise<string> {
  const files = await graphiqlFiles();
  const authorization = `Bearer ${options.sandboxKey ?? 'paste your key here'}`;
  const settings = {
    workers: {
      editorWorkerService: files.editorWorker.url,
      json: files.jsonWorker.url,
      graphql: files.graphqlWorker.url,
    },
    tabs: graphiqlTabs(await exampleBatches(options)),
    graphiql: {
      title: 'BatchQL',
      logo: mark,
      // Server-sent events carry the headers of the pane; GraphiQL's WebSocket does not.
      subscriptionsProtocol: 'SSE',
      headers: JSON.stringify({ authorization }, null, 2),
      shouldPersistHeaders: false,
    },
  };
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>BatchQL</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(mark)}">
    <link rel="stylesheet" href="${files.styles.url}">
    <style>${corrections}</style>
  </head>
  <body>
    <noscript>GraphiQL needs JavaScript.</noscript>
    <div id="root"></div>
    <script id="settings" type="application/json">${JSON.stringify(settings).replaceAll('<', '\\u003c')}</script>
    <script src="${files.graphiql.url}"></script>
    <script src="${files.browser.url}"></script>
  </body>
</html>
`;
}

/**
 * GraphiQL expects few tabs: many would be cut off, and those it starts with jump away from under the first click,
 * which is lost.
 */
const corrections = `
      .graphiql-container .graphiql-session-header { height: auto; }
      .graphiql-container .graphiql-tabs { flex-wrap: wrap; }
      .graphiql-container .graphiql-tab { transform: none !important; }
    `;

/** Three lines of a batch, one of them done. */
const mark =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="28" height="28"><path stroke="#d60590" stroke-width="4" stroke-linecap="round" d="M4 5h16"/><path stroke="#999" stroke-width="4" stroke-linecap="round" d="M4 12h16M4 19h9"/></svg>';
