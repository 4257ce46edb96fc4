/**
 * Messages that only a server sends are refused when a client sends one. graphql-ws takes them for a fault of its own:
 * it writes to the console and closes with 4500. All other messages are its to judge.
 */
import type { RawData, WebSocket } from 'ws';

/** The closing code of graphql-transport-ws for what cannot be understood. */
const badRequest = 4400;

/** Stands before the listeners that the socket has by now. */
export function refuseWrongWay(socket: WebSocket): void {
  const listeners = socket.rawListeners('message');
  socket.removeAllListeners('message');
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (goesWrongWay(String(data))) return socket.close(badRequest, 'Invalid message received');
    for (const listener of listeners) Reflect.apply(listener, socket, [data, isBinary]);
  });
}

function goesWrongWay(text: string): boolean {
  // Parsed a second time only where it may be one: the word itself, or letters that are written as escapes.
  if (!/"(?:next|error|connection_ack)"|\\u/.test(text)) return false;
  try {
    return ['next', 'error', 'connection_ack'].includes(Object(JSON.parse(text)).type);
  } catch {
    return false;
  }
}
