/**
 * Which web pages' scripts may read what a route answers: those that `CORS_ORIGINS` names, of every route alike.
 * Others get no such header at all (never `null`, which is the origin of files and of sandboxed frames). No
 * cookie is ever looked at, so a page has nothing but the key that its user gave it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a page's script may read of an answer's headers, beside those that every one may. */
const exposedHeaders =
  'content-disposition, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset';

/** How long a browser may remember the answer to a preflight, in seconds. */
const preflightSeconds = 7200;

/**
 * Whether a WebSocket may be opened by whoever asks: browsers let every page open one and read what comes, so it is
 * refused here to pages that may not read answers. Programs name no origin; `own` is where this service is reached.
 */
export function mayOpenSocket(
  { headers }: IncomingMessage,
  allowed: readonly string[],
  own: string,
): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  const page = URL.parse(origin);
  return page !== null && (page.host === host || page.origin === URL.parse(own)?.origin);
}

/** Puts the headers on the answer to come; answers a preflight itself, and then says true. */
export function answerCrossOrigin(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): boolean {
  const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
  const { origin } = headers;
  response.setHeader('vary', 'Origin');
  if (origin !== undefined && (allowed.includes('*') || allowed.includes(origin))) {
    response.setHeader('access-control-allow-origin', origin);
    if (isPreflight) {
      response.setHeader('access-control-allow-methods', 'GET, POST, PUT');
      response.setHeader('access-control-allow-headers', headers['access-control-request-headers'] ?? '');
      response.setHeader('access-control-max-age', preflightSeconds);
    } else {
      response.setHeader('access-control-expose-headers', exposedHeaders);
    }
  }
  if (isPreflight) response.writeHead(204, { 'content-length': 0 }).end();
  return isPreflight;
}
