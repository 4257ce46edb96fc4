/** What is handed on of a key's right to read: tokens for web pages. */
import type { Context } from '../context.ts';
import { createReadTokenInput, readTokenSecondsUsual } from '../domain/read-token.ts';
import { createReadToken as create, type NewReadToken } from '../keys/create-read-token.ts';
import { globalId, parseInput, uuidOfInput } from './arguments.ts';

/** A token in use, or a new one, as far as the schema's type shows it. */
export type ReadTokenModel = Pick<NewReadToken, 'expiresAt' | 'batchIds'>;

/** Makes a token. */
export async function createReadToken(
  { input }: { input: unknown },
  { services, scope, viewer }: Context,
): Promise<NewReadToken> {
  const { batches, expiresInSeconds } = parseInput(createReadTokenInput, input);
  const batchIds = batches.ids?.map((id) => uuidOfInput('Batch', ['batches', 'ids'], id)) ?? null;
  const seconds = expiresInSeconds ?? readTokenSecondsUsual;
  return create(services, scope, viewer, { batchIds: batchIds && [...new Set(batchIds)], seconds });
}

/** The token that the request was signed with; null for a key. */
export const readTokenInUse = ({ grant }: Context['viewer']): ReadTokenModel | null => grant;

/** The global ids of the batches that a token opens; null for all. */
export const readableBatches = ({ batchIds }: ReadTokenModel): string[] | null =>
  batchIds?.map((id) => globalId('Batch', id)) ?? null;
