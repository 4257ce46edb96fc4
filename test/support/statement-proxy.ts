/**
 * A proxy in front of Postgres that sees each statement before Postgres does, and may hold it for ever.
 *
 * Owned here: as much of the frontend protocol as it takes to know where a statement begins and ends. A statement is
 * a simple query or a group of messages up to its Sync, because that is what Postgres commits or rolls back as one;
 * nothing of it is passed on before all of it is here. What is counted, and what is held, is the caller's.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Session, takeSession } from './kept-sessions.ts';

/** A running proxy. */
export interface StatementProxy {
  /** The database's url with the proxy in its place. */
  readonly url: string;
  /** Breaks every connection, as the end of its client does, and waits until Postgres has rolled back what is open. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy before the database at `url`. A statement that `mayPass` refuses is never passed on, nor is any later one. */
export async function startStatementProxy(
  url: string,
  mayPass: (text: string) => boolean,
): Promise<StatementProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const leaving = new Set<Promise<void>>();
  const leave = (session: Session | null) => {
    const left = session?.release() ?? Promise.resolve();
    leaving.add(left);
    left.finally(() => leaving.delete(left));
  };
  const server = createServer({ noDelay: true }, (near) => {
    const statements = createStatementReader();
    let session: Session | null = null;
    let isHeld = false;
    const client = {
      hear: (bytes: Buffer) => void near.write(bytes),
      lose: () => void near.destroy(),
    };
    sockets.add(near);
    near.on('error', () => undefined);
    near.on('close', () => {
      sockets.delete(near);
      leave(session);
    });
    near.on('data', (bytes: Buffer) => {
      for (const { kind, text, raw } of statements.read(bytes)) {
        if (kind === 'startup') session = takeSession(Number(target.port), raw, client);
        if (kind === 'statement') isHeld ||= !mayPass(text);
        if (!isHeld && kind !== 'startup' && kind !== 'end') session?.send(raw, kind);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  const cut = async () => {
    const gone = [...sockets].map((socket) => once(socket, 'close'));
    for (const socket of sockets) socket.destroy();
    await Promise.all(gone);
    await Promise.all(leaving);
  };
  return {
    url: proxied.href,
    cut,
    async close() {
      server.close();
      await cut();
    },
  };
}

/** Bytes that are passed on together, and for a statement its text. */
interface Group {
  /** How a client begins, a statement, what is another message's part, and how a client ends. */
  readonly kind: 'startup' | 'statement' | 'part' | 'end';
  readonly text: string;
  readonly raw: Buffer;
}

/** Cuts what a client sends into groups. Every message but the first, which has no letter, is a letter, a length and a body. */
function createStatementReader() {
  let rest: Buffer = Buffer.alloc(0);
  let hasStarted = false;
  const parsed = new Map<string, string>();
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
    hasStarted = true;
    return { letter, raw };
  };

  return {
    *read(bytes: Buffer): Generator<Group> {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (let message = readMessage(); message !== null; message = readMessage()) {
        const { letter, raw } = message;
        held.push(raw);
        if (letter === 'Q') text = textFrom(raw, 5);
        // Parse names the statement, then tells it; Bind names its portal, then a statement that was parsed.
        if (letter === 'P') {
          text = textFrom(raw, raw.indexOf(0, 5) + 1);
          parsed.set(textFrom(raw, 5), text);
        }
        if (letter === 'B') text = parsed.get(textFrom(raw, raw.indexOf(0, 5) + 1)) ?? '';
        if (partOfGroup.has(letter)) continue;
        yield { kind: kinds[letter] ?? 'part', text, raw: held.length === 1 ? raw : Buffer.concat(held) };
        held = [];
        if (letter === 'Q' || letter === 'S') text = '';
      }
    },
  };
}

const kinds: Readonly<Record<string, Group['kind']>> = {
  '': 'startup',
  Q: 'statement',
  S: 'statement',
  X: 'end',
};

/** Parse, Bind, Describe, Execute and Close: what a Sync follows. */
const partOfGroup = new Set(['P', 'B', 'D', 'E', 'C']);

const textFrom = (raw: Buffer, start: number): string => raw.toString('utf8', start, raw.indexOf(0, start));
