/** The end of every test that changed batches: whatever happened, the invariants hold. */
import { expect } from 'vitest';
import { checkInvariants } from '../../src/batches/check.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';

/** Fails, naming every broken invariant and the first rows that break it. */
export async function expectInvariants(db: Database): Promise<void> {
  expect(await brokenInvariants(db)).toEqual([]);
}

/** The same over a connection of its own: whatever became of the service's. */
export async function expectInvariantsOf(url: string): Promise<void> {
  const db = openDatabase({ url, connectionsMax: 1 });
  try {
    await expectInvariants(db);
  } finally {
    await db.close();
  }
}

/** The names of the invariants that do not hold, each with the first rows that break it. */
export async function brokenInvariants(db: Database) {
  const all = await checkInvariants(db);
  return all
    .filter(({ broken }) => broken > 0)
    .map(({ invariant, violations }) => ({ name: invariant.name, violations }));
}
