/**
 * How long a request may take to arrive. Node's own limit is for all requests of a server alike, and a file may be on
 * its way for hours; so it is off, and each route's requests are limited here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson } from './plain-answer.ts';

/** What Node allows by itself. */
const usualMilliseconds = 300_000;

/** Answers 408 and cuts the connection where the request is not whole in time. */
export function limitReceiving(
  request: IncomingMessage,
  response: ServerResponse,
  milliseconds = usualMilliseconds,
): void {
  if (request.complete) return;
  const timer = setTimeout(() => {
    if (request.complete) return;
    const error = { code: 'REQUEST_TIMEOUT', message: 'The request did not arrive in time.' };
    response.once('finish', () => request.destroy());
    if (response.headersSent) request.destroy();
    else answerJson(response, 408, { error }, { connection: 'close' });
  }, milliseconds);
  request.once('close', () => clearTimeout(timer));
}

/** How long a sender that goes on sending has to hear its answer. */
const lingerMilliseconds = 10_000;

/** Throws away what still comes of a request that was answered, for a while. */
export function drainRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), lingerMilliseconds);
  request.once('close', () => clearTimeout(timer));
}
