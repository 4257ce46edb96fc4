/** `/metrics`, on a port of its own: it needs no key, so it is not where callers are. */
import { createServer } from 'node:http';
import { bind } from './bind.ts';
import { answerJson } from './plain-answer.ts';

/** A server that tells figures. */
export interface MetricsServer {
  /** Where they are, as Prometheus is told. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it. Throws `StartError` where the port is taken or the host cannot be bound. */
export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  text: () => Promise<{ readonly type: string; readonly body: string }>,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const isAsked =
      request.method === 'GET' && URL.parse(request.url ?? '', 'http://localhost')?.pathname === '/metrics';
    if (!isAsked) {
      return answerJson(response, 404, { error: { code: 'NOT_FOUND', message: 'There is nothing here.' } });
    }
    text().then(
      ({ type, body }) => response.writeHead(200, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  const url = await bind(server, { host, port, settings: { host: 'METRICS_HOST', port: 'METRICS_PORT' } });
  return {
    url: `${url}/metrics`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
