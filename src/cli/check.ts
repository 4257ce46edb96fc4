/**
 * `batchql check`: asks the database whether every invariant holds, and prints one line for each. Changes nothing
 * and migrates nothing, so it can be run beside a service at work.
 */
import { checkInvariants } from '../batches/check.ts';
import type { Database } from '../db/client.ts';
import { withServiceDatabase } from './service-database.ts';

/** Prints the report on standard output; sets exit code 1 where anything is broken. Throws `StartError`. */
export async function check(): Promise<void> {
  const holds = await withServiceDatabase(({ db }) => report(db), {
    // A large database is read as a whole, however long that takes.
    answerSeconds: 0,
    refusal: (code) =>
      `The database cannot be checked (${code}); it must be one that this version of BatchQL has used.`,
  });
  if (!holds) process.exitCode = 1;
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
