/** `POST /callbacks/<provider>/<token>`: where providers call us. What a call does is `batches/provider-callback.ts`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { takeProviderCall } from '../batches/provider-callback.ts';
import type { ApiOptions } from './graphql.ts';
import { answerJson } from './plain-answer.ts';

/** Longer than any call of a provider; they carry ids and states, never results. */
const bodyBytesMax = 1_000_000;

/**
 * Answers a call with 204, also where it changes nothing, so that nobody calls again; 401 where it is not genuine,
 * 404 for a path that nobody was given, 413 where it is too long. False for other paths.
 */
export async function answerCallback(
  request: IncomingMessage,
  response: ServerResponse,
  { services }: Pick<ApiOptions, 'services'>,
): Promise<boolean> {
  const [, provider, token] =
    /^\/callbacks\/([a-z0-9]+)\/([A-Za-z0-9]+)(?:\?.*)?$/.exec(request.url ?? '') ?? [];
  if (provider === undefined || token === undefined) return false;
  if (request.method !== 'POST') {
    refuse(response, 405, 'METHOD_NOT_ALLOWED', 'Callbacks are called by POST.', { allow: 'POST' });
    return true;
  }
  const body = await readBody(request);
  if (body === null) {
    refuse(response, 413, 'PAYLOAD_TOO_LARGE', `A call may have ${bodyBytesMax} bytes.`, {
      connection: 'close',
    });
    return true;
  }
  const headers = { get: (name: string) => headerOf(request, name) };
  const call = await takeProviderCall(services, { provider, token, headers, body });
  if (call.fate === 'unknown') refuse(response, 404, 'NOT_FOUND', 'There is nothing here.');
  else if (call.fate === 'refused')
    refuse(response, 401, 'UNAUTHENTICATED', `The call was refused: ${call.reason}.`);
  else response.writeHead(204).end();
  return true;
}

const refuse = (
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void => answerJson(response, status, { error: { code, message } }, headers);

const headerOf = ({ headers }: IncomingMessage, name: string): string | null => {
  const value = headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
};

/** The whole body; null where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += piece.length;
    if (bytes > bodyBytesMax) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
