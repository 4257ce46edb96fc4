/**
 * The body of a PutObject, in the two ways that the vendor's SDKs send it: plain, or framed in chunks of its own
 * (`aws-chunked`) with a checksum behind them. A checksum that comes along is compared.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import { refuseS3 } from './emulator-wire.ts';

/** The object that the call carries, or the refusal of one that did not arrive as it was sent. */
export async function readUpload({
  headers,
  stream,
}: EmulatorRequest): Promise<{ content: Buffer } | { refusal: EmulatorAnswer }> {
  const pieces: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const framed = /\baws-chunked\b/.test(headers['content-encoding'] ?? '');
  const read = framed ? unframe(body) : { content: body, trailer: new Map<string, string>() };
  if (read === null) return { refusal: incomplete };
  const { content, trailer } = read;
  const declared = headers[framed ? 'x-amz-decoded-content-length' : 'content-length'];
  if (declared !== undefined && Number(declared) !== content.length) return { refusal: incomplete };
  const told = checksumIn(headers, trailer);
  return told === null || told === checksumOf(content) ? { content } : { refusal: badDigest };
}

const incomplete = refuseS3(400, 'IncompleteBody', 'The body is not as long as it was said to be.');
const badDigest = refuseS3(400, 'BadDigest', 'The checksum is not that of what was received.');

interface Unframed {
  readonly content: Buffer;
  readonly trailer: ReadonlyMap<string, string>;
}

/** Chunks of `size[;extension] CRLF bytes CRLF`, the last of size zero, then the trailer's lines. */
const unframe = (body: Buffer): Unframed | null => {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, Math.max(at, lineEnd)), 16);
    if (lineEnd === -1 || Number.isNaN(size)) return null;
    const from = lineEnd + 2;
    if (size === 0) return { content: Buffer.concat(chunks), trailer: readTrailer(body.subarray(from)) };
    if (body.toString('latin1', from + size, from + size + 2) !== '\r\n') return null;
    chunks.push(body.subarray(from, from + size));
    at = from + size + 2;
  }
};

const readTrailer = (bytes: Buffer): Map<string, string> =>
  new Map(
    bytes
      .toString('latin1')
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );

const checksumHeader = 'x-amz-checksum-crc32';

const checksumIn = (headers: IncomingHttpHeaders, trailer: ReadonlyMap<string, string>): string | null => {
  const told = trailer.get(checksumHeader) ?? headers[checksumHeader];
  return typeof told === 'string' ? told : null;
};

const checksumOf = (content: Buffer): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(content));
  return bytes.toString('base64');
};
