/**
 * Calls through the vendor's SDK, with the SDK's own ideas switched off: no retries (only we know what is safe to
 * send again), nothing from the environment, no logging. Answers come back as the text they are, because a
 * report keeps them verbatim; every failure is a `ProviderFailure`.
 */
import OpenAI, { APIError } from 'openai';
import type { ProviderFailure } from '../failure.ts';
import { type Guard, guardedFetch } from '../http.ts';
import { connectionFailure } from '../http-failure.ts';
import type { ClientServices, Connection } from '../provider.ts';
import { refusal } from './refusal.ts';
import { readError } from './wire.ts';

/** What every call hands to the SDK beside its own arguments. */
export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeout: number;
  readonly maxRetries: 0;
}

/** How a call is made. */
export interface CallManner {
  readonly signal: AbortSignal;
  /** There for a call that creates something which must not be created twice; then a lost answer is `uncertain`. */
  readonly guard?: Guard;
}

/** A call of the SDK, answered as the raw response. */
export type SdkCall = (sdk: OpenAI, options: CallOptions) => { asResponse(): Promise<Response> };

/** The SDK for one set of credentials. */
export interface Calls {
  /** Makes a call and reads its answer whole, within `callSeconds`. */
  text(call: SdkCall, manner: CallManner): Promise<string>;
  /** Makes a call and streams its answer, for as long as bytes keep coming. */
  bytes(call: SdkCall, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Calls with these credentials. Opens no connection by itself. */
export function createCalls(
  { baseUrl, apiKey }: Connection,
  { clock, callSeconds = 60 }: ClientServices,
): Calls {
  const callMilliseconds = callSeconds * 1000;
  const sdk = new OpenAI({
    apiKey,
    baseURL: baseUrl,
    maxRetries: 0,
    timeout: callMilliseconds,
    // Null keeps the SDK from looking for these in the environment.
    organization: null,
    project: null,
    webhookSecret: null,
    adminAPIKey: null,
    logLevel: 'off',
  });

  const toFailure = (error: unknown, creates: boolean): ProviderFailure => {
    if (!(error instanceof APIError) || error.status === undefined) {
      return connectionFailure(error, { creates });
    }
    const { status, headers = new Headers() } = error;
    return refusal(readError(error.error), { status, headers, now: clock.now(), creates, apiKey });
  };

  return {
    async text(call, { signal, guard }) {
      const creates = guard !== undefined;
      const within = AbortSignal.any([signal, AbortSignal.timeout(callMilliseconds)]);
      // Before anything is sent, nothing can have been created.
      if (within.aborted) throw connectionFailure(within.reason, { creates: false });
      let refused: unknown = null;
      const once = guard && sdk.withOptions({ fetch: guardedFetch(guard, (error) => (refused = error)) });
      try {
        const options = { signal: within, timeout: callMilliseconds, maxRetries: 0 } as const;
        const response = await call(once ?? sdk, options).asResponse();
        return await response.text();
      } catch (error) {
        throw refused ?? toFailure(error, creates);
      }
    },
    async *bytes(call, signal) {
      try {
        const options = { signal, timeout: callMilliseconds, maxRetries: 0 } as const;
        const response = await call(sdk, options).asResponse();
        if (response.body !== null) yield* response.body;
      } catch (error) {
        throw toFailure(error, false);
      }
    },
  };
}
