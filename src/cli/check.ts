/**
 * `batchql check`: asks the database whether every invariant holds, and prints one line for each. Changes nothing
 * and migrates nothing, so it can be run beside a service at work.
 */
import { checkInvariants } from '../batches/check.ts';
import { readProcessConfig } from '../config.ts';
import { type Database, openDatabase } from '../db/client.ts';
import { startEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import { DatabaseError } from '../db/errors.ts';
import { StartError } from '../errors.ts';
import { providers } from '../providers/registry.ts';

/** Prints the report on standard output; sets exit code 1 where anything is broken. Throws `StartError`. */
export async function check(): Promise<void> {
  const { database, dataDir } = readProcessConfig({}, providers);
  const embedded = database.url === null ? await startEmbeddedPostgres({ dataDirectory: dataDir }) : null;
  // A large database is read as a whole, however long that takes.
  const db = openDatabase({ url: database.url ?? embedded?.url ?? '', connectionsMax: 1, answerSeconds: 0 });
  try {
    if (!(await report(db))) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new StartError(
      `The database cannot be checked (${error.code}); it must be one that this version of BatchQL has used.`,
    );
  } finally {
    await db.close();
    await embedded?.stop();
  }
}

/** Whether all of them hold. */
async function report(db: Database): Promise<boolean> {
  const all = await checkInvariants(db);
  for (const { invariant, checked, broken, violations } of all) {
    const mark = broken === 0 ? 'ok    ' : 'BROKEN';
    const numbers = broken === 0 ? `${checked} checked` : `${broken} of ${checked} broken`;
    console.log(`${mark}  ${invariant.name.padEnd(12)}  ${invariant.title}  (${numbers})`);
    for (const { id, detail } of violations) console.log(`          ${id}: ${detail}`);
  }
  return all.every(({ broken }) => broken === 0);
}
