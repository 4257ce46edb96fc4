/**
 * Encrypts every secret anew with the present key, one row after the other, beside a service that goes on: whoever has
 * both keys reads a secret before and after it was changed alike. Safe to stop and to begin again.
 */
import type { Queryable } from '../db/client.ts';
import {
  countSealedOtherwise,
  resealCredential,
  type SealedRow,
  secretsSealedOtherwise,
} from '../db/queries/credentials.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import type { Keyring } from './keyring.ts';

/** What a rotation came to. */
export interface Rotation {
  readonly changed: number;
  /** The credentials that none of the keys opens. */
  readonly unreadable: readonly string[];
}

const rowsPerReading = 100;

/** Rotates; `progress` is told how many of how many are done. */
export async function rotateSecrets(
  { db }: Pick<Services, 'db'>,
  keyring: Keyring,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<Rotation> {
  const { present } = keyring;
  const total = await db.read((q) => countSealedOtherwise(workerScope, q, present));
  const unreadable: string[] = [];
  let changed = 0;
  let after: string | null = null;
  progress(0, total);
  for (;;) {
    const page = { sealedBy: present, after, limit: rowsPerReading };
    const rows: SealedRow[] = await db.read((q) => secretsSealedOtherwise(workerScope, q, page));
    for (const row of rows) {
      const outcome = await db.read((q) => reseal(q, keyring, row));
      if (outcome === 'unreadable') unreadable.push(row.id);
      if (outcome === 'changed') changed += 1;
      progress(changed + unreadable.length, Math.max(total, changed + unreadable.length));
    }
    after = rows.at(-1)?.id ?? null;
    if (rows.length < rowsPerReading) return { changed, unreadable };
  }
}

async function reseal(
  q: Queryable,
  keyring: Keyring,
  row: SealedRow,
): Promise<'changed' | 'unreadable' | 'changed-meanwhile'> {
  const text = keyring.open(row, row);
  if (text === null) return 'unreadable';
  const isChanged = await resealCredential(workerScope, q, row, keyring.seal(text, row));
  return isChanged ? 'changed' : 'changed-meanwhile';
}
