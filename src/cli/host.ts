/**
 * Commands on the host work straight on the service's database, without a key. Owns how they come to it and to an
 * organization in it; what they do is their own.
 */
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/client.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { listOrganizations, type OrganizationRow } from '../db/queries/organizations.ts';
import { databaseTime } from '../db/queries/time.ts';
import { workerScope } from '../domain/scope.ts';
import { AppError, StartError } from '../errors.ts';
import { createLogger } from '../log.ts';
import type { WorkSettings } from '../services.ts';
import { withServiceDatabase } from './service-database.ts';

/** What a command on the host is handed. */
export interface Parts {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notifies: boolean;
  readonly settings: WorkSettings;
  readonly config: Config;
}

/** Does the work of a command on the service's database; brings that to its shape first: on an empty one, organizations come before the service. */
export const onDatabase = (work: (parts: Parts) => Promise<void>): Promise<void> =>
  withServiceDatabase(
    async ({ db, directUrl, config }) => {
      await migrateDatabase(directUrl);
      const now = await db.read((q) => databaseTime(workerScope, q));
      try {
        const log = createLogger({ level: config.log.level });
        const { work: settings } = config;
        const clock = { now: () => new Date(now) };
        await work({ db, log, clock, settings, notifies: settings.notifies, config });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        throw new StartError(error.message);
      }
    },
    {
      refusal: (code) => `The database cannot be used (${code}); check that it runs, and the user's rights.`,
    },
  );

/** The one organization that is called so or has this id. Throws `StartError` where there is none, or several. */
export async function organizationOf(db: Database, nameOrId: string): Promise<OrganizationRow> {
  const [organization, ...others] = await db.read((q) => listOrganizations(q, nameOrId));
  if (organization === undefined) {
    throw new StartError(`There is no organization ${nameOrId}; batchql org list tells them.`);
  }
  if (others.length > 0)
    throw new StartError(`Several organizations are called ${nameOrId}; name one by its id.`);
  return organization;
}
