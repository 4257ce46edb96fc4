/**
 * A proxy in front of an emulator, or of whoever else is called, that sees each of the three moments of a call at which its
 * caller can die: before anything of it was sent, when half of its body was, and when the other side has done its work
 * and nobody has heard.
 *
 * Owned here: passing calls on, up to the moment that is refused. What is counted, and what is refused, is the
 * caller's. Bodies and answers are held in memory: those of these tests are small.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EmulatorHost } from '../../src/providers/emulation.ts';

/** The moments of a call. */
export type CallMoment = 'before' | 'torn' | 'answered';

/** A running proxy. What it is the host of takes its address for its own. */
export interface RequestProxy extends EmulatorHost {
  /** Breaks every call that is under way, on both sides. */
  cut(): void;
  close(): void;
}

/** Starts a proxy. What `mayPass` refuses goes no further: nothing more of the call is passed on, either way. */
export async function startRequestProxy(
  mayPass: (moment: CallMoment, call: IncomingMessage) => boolean,
): Promise<RequestProxy> {
  let serve: (incoming: IncomingMessage, outgoing: ServerResponse) => void = () => undefined;
  const behind = createServer((incoming, outgoing) => serve(incoming, outgoing));
  const front = createServer((incoming, outgoing) => {
    passOn(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const portOf = async (server: typeof front): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const [port, frontPort] = [await portOf(behind), await portOf(front)];

  async function passOn(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bytesOf(incoming);
    const { method, url: path, headers } = incoming;
    if (!mayPass('before', incoming)) return;
    const call = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      call.on('response', resolve).on('error', reject);
    });
    // Where its caller is dead by then, nobody waits for it.
    answered.catch(() => undefined);
    if (body.length > 0) {
      const half = body.subarray(0, Math.ceil(body.length / 2));
      await new Promise((resolve) => call.write(half, resolve));
      if (!mayPass('torn', incoming)) return;
      call.write(body.subarray(half.length));
    }
    call.end();
    const answer = await answered;
    const bytes = await bytesOf(answer);
    if (!mayPass('answered', incoming)) return;
    const { 'transfer-encoding': _, ...rest } = answer.headers;
    outgoing.writeHead(answer.statusCode ?? 502, { ...rest, 'content-length': bytes.length }).end(bytes);
  }

  const cut = () => {
    behind.closeAllConnections();
    front.closeAllConnections();
  };
  return {
    async mount(handle) {
      serve = handle;
      return `http://127.0.0.1:${frontPort}`;
    },
    cut,
    close() {
      front.close();
      behind.close();
      cut();
    },
  };
}

/** The whole body of a request or an answer; rejects where it is torn. */
export async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
