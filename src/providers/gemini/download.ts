/**
 * A results file, streamed. The key goes to the origin of the base URL alone: where the vendor sends us elsewhere for
 * the bytes, we go there without it.
 */
import type { Clock } from '../../clock.ts';
import { ProviderFailure } from '../failure.ts';
import { connectionFailure } from '../http-failure.ts';
import type { Connection } from '../provider.ts';
import { refusalOf } from './refusal.ts';

/** What a download needs beside its address. */
export interface Download {
  readonly connection: Connection;
  readonly clock: Clock;
  /** How long it may take until the first bytes come; after that they may take as long as they take. */
  readonly callMilliseconds: number;
  readonly signal: AbortSignal;
}

/** The bytes at the address. Throws `ProviderFailure` and nothing else. */
export async function* download(
  address: string,
  { connection, clock, callMilliseconds, signal }: Download,
): AsyncGenerator<Uint8Array> {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), callMilliseconds);
  try {
    const { answer, isForeign } = await followed(address, connection, AbortSignal.any([signal, slow.signal]));
    if (!answer.ok) {
      const { status, headers } = answer;
      const { apiKey } = connection;
      const now = clock.now();
      const told = await answer.text();
      // Strangers' words are not the vendor's.
      const text = isForeign ? '' : told;
      const failure = refusalOf({ status, headers, text, now, creates: false, apiKey });
      throw isForeign ? goneOrLater(failure) : failure;
    }
    clearTimeout(timer);
    if (answer.body !== null) yield* answer.body;
  } catch (error) {
    throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
  } finally {
    clearTimeout(timer);
  }
}

const redirectsMax = 3;

/** The first answer that leads nowhere else, or the last of too many that do; and whether another host gave it. */
const followed = async (
  address: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<{ answer: Response; isForeign: boolean }> => {
  const { origin } = new URL(connection.baseUrl);
  let at = new URL(address);
  for (let redirects = 0; ; redirects += 1) {
    const isForeign = at.origin !== origin;
    const headers: Record<string, string> = isForeign ? {} : { 'x-goog-api-key': connection.apiKey };
    const answer = await fetch(at, { headers, redirect: 'manual', signal });
    const next = nextAddress(at, answer.headers.get('location'));
    const leads = answer.status >= 300 && answer.status < 400;
    if (!leads || redirects === redirectsMax || next === null) return { answer, isForeign };
    await answer.body?.cancel();
    at = next;
  }
};

/** Where a redirect leads: to any host, but from an encrypted connection to no open one; else null. */
export function nextAddress(from: URL, location: string | null): URL | null {
  const url = location === null || location === '' ? null : URL.parse(location, from);
  const allowed = from.protocol === 'http:' ? ['http:', 'https:'] : ['https:'];
  return url !== null && allowed.includes(url.protocol) ? url : null;
}

/** That a file is not there is true wherever it is said; any other refusal speaks of an address that is good for once. */
const goneOrLater = (failure: ProviderFailure): ProviderFailure =>
  failure.kind === 'rejected' && failure.status !== 404
    ? new ProviderFailure('unavailable', failure)
    : failure;
