/** `createApiKey`: makes a key of an organization. The key itself is answered here and nowhere else, ever. */
import { randomBytes } from 'node:crypto';
import { type ApiKeyView, findApiKeys, isSandboxOnly } from '../db/queries/api-keys.ts';
import { insertKey } from '../db/queries/organizations.ts';
import type { CreateApiKeyInput } from '../domain/api-key.ts';
import type { Scope } from '../domain/scope.ts';
import { newId, type Services } from '../services.ts';
import { hashOfKey } from '../sign-in.ts';

/** A key that was made just now. */
export interface NewApiKey {
  /** The key; it is not kept. */
  readonly key: string;
  readonly apiKey: ApiKeyView;
}

const secretBytes = 32;
/** Tells keys apart, and leaves more than 200 bits unsaid. */
const prefixCharacters = 'bq_'.length + 8;

/**
 * A new key of the organization. What a key of the sandbox makes opens no more than that one does, so that a key which
 * everybody knows cannot be turned into one that works where money is spent.
 */
export async function createApiKey(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  scope: Scope,
  organizationId: string,
  { name, scope: access, expiresAt = null }: CreateApiKeyInput,
): Promise<NewApiKey> {
  const id = newId(clock);
  const key = `bq_${randomBytes(secretBytes).toString('hex')}`;
  const createdBy = scope.kind === 'organization' ? scope.apiKeyId : null;
  return db.transaction(async (tx) => {
    await insertKey(tx, {
      id,
      organizationId,
      name,
      hash: hashOfKey(key),
      prefix: key.slice(0, prefixCharacters),
      scope: access,
      sandboxOnly: createdBy !== null && (await isSandboxOnly(scope, tx, createdBy)),
      createdAt: clock.now(),
      createdBy,
      expiresAt,
    });
    const [apiKey] = await findApiKeys(scope, tx, [id]);
    if (apiKey === undefined) throw new Error('the key was made just now');
    return { key, apiKey };
  });
}
