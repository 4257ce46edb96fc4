/**
 * The HTTP server: GraphQL, downloads, and what an operator asks. Owns routing and the order of stopping;
 * every route has a file of its own.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { answerBatch } from './batch-route.ts';
import { bind } from './bind.ts';
import { answerCallback } from './callbacks.ts';
import { answerCrossOrigin } from './cross-origin.ts';
import { answerDownload } from './downloads.ts';
import { answerGraphiql } from './graphiql.ts';
import { type ApiOptions, createGraphqlApi, graphqlPath } from './graphql.ts';
import { answerHealth, type Readiness } from './health.ts';
import { watchKeys } from './key-watch.ts';
import { measureAnswer } from './measuring.ts';
import { answerJson } from './plain-answer.ts';
import { limitReceiving } from './receiving-limit.ts';
import { cutWhenStalled } from './stalled-stream.ts';
import { answerUpload, isUploadPath } from './uploads.ts';
import { serveWebSocket } from './websocket.ts';

/** A listening server. */
export interface HttpServer {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** Completes streams, lets running answers end, and cuts what is left after `graceSeconds`. */
  close(graceSeconds: number): Promise<void>;
}

/** How to listen, and what is served: everything, or (without `api`) only what an operator asks. */
export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly readiness: Readiness;
  readonly api: ApiOptions | null;
}

/** Starts listening. Throws `StartError` where the port is taken or the host cannot be bound. */
export async function listen({ host, port, readiness, api }: HttpOptions): Promise<HttpServer> {
  const keys = api === null ? null : watchKeys(api.services);
  const graphql = api === null || keys === null ? null : createGraphqlApi(api, keys);
  // What may take how long to arrive is each route's to say.
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (api !== null) measureAnswer(api.services.meter, request, response);
    if (!isUploadPath(request.url ?? '')) limitReceiving(request, response);
    route(request, response).catch((error: unknown) => {
      // A caller that went away before the request was whole; nobody is left to be told, and nothing went wrong here.
      if (request.destroyed && !request.complete) return void response.destroy();
      api?.services.log.error({ err: error }, 'a request failed by a fault of the service');
      if (response.headersSent) response.destroy();
      else
        answerJson(response, 500, {
          error: { code: 'INTERNAL_SERVER_ERROR', message: 'Something went wrong here.' },
        });
    });
  });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = URL.parse(request.url ?? '/', 'http://localhost');
    if (asked === null) {
      const message = 'The address of the request cannot be read.';
      return answerJson(response, 400, { error: { code: 'INVALID_ARGUMENT', message } });
    }
    const { pathname } = asked;
    if (await answerHealth(pathname, response, readiness)) return;
    if (api !== null && graphql !== null) {
      if (answerCrossOrigin(request, response, api.corsOrigins)) return;
      if (await answerGraphiql(request, response, api)) return;
      if (pathname === graphqlPath) {
        await graphql(request, response);
        return cutWhenStalled(request, response);
      }
      if (pathname === '/') return void response.writeHead(302, { location: graphqlPath }).end();
      if (await answerCallback(request, response, api)) return;
      if (await answerUpload(request, response, api)) return;
      if (await answerDownload(request, response, api)) return;
      if (await answerBatch(request, response, api)) return;
    }
    answerJson(response, 404, { error: { code: 'NOT_FOUND', message: 'There is nothing here.' } });
  }

  const letGo = async () => {
    keys?.close();
    await graphql?.dispose();
  };
  const settings = { host: 'HOST', port: 'PORT' };
  const address = await bind(server, { host, port, settings }).catch(async (error: unknown) => {
    await letGo();
    throw error;
  });
  const sockets =
    api === null || graphql === null || keys === null
      ? null
      : serveWebSocket(server, graphql, { ...api, keys });
  return {
    url: address,
    async close(graceSeconds) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const patience = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
      // Node closes what is idle by now; a connection whose answer ends in a moment would be kept for seconds.
      const sweeping = setInterval(() => server.closeIdleConnections(), 50);
      // WebSocket clients are told to go elsewhere before their streams end, so that none takes it for the end.
      const left = sockets?.close(graceSeconds);
      api?.services.hub.close();
      await Promise.all([left, closed]);
      clearTimeout(patience);
      clearInterval(sweeping);
      await letGo();
    },
  };
}
