/**
 * The load of the live rows, a program of its own: so many WebSocket subscribers of one operation, and a bare LISTEN
 * beside them, by whose notification everybody else's news is timed. Told by lines on its standard input what to wait
 * for, it answers each with a line of JSON. It knows nothing of which server it is connected to.
 */
import { createInterface } from 'node:readline';
import pg from 'pg';
import { WebSocket } from 'ws';
import { channel, isChangeOf, moment, type Round, type SubscribersTask } from './wire.ts';

const task = JSON.parse(process.argv[2] ?? '{}') as SubscribersTask;
const socketsAtOnce = 100;

let received = 0;
let sample = '';
let [first, last, notified] = [0, 0, 0];
let check = () => {};

const answer = (line: object) => console.log(JSON.stringify(line));
/** Resolves as soon as it holds; looked at whenever something arrives. */
const until = (holds: () => boolean) =>
  new Promise<void>((resolve) => {
    check = () => {
      if (!holds()) return;
      check = () => {};
      resolve();
    };
    check();
  });

const listener = new pg.Client({ connectionString: task.databaseUrl });
await listener.connect();
listener.on('notification', ({ payload = '' }) => {
  if (!isChangeOf(task.batch, payload)) return;
  notified = moment();
  check();
});
await listener.query(`listen ${channel}`);

function open(): Promise<void> {
  const opened = Promise.withResolvers<void>();
  const socket = new WebSocket(task.url, 'graphql-transport-ws');
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.on('open', () =>
    send({ type: 'connection_init', payload: { authorization: `Bearer ${task.key}` } }),
  );
  socket.once('message', () => {
    const { query, variables } = task;
    send({ id: crypto.randomUUID(), type: 'subscribe', payload: { query, variables } });
    socket.once('message', (snapshot) => {
      sample = String(snapshot);
      opened.resolve();
      socket.on('message', (data) => {
        last = moment();
        received += 1;
        if (received === 1) {
          first = last;
          sample = String(data);
        }
        if (received >= task.count) check();
      });
    });
  });
  socket.on('error', opened.reject);
  return opened.promise;
}

for (let made = 0; made < task.count; made += socketsAtOnce) {
  await Promise.all(Array.from({ length: Math.min(socketsAtOnce, task.count - made) }, open));
}
answer({ sample });

for await (const line of createInterface(process.stdin)) {
  if (line !== 'round') continue;
  [received, notified] = [0, 0];
  answer({ ready: true });
  await until(() => received >= task.count && notified > 0);
  answer({ sample, notified, first, last } satisfies Round);
}
