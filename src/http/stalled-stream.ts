/**
 * Cuts off readers of server-sent events that have stopped reading. Such a stream has no answers by which a dead
 * client could be told from a quiet one, but every few seconds it carries a sign of life, and when the client's
 * side does not take even that, nobody is there. What the stream carries is Yoga's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

const usualStallMilliseconds = 60_000;

/** Watches the connection from now on, if a stream of events was asked for and the answer is still open. */
export function cutWhenStalled(
  request: IncomingMessage,
  response: ServerResponse,
  stallMilliseconds = usualStallMilliseconds,
): void {
  if (response.writableEnded || !request.headers.accept?.includes('text/event-stream')) return;
  // Bytes that move start it anew; when it runs out, node destroys the connection. Node sets it back where the
  // connection is kept for another request.
  request.socket.setTimeout(stallMilliseconds);
}
