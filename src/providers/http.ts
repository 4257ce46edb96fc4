/**
 * The one kind of call that no SDK makes for us: a POST whose body is streamed, with an exact length, holding no
 * more of it than a piece at a time.
 *
 * Owned here: the sending, back-pressure, and whether anything can have left us when it fails. Left to others:
 * what the answer's status means (`http-failure.ts`), and what the body holds (each vendor's folder).
 */
import { connectionFailure } from './http-failure.ts';

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
 * not as long as was said, is a fault of ours and is thrown as the plain error it is. Redirects are not followed.
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
  { body, contentLength }: StreamedRequest,
  sending: Sending,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const piece of gathered(body)) {
      bytes += piece.length;
      if (bytes > contentLength) break;
      sending.started = true;
      yield piece;
    }
  } catch (error) {
    sending.fault = error instanceof Error ? error : new Error('The body to be sent failed.');
    throw sending.fault;
  }
  if (bytes !== contentLength) {
    const more = bytes > contentLength ? 'more' : 'fewer';
    sending.fault = new Error(`The body to be sent had ${more} bytes than the ${contentLength} declared.`);
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
