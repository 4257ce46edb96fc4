/** The keys of the caller's organization: who made what, and the verbs of keys. */
import type { Context } from '../context.ts';
import { type ApiKeyView, apiKeyPage, countApiKeys } from '../db/queries/api-keys.ts';
import { createApiKeyInput } from '../domain/api-key.ts';
import { type PageArguments, pageWindow } from '../domain/page.ts';
import { createApiKey as create, type NewApiKey } from '../keys/create-key.ts';
import { revokeApiKey as revoke } from '../keys/revoke-key.ts';
import { pageSizes, parseInput } from './arguments.ts';
import { creationCursor } from './batch.ts';
import { type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** A key, as the schema's type is backed. */
export type ApiKeyModel = ApiKeyView;

/** The organization's keys, newest first, revoked and expired ones included. */
export async function listApiKeys(
  args: PageArguments,
  { services: { db }, scope }: Context,
): Promise<Connection<ApiKeyView>> {
  const { organizationId } = scope;
  const window = pageWindow(args, pageSizes.batches);
  const cursor = creationCursor('apiKey');
  const page = {
    limit: readingLimit(window),
    order: readingOrder(window, 'descending'),
    beyond: cursor.read(window),
  };
  const rows = await db.read((q) => apiKeyPage(scope, q, organizationId, page));
  return connectionOf(window, rows, cursor.of, () => db.read((q) => countApiKeys(scope, q, organizationId)));
}

/** The key with this id; null for no id, and where the organization has none with it. */
export const apiKeyOf = async (id: string | null, { loaders }: Context): Promise<ApiKeyView | null> =>
  id === null ? null : loaders.apiKey.load(id);

/** The key that made the key. */
export const keyMaker = ({ createdBy }: ApiKeyView, context: Context): Promise<ApiKeyView | null> =>
  apiKeyOf(createdBy, context);

/** Makes a key. */
export async function createApiKey(
  { input }: { input: unknown },
  { services, scope }: Context,
): Promise<NewApiKey> {
  const read = parseInput(createApiKeyInput(services.clock.now()), input);
  return create(services, scope, scope.organizationId, read);
}

/** Takes a key back. */
export async function revokeApiKey(
  { input }: { input: { apiKeyId: string } },
  { services, scope }: Context,
): Promise<{ apiKey: ApiKeyView }> {
  const { notifies } = services.settings;
  return { apiKey: await revoke({ ...services, notifies }, scope, input.apiKeyId) };
}
