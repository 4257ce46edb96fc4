/**
 * The calls that create, and those that carry bodies: a POST whose body is streamed, with an exact length, holding no
 * more of it than a piece at a time. Nothing of it leaves, and least of all its end, before a guard has said that it
 * still may; it is asked when the connection stands and the piece is about to be written, because a process can be
 * stopped for hours anywhere before that.
 *
 * Owned here: the sending, back-pressure, asking the guard, and whether anything can have left us when it fails. Left
 * to others: what the answer's status means (`http-failure.ts`), what the body holds (each vendor's folder), and what
 * the guard knows (`batches/sending-guard.ts`).
 */
import { connectionFailure } from './http-failure.ts';

/** Returns where it is still safe to create something; throws a `ProviderFailure` where it is not. Asked often. */
export type Guard = () => void;

/** A POST with a streamed body. */
export interface StreamedRequest {
  /** `POST` where absent. */
  readonly method?: 'POST' | 'PUT';
  readonly url: string;
  /** Without content-length, which is `contentLength`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Iterated once, only as fast as the other side reads; ended early when the call ends early. */
  readonly body: AsyncIterable<string | Uint8Array>;
  /** Exact bytes of the body, strings counted as UTF-8. */
  readonly contentLength: number;
  readonly signal: AbortSignal;
  /** Asked before every piece, and once more before the last byte, which goes alone: without it the other side has nothing. */
  readonly guard: Guard;
}

/** An answer, read whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * Sends the request and reads the answer, whatever its status. Where there is no answer it throws a
 * `ProviderFailure`: `unavailable` when nothing can have left us, else `uncertain`. A body that fails, or that is
 * not as long as was said, is a fault of ours and is thrown as the plain error it is, as is what the guard throws.
 * Redirects are not followed.
 */
export async function streamedRequest(request: StreamedRequest): Promise<HttpAnswer> {
  const sending: Sending = { started: false, fault: null };
  const body = measured(request, sending);
  try {
    const init = {
      method: request.method ?? 'POST',
      headers: { ...request.headers, 'content-length': String(request.contentLength) },
      body: pulled(body),
      duplex: 'half',
      // Where fetch may follow a redirect, it keeps the whole body in memory in order to send it again.
      redirect: 'error',
      signal: request.signal,
    } as const;
    const response = await fetch(request.url, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    if (sending.fault !== null) throw sending.fault;
    throw connectionFailure(error, { creates: sending.started });
  } finally {
    // fetch leaves a body that it no longer needs hanging, and after an abort even reads it to its end.
    void body.return(undefined).catch(() => {});
  }
}

/** The same with a small body that is there as a whole. */
export const smallRequest = ({ body, ...request }: SmallRequest): Promise<HttpAnswer> =>
  streamedRequest({ ...request, body: once(body), contentLength: Buffer.byteLength(body) });

/** A POST with a body that is there as a whole. */
export type SmallRequest = Omit<StreamedRequest, 'body' | 'contentLength'> & { readonly body: string };

async function* once(body: string): AsyncGenerator<string> {
  yield body;
}

/**
 * `fetch` for the call of an SDK that creates. Its body, a text, is sent as `streamedRequest` sends it; what the guard
 * throws is told to `refused`, because an SDK makes an error of its own of it. No redirect is followed: a redirected
 * creation would be a second one, and one that leads to nobody would look as if nothing had been sent.
 */
export function guardedFetch(guard: Guard, refused: (error: unknown) => void): typeof fetch {
  return (input, init = {}) => {
    if (typeof init.body !== 'string') throw new TypeError('A call that creates has a text for its body.');
    const contentLength = Buffer.byteLength(init.body);
    const asked = () => {
      try {
        guard();
      } catch (error) {
        refused(error);
        throw error;
      }
    };
    const body = measured(
      { body: once(init.body), contentLength, guard: asked },
      { started: false, fault: null },
    );
    const headers = new Headers(init.headers);
    headers.set('content-length', String(contentLength));
    const sent = { ...init, headers, body: pulled(body), duplex: 'half', redirect: 'error' } as const;
    return fetch(input, sent);
  };
}

/** The body as a stream that takes a piece when one is asked for, and none ahead. */
const pulled = (body: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await body.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );

/** What the body tells the one who waits for the answer. */
interface Sending {
  started: boolean;
  fault: Error | null;
}

/** The body in pieces of a useful size, its length checked. */
async function* measured(
  { body, contentLength, guard }: Pick<StreamedRequest, 'body' | 'contentLength' | 'guard'>,
  sending: Sending,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  let end: Uint8Array | null = null;
  try {
    for await (const gathering of gathered(body)) {
      let piece = gathering;
      bytes += piece.length;
      if (bytes > contentLength) break;
      if (bytes === contentLength) {
        end = piece.subarray(-1);
        piece = piece.subarray(0, -1);
      }
      guard();
      if (piece.length === 0) continue;
      sending.started = true;
      yield piece;
    }
    if (bytes !== contentLength) {
      const more = bytes > contentLength ? 'more' : 'fewer';
      throw new Error(`The body to be sent had ${more} bytes than the ${contentLength} declared.`);
    }
    if (end === null) return;
    guard();
    sending.started = true;
    yield end;
  } catch (error) {
    sending.fault = error instanceof Error ? error : new Error('The body to be sent failed.');
    throw sending.fault;
  }
}

/** One write per line would cost more than the line. */
const pieceBytes = 64 * 1024;

async function* gathered(body: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of body) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes < pieceBytes) continue;
    yield Buffer.concat(held);
    held = [];
    heldBytes = 0;
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}
