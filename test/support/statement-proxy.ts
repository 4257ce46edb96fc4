/**
 * A proxy in front of Postgres that sees each statement before Postgres does, and may hold it for ever.
 *
 * Owned here: as much of the frontend protocol as it takes to know where a statement begins and ends. A statement is
 * a simple query or a group of messages up to its Sync, because that is what Postgres commits or rolls back as one;
 * nothing of it is passed on before all of it is here. What is counted, and what is held, is the caller's.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running proxy. */
export interface StatementProxy {
  /** The database's url with the proxy in its place. */
  readonly url: string;
  /** Breaks every connection, as the end of its client does, so that Postgres rolls back what is open. */
  cut(): void;
  close(): void;
}

/** Starts a proxy before the database at `url`. A statement that `mayPass` refuses is never passed on, nor is any later one. */
export async function startStatementProxy(
  url: string,
  mayPass: (text: string) => boolean,
): Promise<StatementProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: Number(target.port), host: target.hostname, noDelay: true });
    for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    const statements = createStatementReader();
    let isHeld = false;
    near.on('data', (bytes: Buffer) => {
      for (const { text, raw } of statements.read(bytes)) {
        isHeld ||= text !== null && !mayPass(text);
        if (!isHeld) far.write(raw);
      }
    });
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: proxied.href,
    cut,
    close() {
      server.close();
      cut();
    },
  };
}

/** Bytes that are passed on together: a statement with its text, or what is none (null). */
interface Group {
  readonly text: string | null;
  readonly raw: Buffer;
}

const sslRequest = 80_877_103;

/** Cuts what a client sends into groups. Every message but the first, which has no letter, is a letter, a length and a body. */
function createStatementReader() {
  let rest: Buffer = Buffer.alloc(0);
  let hasStarted = false;
  let text = '';
  let held: Buffer[] = [];

  const readMessage = (): { letter: string; raw: Buffer } | null => {
    const lettered = hasStarted ? 1 : 0;
    if (rest.length < lettered + 4) return null;
    const length = lettered + rest.readUInt32BE(lettered);
    if (rest.length < length) return null;
    const raw = rest.subarray(0, length);
    rest = rest.subarray(length);
    const letter = hasStarted ? String.fromCharCode(raw[0] ?? 0) : '';
    // A client that asks for TLS first sends its startup message after the answer.
    if (!hasStarted) hasStarted = raw.readUInt32BE(4) !== sslRequest;
    return { letter, raw };
  };

  return {
    *read(bytes: Buffer): Generator<Group> {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (let message = readMessage(); message !== null; message = readMessage()) {
        const { letter, raw } = message;
        held.push(raw);
        if (letter === 'Q') text = textFrom(raw, 5);
        // Parse names the statement, then tells it; Bind of one that was parsed before tells nothing.
        if (letter === 'P') text = textFrom(raw, raw.indexOf(0, 5) + 1);
        if (partOfGroup.has(letter)) continue;
        yield { text: letter === 'Q' || letter === 'S' ? text : null, raw: Buffer.concat(held) };
        held = [];
        if (letter === 'Q' || letter === 'S') text = '';
      }
    },
  };
}

/** Parse, Bind, Describe, Execute and Close: what a Sync follows. */
const partOfGroup = new Set(['P', 'B', 'D', 'E', 'C']);

const textFrom = (raw: Buffer, start: number): string => raw.toString('utf8', start, raw.indexOf(0, start));
