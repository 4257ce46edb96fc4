/**
 * Sends results whose JSON was made for many readers straight to a WebSocket. graphql-ws would make the JSON of each
 * message anew, and the plugins would put a layer around each; what they see of the stream is the rest: results
 * with errors, failures, and the end. The next event is read when the socket has taken the one before.
 */
import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import { sharedText } from './shared-text.ts';

/** A stream, and the same without its layers. */
export interface LayeredResults {
  readonly layered: AsyncIterableIterator<ExecutionResult>;
  readonly plain: AsyncIterator<ExecutionResult, void>;
}

/** The stream without what is sent here, for the operation with this id. */
export function sendingDirectly(
  { layered, plain }: LayeredResults,
  socket: WebSocket,
  id: string,
): AsyncIterableIterator<ExecutionResult> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  let left = false;

  /** Sends until there is something that is not to be sent here. */
  async function sendShared(): Promise<IteratorResult<ExecutionResult, void>> {
    for (;;) {
      const step = await plain.next();
      if (step.done) return step;
      const text = sharedText(step.value);
      if (text === null) return step;
      // The client has said that it wants no more of it.
      if (left) return { done: true, value: undefined };
      await sent(socket, `${head}${text}}`);
    }
  }
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const step = await sendShared();
        // It has ended, and the layers say how.
        return step.done && !left ? await layered.next() : step;
      } catch (error) {
        await layered.return?.();
        throw error;
      }
    },
    async return() {
      left = true;
      await layered.return?.();
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
