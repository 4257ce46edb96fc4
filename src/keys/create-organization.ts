/** Makes organizations; for operators, as whoever calls the API has one already. */
import { entryOf, noTarget } from '../audit/audited.ts';
import { recordCall } from '../db/queries/audit.ts';
import {
  insertOrganization,
  listOrganizations,
  lockOrganizations,
  type OrganizationRow,
} from '../db/queries/organizations.ts';
import { organizationNameSchema } from '../domain/api-key.ts';
import { workerScope } from '../domain/scope.ts';
import { ValidationError } from '../errors.ts';
import { newId, type Services } from '../services.ts';

/** A new organization, without keys. Throws `ValidationError` where it cannot be called so, or another one is. */
export async function createOrganization(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  name: string,
): Promise<OrganizationRow> {
  const refuse = (message: string) => new ValidationError([{ path: ['name'], line: null, message }]);
  const read = organizationNameSchema.safeParse(name);
  if (!read.success) throw refuse(read.error.issues[0]?.message ?? 'name is not one.');
  const row = { id: newId(clock), name, createdAt: clock.now() };
  return db.transaction(async (tx) => {
    await lockOrganizations(tx);
    const [taken] = await listOrganizations(tx, name);
    if (taken !== undefined) throw refuse(`There is an organization called so already: ${taken.id}.`);
    await insertOrganization(tx, row);
    const call = { verb: 'createOrganization', organizationId: row.id, target: noTarget };
    await recordCall(workerScope, tx, entryOf({ clock }, workerScope, call));
    return row;
  });
}
