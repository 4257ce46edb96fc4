/** Sign-in for plain routes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { UnauthenticatedError } from '../errors.ts';
import { signIn } from '../sign-in.ts';
import type { ApiOptions } from './graphql.ts';
import { answerJson } from './plain-answer.ts';

/** The caller; null after answering 401. */
export async function signInPlain(
  request: IncomingMessage,
  response: ServerResponse,
  { services, sandbox }: ApiOptions,
): Promise<SignedInKey | null> {
  const viewer = await signIn(services, request.headers, sandbox);
  if (viewer === null) answerUnauthenticated(response);
  return viewer;
}

/** Answers 401, whatever was wrong. */
export function answerUnauthenticated(response: ServerResponse): void {
  const { code, message } = new UnauthenticatedError();
  answerJson(response, 401, { error: { code, message } }, { 'www-authenticate': 'Bearer' });
}
