/** The keys that a process makes by itself at its start: the operator's first one, and the sandbox's well-known one. */
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Database } from './db/client.ts';
import {
  firstOrganizationId,
  hasKey,
  hasLiveKey,
  insertKey,
  insertOrganization,
  lockOrganizations,
} from './db/queries/organizations.ts';
import { newId } from './services.ts';
import { hashOfKey } from './sign-in.ts';

/** The key that works in every sandbox and nowhere else. */
export const sandboxKey = 'bq_sandbox';

const sandboxOrganization = 'Sandbox';

/**
 * Makes the organization and the keys that the configuration asks for, where they are missing. Where anything is
 * live there is no default key; a service that nobody could sign in to says so.
 */
export async function ensureKeys(
  { db, clock, log }: { db: Database; clock: Clock; log: Logger },
  config: Pick<Config, 'apiKey' | 'sandbox'>,
): Promise<void> {
  await db.transaction(async (tx) => {
    // Several processes may start at once on an empty database.
    await lockOrganizations(tx);
    const createdAt = clock.now();
    const makeOrganization = async (name: string): Promise<string> => {
      const id = newId(clock);
      await insertOrganization(tx, { id, name, createdAt });
      return id;
    };
    const key = { scope: 'admin', createdAt };
    if (config.apiKey !== null && !(await hasKey(tx, hashOfKey(config.apiKey)))) {
      const organizationId =
        (await firstOrganizationId(tx, sandboxOrganization)) ?? (await makeOrganization('Default'));
      const hash = hashOfKey(config.apiKey);
      await insertKey(tx, { ...key, id: newId(clock), organizationId, name: 'BATCHQL_API_KEY', hash });
    }
    // Its key is known to everybody, so it must not open what is real.
    if (config.sandbox && !(await hasKey(tx, hashOfKey(sandboxKey)))) {
      const organizationId = await makeOrganization(sandboxOrganization);
      const hash = hashOfKey(sandboxKey);
      await insertKey(tx, {
        ...key,
        id: newId(clock),
        organizationId,
        name: 'Sandbox',
        hash,
        sandboxOnly: true,
      });
    }
  });
  if (!config.sandbox && !(await db.read(hasLiveKey))) {
    log.warn(
      'no API key exists, so nobody can sign in: set BATCHQL_API_KEY to a secret of at least 16 characters',
    );
  }
}
