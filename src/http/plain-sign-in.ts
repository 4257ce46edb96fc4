/** Sign-in for plain routes, and the limits that hold for each of their requests. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { RateLimitedError, UnauthenticatedError } from '../errors.ts';
import { signIn } from '../sign-in.ts';
import { peerAddress } from './client-address.ts';
import type { ApiOptions } from './graphql.ts';
import { answerJson } from './plain-answer.ts';
import { chargeRequest, rateLimitHeaders } from './rate-limiting.ts';

/** The caller, who is told what is left of its limits; null after answering 401 or 429. */
export const signInPlain = (
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
): Promise<SignedInKey | null> =>
  admit(request, response, options, (address) =>
    signIn(options.services, request.headers, options.sandbox, address),
  );

/** The same for whoever is found in another way, which is told from which address it is asked. */
export async function admit(
  request: IncomingMessage,
  response: ServerResponse,
  { services, clientAddress = peerAddress }: ApiOptions,
  find: (address: string) => Promise<SignedInKey | null>,
): Promise<SignedInKey | null> {
  try {
    const viewer = await find(clientAddress(request));
    if (viewer === null) {
      answerUnauthenticated(response);
      return null;
    }
    const tell = async () => {
      const headers = rateLimitHeaders(await services.rates.counter.standing(viewer));
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    };
    await chargeRequest(services, viewer).finally(tell);
    return viewer;
  } catch (error) {
    if (!(error instanceof RateLimitedError)) throw error;
    const { code, message, retryAfterSeconds } = error;
    answerJson(response, 429, { error: { code, message } }, { 'retry-after': String(retryAfterSeconds) });
    return null;
  }
}

/** Answers 401, whatever was wrong. */
function answerUnauthenticated(response: ServerResponse): void {
  const { code, message } = new UnauthenticatedError();
  answerJson(response, 401, { error: { code, message } }, { 'www-authenticate': 'Bearer' });
}
