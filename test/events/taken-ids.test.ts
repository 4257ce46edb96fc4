/** A client that takes the id of an operation again before that one is over loses nothing for others: all ends with it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const follow = { id: '1', type: 'subscribe', payload: { query: 'subscription { batchesUpdated { seq } }' } };
const stop = { id: '1', type: 'complete' };

/** Signs in, says all of it in one go, and goes away when a ping is answered. */
function say(messages: readonly object[]): Promise<void> {
  const socket = new WebSocket(`${service.url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.on('open', () => send({ type: 'connection_init', payload: { 'x-api-key': sandboxKey } }));
  socket.on('message', (data) => {
    const { type } = JSON.parse(String(data));
    if (type === 'connection_ack') for (const message of [...messages, { type: 'ping' }]) send(message);
    if (type === 'pong') socket.close();
  });
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

it.each<[string, object[]]>([
  ['taken again at once', [follow, stop, follow]],
  ['taken again and again', [follow, stop, follow, stop, follow, stop, follow]],
  ['given back before it was used', [follow, stop]],
  ['still in use', [follow]],
])('An id that is %s leaves nobody following when the connection is gone', async (_title, messages) => {
  for (let turn = 0; turn < 5; turn += 1) await say(messages);
  await expect.poll(() => service.app.services.hub.size).toBe(0);
});
