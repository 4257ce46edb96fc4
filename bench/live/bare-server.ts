/**
 * The limit of the live rows: a server that does nothing but send one text to every socket when it is notified of a
 * change of a batch. Batch and text are its second and third argument.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { WebSocketServer } from 'ws';
import { channel, isChangeOf } from './wire.ts';

const [, , databaseUrl = '', batch = '', text = ''] = process.argv;

const server = createServer();
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.once('message', () => {
    socket.send('{"type":"connection_ack"}');
    socket.once('message', () => socket.send(text));
  });
});
const listener = new pg.Client({ connectionString: databaseUrl });
await listener.connect();
listener.on('notification', ({ payload = '' }) => {
  if (!isChangeOf(batch, payload)) return;
  for (const socket of sockets.clients) socket.send(text);
});
await listener.query(`listen ${channel}`);
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
