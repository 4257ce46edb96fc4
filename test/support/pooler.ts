/**
 * A pooler in transaction mode before Postgres, as PgBouncer is one: a client has a server's connection from its first
 * message until the server is outside of a transaction, and then another client may have it. Nothing is reset in between,
 * and each transaction of a client goes to the connection that was idle the longest, so that whatever is kept in a
 * session (settings, prepared statements by name, LISTEN, locks) is visibly lost or somebody else's.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import pg from 'pg';

/** A running pooler. */
export interface TestPooler {
  /** The database's url with the pooler in its place. */
  readonly url: string;
  /** How often a connection was handed to a client. */
  readonly borrowed: number;
  close(): Promise<void>;
}

/** A connection to Postgres that clients share. */
interface Shared {
  readonly socket: Socket;
  client: Client | null;
}

/** Somebody who speaks to the pooler. */
interface Client {
  readonly socket: Socket;
  server: Shared | null;
  /** What it has sent and no server has had. */
  waiting: Buffer[];
  /** Statements whose ReadyForQuery has not come. */
  unanswered: number;
}

/** Starts a pooler with so many connections before the database at `url`. */
export async function startPooler(url: string, connections = 3): Promise<TestPooler> {
  const idle: Shared[] = [];
  const queue: Client[] = [];
  const clients = new Set<Client>();
  const all: Shared[] = [];
  let borrowed = 0;

  const assign = () => {
    while (idle.length > 0 && queue.length > 0) {
      const [server, client] = [idle.shift(), queue.shift()];
      if (server === undefined || client === undefined) return;
      borrowed += 1;
      server.client = client;
      client.server = server;
      for (const bytes of client.waiting.splice(0)) server.socket.write(bytes);
    }
  };

  for (let made = 0; made < connections; made += 1) {
    const server: Shared = { socket: await signedIn(url), client: null };
    const read = messagesOf(false);
    server.socket.on('data', (bytes: Buffer) => {
      for (const message of read(bytes)) {
        const { client } = server;
        client?.socket.write(message);
        if (letterOf(message) !== 'Z' || client === null) continue;
        client.unanswered -= 1;
        if (client.unanswered > 0 || message[5] !== idleState) continue;
        client.server = null;
        server.client = null;
        idle.push(server);
        assign();
      }
    });
    server.socket.on('error', () => undefined);
    all.push(server);
    idle.push(server);
  }

  const pooler = createServer({ noDelay: true }, (socket) => {
    const client: Client = { socket, server: null, waiting: [], unanswered: 0 };
    clients.add(client);
    const read = messagesOf(true);
    socket.on('data', (bytes: Buffer) => {
      for (const message of read(bytes)) receive(client, message);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clients.delete(client);
      // As PgBouncer does: a server that is in the middle of something of nobody's is of no more use.
      client.server?.socket.destroy();
    });
  });

  const receive = (client: Client, message: Buffer) => {
    const letter = letterOf(message);
    if (letter === null) {
      const isStartup = message.readUInt32BE(4) === protocolVersion;
      return void client.socket.write(isStartup ? welcome : Buffer.from('N'));
    }
    if (letter === 'X') return void client.socket.end();
    if (letter === 'Q' || letter === 'S') client.unanswered += 1;
    if (client.server !== null) return void client.server.socket.write(message);
    client.waiting.push(message);
    if (!queue.includes(client)) queue.push(client);
    assign();
  };

  await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
  const pooled = new URL(url);
  pooled.port = String((pooler.address() as AddressInfo).port);
  pooled.hostname = '127.0.0.1';
  return {
    url: pooled.href,
    get borrowed() {
      return borrowed;
    },
    async close() {
      const closed = new Promise<void>((resolve) => pooler.close(() => resolve()));
      for (const { socket } of clients) socket.destroy();
      for (const { socket } of all) socket.destroy();
      await closed;
    },
  };
}

const protocolVersion = 196_608;
const idleState = 'I'.charCodeAt(0);

/** Signs in as `pg` does, and takes over its connection. */
async function signedIn(url: string): Promise<Socket> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // What the library tells of it is one thing, what it has is another.
  const { connection } = client as unknown as { connection: { stream: Socket } };
  connection.stream.removeAllListeners();
  return connection.stream;
}

const message = (letter: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5, letter);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const parameter = (name: string, value: string) => message('S', Buffer.from(`${name}\0${value}\0`));
/** Whoever comes is let in. */
const welcome = Buffer.concat([
  message('R', Buffer.alloc(4)),
  parameter('server_version', '18.4'),
  parameter('client_encoding', 'UTF8'),
  parameter('DateStyle', 'ISO, MDY'),
  parameter('standard_conforming_strings', 'on'),
  message('K', Buffer.alloc(8)),
  message('Z', Buffer.from('I')),
]);

/** Cuts bytes into messages; the first ones of a client have no letter, until one of them is its startup. */
function messagesOf(fromClient: boolean): (bytes: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  let hasStarted = !fromClient;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const messages: Buffer[] = [];
    for (;;) {
      const lettered = hasStarted ? 1 : 0;
      if (rest.length < lettered + 4) return messages;
      const length = lettered + rest.readUInt32BE(lettered);
      if (rest.length < length) return messages;
      const whole = rest.subarray(0, length);
      rest = rest.subarray(length);
      if (!hasStarted) hasStarted = whole.readUInt32BE(4) === protocolVersion;
      messages.push(whole);
    }
  };
}

/** The letter of a message; null for those at the start, whose first byte is of their length. */
const letterOf = (bytes: Buffer): string | null =>
  bytes[0] === 0 ? null : String.fromCharCode(bytes[0] ?? 0);
