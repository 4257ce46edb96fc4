/**
 * Sends results whose JSON was made for many readers straight to a WebSocket. graphql-ws would make the JSON of each
 * message anew, and the plugins would put a layer around each; what they see of the stream is the rest: results
 * with errors, failures, and the end. The next event is read when the socket has taken the one before.
 */
import type { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import type { AskedResults } from './shared-execution.ts';
import { sharedText } from './shared-text.ts';

/** A stream, and the same without its layers. */
export interface LayeredResults {
  readonly layered: AsyncIterableIterator<ExecutionResult>;
  readonly plain: AskedResults;
}

/** A WebSocket, and the connection under it. */
export interface Connection {
  readonly socket: WebSocket;
  readonly below: Socket;
}

/** The stream without what is sent here, for the operation with this id. */
export function sendingDirectly(
  { layered, plain }: LayeredResults,
  connection: Connection,
  id: string,
): AsyncIterableIterator<ExecutionResult> {
  const head = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
  let left = false;

  /** Sends until there is something that is not to be sent here. */
  const sendShared = (): Promise<IteratorResult<ExecutionResult, void>> =>
    new Promise((resolve, reject) => {
      let isAsking = false;
      let asksAgain = false;
      // A loop, because events that are there by now would make a deep recursion.
      function ask(): void {
        asksAgain = true;
        if (isAsking) return;
        isAsking = true;
        while (asksAgain) {
          asksAgain = false;
          plain.ask(told, reject);
        }
        isAsking = false;
      }
      function told(step: IteratorResult<ExecutionResult, void>): void {
        const text = step.done ? null : sharedText(step.value);
        if (text === null) resolve(step);
        // The client has said that it wants no more of it.
        else if (left) resolve({ done: true, value: undefined });
        else send(connection, joined(head, text), ask);
      }
      ask();
    });
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

/** The message: `Buffer.concat` of both and the closing brace, without what it looks at for each. */
function joined(head: Buffer, text: Buffer): Buffer {
  const message = Buffer.allocUnsafe(head.length + text.length + 1);
  message.set(head, 0);
  message.set(text, head.length);
  message[message.length - 1] = closingBrace;
  return message;
}

const closingBrace = 0x7d;

/** Calls `taken` when the connection has taken the message, or is gone. */
function send({ socket, below }: Connection, message: Buffer, taken: () => void): void {
  if (socket.readyState !== socket.OPEN) setImmediate(taken);
  else {
    socket.send(message, { binary: false });
    if (written.length === 0) queueMicrotask(goOn);
    written.push({ below, taken });
  }
}

/** Those that were written to in this go. What follows for each of them comes after everybody has his message. */
let written: { readonly below: Socket; readonly taken: () => void }[] = [];

function goOn(): void {
  const all = written;
  written = [];
  for (const { below, taken } of all) {
    // Nothing is awaited where the system has taken it by now, as it mostly has; an empty write is taken after all others.
    if (below.writableLength === 0) taken();
    else below.write(nothing, taken);
  }
}

const nothing = Buffer.alloc(0);
