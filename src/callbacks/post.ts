/**
 * One call to a callback URL, and what it came to. The addresses are looked up and judged once, and the connection is
 * made to those very addresses, under the host's own name; no connection is shared or kept, no redirect followed, no
 * proxy asked. Of the answer only its head matters.
 */
import { type IncomingMessage, request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type CallbackOutcome, isTaken } from '../domain/callback-schedule.ts';
import type { AllowList } from './allow-list.ts';
import { addressesOf, ForbiddenAddressError, type Resolve } from './destination.ts';

/** What is sent. */
export interface CallbackCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Where calls may go, and how long each may take. */
export interface CallTerms {
  readonly allow: AllowList;
  readonly resolve: Resolve;
  readonly seconds: number;
}

/** So much of an answer's body is taken, and thrown away, so that its sender can end in order. */
const answerBytesMax = 16_384;

/** Makes the call. Never throws: whatever goes wrong is an outcome, in words that quote neither side. */
export async function post(
  call: CallbackCall,
  { allow, resolve, seconds }: CallTerms,
  stop: AbortSignal,
): Promise<CallbackOutcome> {
  const late = AbortSignal.timeout(seconds * 1000);
  const signal = AbortSignal.any([stop, late]);
  try {
    const url = new URL(call.url);
    const addresses = await unlessAborted(addressesOf(url, allow, resolve), signal);
    const answer = await unlessAborted(send(url, addresses, call, signal), signal);
    // Its status is known; what its body does any more changes nothing.
    await unlessAborted(drain(answer), signal).catch(() => undefined);
    answer.destroy();
    return outcomeOf(answer);
  } catch (error) {
    const text = stop.aborted
      ? stopped
      : late.aborted
        ? `It did not answer within ${seconds} seconds.`
        : textOf(error);
    return { statusCode: null, error: text, retryAfter: null };
  }
}

const stopped = 'Its sender was stopped before the answer came.';

function outcomeOf({ statusCode = 0, headers }: IncomingMessage): CallbackOutcome {
  const redirects = statusCode >= 300 && statusCode < 400;
  const error = redirects ? 'A redirect is not followed.' : `The receiver answered ${statusCode}.`;
  return {
    statusCode,
    error: isTaken(statusCode) ? null : error,
    retryAfter: headers['retry-after'] ?? null,
  };
}

/** The system's word for what went wrong, and nothing else of a foreign error. */
function textOf(error: unknown): string {
  if (error instanceof ForbiddenAddressError) return 'Its host has an address that must not be called.';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const word = /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'unknown';
  return /^(?:ENOTFOUND|EAI_\w+|ENODATA)$/.test(word)
    ? `Its host name leads nowhere (${word}).`
    : `The connection failed (${word}).`;
}

function send(
  url: URL,
  addresses: readonly string[],
  { headers, body }: CallbackCall,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestByHttps : requestByHttp;
  return new Promise((resolve, reject) => {
    request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: false,
      lookup: knowing(addresses),
      signal,
    })
      .on('response', resolve)
      .on('error', reject)
      // Where the receiver changes to another protocol, that is all there is.
      .on('close', () => reject(Object.assign(new Error('closed without an answer'), { code: 'CLOSED' })))
      .end(body);
  });
}

/** A look-up that asks nobody: what was judged is what is connected to. */
function knowing(addresses: readonly string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, found) => {
    const [first] = known;
    if (all === true || first === undefined) found(null, known);
    else found(null, first.address, first.family);
  };
}

async function drain(answer: IncomingMessage): Promise<void> {
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) return;
  }
}

/** Not every step notices by itself that its time is up: a name server's answer cannot be taken back. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
