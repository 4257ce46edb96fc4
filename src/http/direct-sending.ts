/**
 * Sends results whose JSON was made for many readers straight to a WebSocket. graphql-ws would make the JSON of each
 * message anew; what it gets to see of the stream is the rest: results of its own, errors, and the end. The next
 * event is read when the socket has taken the one before.
 */
import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import { sharedText } from './shared-text.ts';

/** The stream without what is sent here, for the operation with this id. */
export function sendingDirectly(
  results: AsyncIterableIterator<ExecutionResult>,
  socket: WebSocket,
  id: string,
): AsyncIterableIterator<ExecutionResult> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  let left = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      for (;;) {
        const step = await results.next();
        const text = step.done ? null : sharedText(step.value);
        if (text === null) return step;
        // The client has said that it wants no more of it.
        if (left) return { done: true, value: undefined };
        await sent(socket, `${head}${text}}`);
      }
    },
    async return() {
      left = true;
      await results.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** Resolves when the connection has taken the message, or is gone. */
function sent(socket: WebSocket, message: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(message, (error) => (error ? reject(error) : resolve()));
  });
}
