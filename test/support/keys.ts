/** Keys of every kind, put where the service looks for them. */
import { insertKey } from '../../src/db/queries/organizations.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { newId } from '../../src/services.ts';
import { hashOfKey } from '../../src/sign-in.ts';
import { mutate } from './mutations.ts';
import type { TestService } from './service.ts';

type KeyRow = Parameters<typeof insertKey>[1];

/** A new key of the organization; `row` says what is special about it. */
export async function addKey(
  { app, clock }: Pick<TestService, 'app' | 'clock'>,
  { organizationId }: Pick<OrganizationScope, 'organizationId'>,
  row: Partial<Pick<KeyRow, 'name' | 'scope' | 'sandboxOnly' | 'expiresAt' | 'revokedAt'>>,
): Promise<string> {
  const id = newId(clock);
  const key = `bq_test_${id}`;
  await app.services.db.transaction((tx) =>
    insertKey(tx, {
      id,
      organizationId,
      name: 'Test',
      hash: hashOfKey(key),
      scope: 'admin',
      createdAt: clock.now(),
      ...row,
    }),
  );
  return key;
}

/** A read token of the key for these batches; for all where none is named. */
export async function tokenOf(service: TestService, key: string, ...ids: readonly string[]): Promise<string> {
  const batches = ids.length === 0 ? { all: true } : { ids };
  return (await mutate(service, 'createReadToken', { batches, expiresInSeconds: 86_400 }, { key })).token;
}

/** The organization that a key belongs to; the sandbox's where none is given. */
export async function organizationOf(
  { query }: TestService,
  key?: string,
): Promise<{ organizationId: string }> {
  const { data } = await query('{ viewer { organization { id } } }', {}, key);
  return { organizationId: data.viewer.organization.id };
}
