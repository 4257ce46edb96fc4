/**
 * A line to Postgres on which every statement waits until it is let through, so that a test decides in which order
 * those of two processes reach the database. It reads as much of the protocol as that takes: where a statement
 * ends, when it is answered, whether a transaction is open then, and which backend works on it.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running line. */
export interface GatedLine {
  /** The server's url by way of this line. */
  readonly url: string;
  /** From now on every statement waits; before that, and after `open`, none does. */
  close(): void;
  open(): void;
  /** The statement that waits to be let through; null where none does. */
  readonly waiting: string | null;
  /** The backend that works on the one that was let through last; null once that is answered. */
  readonly working: number | null;
  /** Whether a transaction is open on it. */
  readonly inTransaction: boolean;
  /** Lets the waiting statement through. */
  pass(): void;
  /** Resolves when any of these has changed. */
  changed(): Promise<void>;
  end(): Promise<void>;
}

/** Starts a line to the server at `url`. */
export async function startGatedLine(url: string): Promise<GatedLine> {
  const { port, hostname } = new URL(url);
  const sockets = new Set<Socket>();
  const waiting: { text: string; pid: number; send(): void }[] = [];
  const transactions = new Set<number>();
  let isClosed = false;
  let working: number | null = null;
  let change = Promise.withResolvers<void>();
  const tell = (): void => {
    change.resolve();
    change = Promise.withResolvers();
  };
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let pid = 0;
    for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(socket);
      // Answers go on in pieces; each would else wait for the one before to be acknowledged.
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        transactions.delete(pid);
        other.destroy();
      });
    }
    let begun = false;
    let unit: Buffer[] = [];
    near.on(
      'data',
      messages({ startsUntyped: true }, (type, message) => {
        if (!begun || !isPartOfStatement(type)) {
          begun = true;
          far.write(message);
          return;
        }
        unit.push(message);
        if (type !== 'Q' && type !== 'S') return;
        const statement = Buffer.concat(unit);
        const text = textOf(unit);
        unit = [];
        const send = () => {
          working = pid;
          far.write(statement);
        };
        if (isClosed) waiting.push({ text, pid, send });
        else far.write(statement);
        tell();
      }),
    );
    far.on('data', (bytes) => near.write(bytes));
    far.on(
      'data',
      messages({ startsUntyped: false }, (type, message) => {
        if (type === 'K') pid = message.readInt32BE(5);
        if (type !== 'Z') return;
        if (message.toString('latin1', 5, 6) === 'I') transactions.delete(pid);
        else transactions.add(pid);
        if (working === pid) working = null;
        tell();
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = new URL(url);
  own.hostname = '127.0.0.1';
  own.port = String((server.address() as AddressInfo).port);

  return {
    url: own.href,
    close() {
      isClosed = true;
    },
    open() {
      isClosed = false;
      for (const { send } of waiting.splice(0)) send();
    },
    get waiting() {
      return waiting[0]?.text ?? null;
    },
    get working() {
      return working;
    },
    get inTransaction() {
      return transactions.size > 0;
    },
    pass() {
      waiting.shift()?.send();
    },
    changed: () => change.promise,
    async end() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What is kept back and sent as one: the extended protocol's messages up to Sync, or one simple query. */
const isPartOfStatement = (type: string): boolean => 'PBDEHCSQ'.includes(type);

/** The SQL of a statement: that of its simple query, or of what it parses. */
function textOf(unit: readonly Buffer[]): string {
  const first = unit[0]?.toString('utf8', 5) ?? '';
  const [name = '', text = ''] = first.split('\0');
  return unit[0]?.toString('latin1', 0, 1) === 'P' ? text : name;
}

/** Cuts a stream into the protocol's messages: a letter, the length of the rest, the rest. A client's first has no letter. */
function messages(
  { startsUntyped }: { readonly startsUntyped: boolean },
  handle: (type: string, message: Buffer) => void,
): (bytes: Buffer) => void {
  let held = Buffer.alloc(0);
  let letters = startsUntyped ? 0 : 1;
  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= letters + 4) {
      const length = letters + held.readInt32BE(letters);
      if (held.length < length) return;
      const message = held.subarray(0, length);
      held = held.subarray(length);
      const type = message.toString('latin1', 0, letters);
      letters = 1;
      handle(type, message);
    }
  };
}
