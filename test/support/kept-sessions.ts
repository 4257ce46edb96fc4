/**
 * Sessions of Postgres that outlive their clients, as PgBouncer keeps them in session mode: when a client is gone, what it
 * left open is rolled back and everything of it is discarded, and the next one with the same startup message goes on in
 * its place. A session of its own costs Postgres a process, and that process everything that it has to read before its first
 * statement: more than the statements of a client that dies soon. A session that is in the middle of something when its
 * client goes is ended.
 */
import { connect, type Socket } from 'node:net';

/** A session, and what it says to one client after the other. */
export interface Session {
  /** Passes on whole messages: a statement, at whose end Postgres says that it is ready, or what is another's part. */
  send(raw: Buffer, kind: 'statement' | 'part'): void;
  /** Takes the session from its client, who is gone; resolves when it is ready for another, or ended. */
  release(): Promise<void>;
}

/** Who speaks to a session. */
export interface SessionClient {
  hear(bytes: Buffer): void;
  /** The server has ended the session. */
  lose(): void;
}

interface Kept {
  readonly socket: Socket;
  /** What Postgres says when somebody has signed in. */
  greeting: Buffer[];
  client: SessionClient | null;
  /** How many answers are not all here. */
  unanswered: number;
  /** Whether something was sent that only a later message ends. */
  isOpen: boolean;
  status: string;
  ready: (() => void) | null;
}

const idle = new Map<string, Kept[]>();

/** A session with the server at this port for who starts with this message: one that is idle, or a new one. */
export function takeSession(port: number, startup: Buffer, client: SessionClient): Session {
  const key = `${port} ${startup.toString('latin1')}`;
  const found = idle.get(key)?.pop();
  const session = found ?? startSession(port, startup, key);
  session.client = client;
  if (found !== undefined) for (const message of found.greeting) client.hear(message);
  return {
    send(raw, kind) {
      if (kind === 'statement') session.unanswered += 1;
      session.isOpen = kind === 'part';
      session.socket.write(raw);
    },
    async release() {
      session.client = null;
      if (await reset(session)) idle.set(key, [...(idle.get(key) ?? []), session]);
      else session.socket.destroy();
    },
  };
}

/** Whether it is as new. */
async function reset(session: Kept): Promise<boolean> {
  if (session.unanswered > 0 || session.isOpen || session.socket.destroyed) return false;
  if (session.status !== 'I') await ask(session, 'rollback');
  await ask(session, 'discard all');
  return session.status === 'I' && !session.socket.destroyed;
}

async function ask(session: Kept, statement: string): Promise<void> {
  const body = Buffer.from(`${statement}\0`);
  const head = Buffer.alloc(5, 'Q');
  head.writeUInt32BE(body.length + 4, 1);
  const answered = new Promise<void>((resolve) => {
    session.ready = resolve;
  });
  session.unanswered += 1;
  session.socket.write(Buffer.concat([head, body]));
  await answered;
}

function startSession(port: number, startup: Buffer, key: string): Kept {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const session: Kept = {
    socket,
    greeting: [],
    client: null,
    unanswered: 1,
    isOpen: false,
    status: '',
    ready: null,
  };
  socket.write(startup);
  const read = messageReader();
  let hasGreeted = false;
  socket.on('data', (bytes: Buffer) => {
    session.client?.hear(bytes);
    for (const { letter, raw } of read(bytes)) {
      if (!hasGreeted && isPartOfGreeting(letter, raw)) session.greeting.push(raw);
      if (letter !== 'Z') continue;
      hasGreeted = true;
      session.status = String.fromCharCode(raw[5] ?? 0);
      session.unanswered -= 1;
      session.ready?.();
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    idle.set(
      key,
      (idle.get(key) ?? []).filter((one) => one !== session),
    );
    session.ready?.();
    session.client?.lose();
  });
  return session;
}

/** All but the question for the password. */
const isPartOfGreeting = (letter: string, raw: Buffer): boolean =>
  letter !== 'R' || raw.readUInt32BE(5) === 0;

/** Cuts what a server says into messages: a letter, a length and a body. */
function messageReader(): (bytes: Buffer) => Generator<{ letter: string; raw: Buffer }> {
  let rest: Buffer = Buffer.alloc(0);
  return function* (bytes) {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= 5) {
      const length = 1 + rest.readUInt32BE(1);
      if (rest.length < length) return;
      yield { letter: String.fromCharCode(rest[0] ?? 0), raw: rest.subarray(0, length) };
      rest = rest.subarray(length);
    }
  };
}
