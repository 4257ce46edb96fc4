/**
 * The file of results, as a stream of bytes. Its URL lies at the API and wants the key; what answers there is nearly
 * always a redirect to a signed URL at some host for storage, which must not get the key. So redirects are followed
 * by hand. Which lines the bytes are is left to `results.ts`.
 */
import { ProviderFailure } from '../failure.ts';
import { connectionFailure, failureOf } from '../http-failure.ts';
import type { ClientServices, Connection } from '../provider.ts';
import { callHeaders, callSecondsDefault } from './calls.ts';
import { readErrorBody } from './wire.ts';

/** The bytes at a URL of the API's own, for as long as they keep coming. Throws `ProviderFailure` and nothing else. */
export async function* readOutput(
  connection: Connection,
  services: ClientServices,
  url: URL,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), (services.callSeconds ?? callSecondsDefault) * 1000);
  try {
    const body = await open(connection, services, url, AbortSignal.any([signal, slow.signal]));
    // From here on the file may take as long as it takes.
    clearTimeout(timer);
    if (body !== null) yield* body;
  } catch (error) {
    throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
  } finally {
    clearTimeout(timer);
  }
}

/** A signed URL leads to the file; one that leads in circles leads nowhere. */
const redirectsMax = 3;

const open = async (
  connection: Connection,
  services: ClientServices,
  url: URL,
  signal: AbortSignal,
): Promise<Response['body']> => {
  let at = url;
  let answer = await fetch(at, { headers: callHeaders(connection), redirect: 'manual', signal });
  for (let redirects = 0; isRedirect(answer); redirects += 1) {
    if (redirects === redirectsMax) throw lostWay();
    // Read to its end, because one that was torn is not to be believed.
    await answer.text();
    at = nextUrl(at, answer.headers.get('location'), connection);
    answer = await fetch(at, { redirect: 'manual', signal });
  }
  if (answer.status === 200) return answer.body;
  const text = await answer.text();
  const failure = failureOf({
    // Strangers' words are not the vendor's.
    ...(at === url ? readErrorBody(text) : { code: null, message: null }),
    status: answer.status,
    headers: answer.headers,
    now: services.clock.now(),
    creates: false,
    apiKey: connection.apiKey,
  });
  throw goneOrLater(failure, at !== url);
};

const isRedirect = ({ status, headers }: Response): boolean =>
  [301, 302, 303, 307, 308].includes(status) && headers.has('location');

/** Where a redirect leads: any host, but an open one only where the API itself is reached so; else `malformed`. */
export function nextUrl(from: URL, location: string | null, { baseUrl }: Pick<Connection, 'baseUrl'>): URL {
  const url = URL.parse(location ?? '', from);
  const allowed = new URL(baseUrl).protocol === 'http:' ? ['http:', 'https:'] : ['https:'];
  if (url !== null && allowed.includes(url.protocol)) return url;
  throw lostWay();
}

const lostWay = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'strange_redirect',
    message: 'The provider redirects to its results in a way that cannot be followed.',
  });

/**
 * 404 and 410 mean that the file is gone, at either host: a signed URL is asked at once, and each time for a new one.
 * Any other refusal of a signed URL speaks of the signature, and the next one may do.
 */
const goneOrLater = (failure: ProviderFailure, isSigned: boolean): ProviderFailure => {
  if (failure.status === 404) return new ProviderFailure('expired', failure);
  return isSigned && failure.kind === 'rejected' ? new ProviderFailure('unavailable', failure) : failure;
};
