/** Requests byte by byte, for what no client would send; and what came back, if anything. */
import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long a server may take for any answer of these tests; longer counts as never. */
const patienceMilliseconds = 20_000;

/**
 * Sends these bytes; null where the connection was closed without an answer. Throws where nothing happens. What is no
 * whole request says that nothing more will come, upon which a server may close at once.
 */
export function sendBytes(
  url: string,
  bytes: Buffer | string,
  { whole = true } = {},
): Promise<WireAnswer | null> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) });
    socket.setTimeout(patienceMilliseconds, () => {
      socket.destroy();
      reject(
        new Error(
          `no answer within ${patienceMilliseconds} ms to ${JSON.stringify(String(bytes).slice(0, 500))}`,
        ),
      );
    });
    // A server that has had enough may close while bytes are still on their way.
    socket.on('error', () => undefined);
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('close', () => resolve(read(Buffer.concat(pieces))));
    socket.write(bytes);
    if (!whole) socket.end();
  });
}

/** A whole request whose connection ends with its answer. */
export function requestBytes(
  method: string,
  target: string,
  headers: readonly (readonly [name: string, value: string])[],
  body: Buffer | string = '',
): Buffer {
  const all = [['host', 'localhost'], ['connection', 'close'], ...headers];
  const hasLength = all.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(String(name)));
  if (!hasLength && body.length > 0) all.push(['content-length', String(Buffer.byteLength(body))]);
  const head = `${method} ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
}

function read(bytes: Buffer): WireAnswer | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  // Only that the body may come.
  if (/^HTTP\/1.1 1\d\d /.test(bytes.toString('latin1', 0, end))) return read(bytes.subarray(end + 4));
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = bytes.subarray(end + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? unchunked(rest) : rest;
  return { status: Number(first.split(' ')[1]), headers, body: body.toString('utf8') };
}

function unchunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(length > 0)) break;
    pieces.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
  return Buffer.concat(pieces);
}
