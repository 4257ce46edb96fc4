/**
 * The calls that read something small, as plain fetch: each is made once. Answers come back as the text they are,
 * because a report keeps them verbatim; every failure is a `ProviderFailure`. Left to others: what creates
 * (`create.ts`) and the file of results (`output.ts`).
 */
import { ProviderFailure } from '../failure.ts';
import { connectionFailure, failureOf } from '../http-failure.ts';
import type { ClientServices, Connection } from '../provider.ts';
import { readErrorBody } from './wire.ts';

/** The calls for one set of credentials. Each answers a text within `callSeconds`. */
export interface Calls {
  retrieve(id: string, signal: AbortSignal): Promise<string>;
  /** The batches that were created after a moment (null: all), in one answer. */
  list(createdAfter: Date | null, signal: AbortSignal): Promise<string>;
}

/** How long a call may take where nobody says otherwise. */
export const callSecondsDefault = 60;

/** Calls with these credentials. Opens no connection by itself. */
export function createCalls(
  connection: Connection,
  { clock, callSeconds = callSecondsDefault }: ClientServices,
): Calls {
  const text = async (path: string, signal: AbortSignal): Promise<string> => {
    try {
      const answer = await fetch(addressOf(connection, path), {
        headers: callHeaders(connection),
        // Where else an answer might lie, the key has no business.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]),
      });
      const body = await answer.text();
      if (answer.ok) return body;
      throw failureOf({
        ...readErrorBody(body),
        status: answer.status,
        headers: answer.headers,
        now: clock.now(),
        creates: false,
        apiKey: connection.apiKey,
      });
    } catch (error) {
      throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
    }
  };

  return {
    retrieve: (id, signal) => text(`batch/${encodeURIComponent(id)}`, signal),
    list(createdAfter, signal) {
      if (createdAfter === null) return text('batch', signal);
      return text(`batch?${new URLSearchParams({ created_after: createdAfter.toISOString() })}`, signal);
    },
  };
}

/** The address of a path below `/v2`. The vendor's base URL comes without that, other people's often with it. */
export const addressOf = ({ baseUrl }: Connection, path: string): string =>
  `${baseUrl.replace(/\/+$/, '').replace(/\/v2$/, '')}/v2/${path}`;

/** What every call to the API carries, and no call to any other host. */
export const callHeaders = ({ apiKey }: Connection): Record<string, string> => ({
  accept: 'application/json',
  'x-api-key': apiKey,
});
