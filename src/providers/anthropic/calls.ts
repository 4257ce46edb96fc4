/**
 * The vendor's SDK, kept to what we want of it: it builds the paths and knows the errors; it never retries, logs
 * or traces, and nothing in the environment (keys, profiles, custom headers) gets into a call. Answers come as
 * text, because their bytes are kept; what they say is left to `wire.ts`.
 */
import Anthropic from '@anthropic-ai/sdk';
import type { ProviderFailure } from '../failure.ts';
import { connectionFailure } from '../http-failure.ts';
import type { ClientServices, Connection } from '../provider.ts';
import { refusal } from './refusal.ts';
import { apiVersion } from './settings.ts';

/** The calls that carry no bodies of requests or results. Each throws `ProviderFailure` and nothing else. */
export interface AnthropicCalls {
  retrieve(id: string, signal: AbortSignal): Promise<string>;
  cancel(id: string, signal: AbortSignal): Promise<string>;
  /** Deletes a batch that is over, its requests and results with it. */
  delete(id: string, signal: AbortSignal): Promise<string>;
  /** One page, newest first, after the batch with the id `afterId`. */
  list(afterId: string | null, signal: AbortSignal): Promise<string>;
}

/** The calls for one set of credentials. */
export function createCalls(
  connection: Connection,
  { clock, callSeconds = 60 }: ClientServices,
): AnthropicCalls {
  const headers = callHeaders(connection);
  const sdk = new Anthropic({
    apiKey: connection.apiKey,
    baseURL: connection.baseUrl,
    maxRetries: 0,
    timeout: callSeconds * 1000,
    logLevel: 'off',
    openTelemetry: false,
    // The SDK lets ANTHROPIC_CUSTOM_HEADERS replace any header, the credential included.
    fetch: (url, init) => fetch(url, { ...init, headers }),
  });
  const { batches } = sdk.messages;

  const textOf = async (call: { asResponse(): Promise<Response> }): Promise<string> => {
    try {
      return await (await call.asResponse()).text();
    } catch (error) {
      throw toFailure(error, clock.now(), connection.apiKey);
    }
  };

  return {
    retrieve: (id, signal) => textOf(batches.retrieve(id, null, { signal })),
    cancel: (id, signal) => textOf(batches.cancel(id, null, { signal })),
    delete: (id, signal) => textOf(batches.delete(id, null, { signal })),
    list: (afterId, signal) =>
      textOf(batches.list({ limit: pageSize, ...(afterId && { after_id: afterId }) }, { signal })),
  };
}

/** What every call carries: the credential and the version, as SDK 1.x sends them. */
export const callHeaders = ({ apiKey }: Connection): Record<string, string> => ({
  accept: 'application/json',
  authorization: `Bearer ${apiKey}`,
  'anthropic-version': apiVersion,
});

/** Well below the 1,000 that the vendor is said to allow. */
const pageSize = 100;

const toFailure = (error: unknown, now: Date, apiKey: string): ProviderFailure => {
  if (!(error instanceof Anthropic.APIError) || error.status === undefined || error.headers === undefined) {
    return connectionFailure(error, { creates: false });
  }
  const { status, headers, type, errorCode, apiMessage: message } = error;
  return refusal({ status, headers, code: errorCode ?? type, message, now, creates: false, apiKey });
};
