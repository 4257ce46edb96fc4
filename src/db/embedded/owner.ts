/**
 * Who may stop the server. Of all processes that use one data directory exactly one is the owner; the others
 * are guests. An owner that died is succeeded by whoever claims next. Knows nothing of Postgres.
 *
 * The owner file is `postgres.owner.<turn>` and holds "pid began", or nothing when its owner let go. The
 * highest turn counts. A claim is the exclusive creation of the next turn, so that of several claimants one
 * wins; the turn is looked up once more afterwards, because a claimant that was asleep may create a turn which
 * others have passed.
 */
import { randomUUID } from 'node:crypto';
import { link, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, stillRuns } from './process-identity.ts';
import { readIfThere } from './read-if-there.ts';
import { hasCode } from './system-error.ts';

/** The right to stop the server, held until it is released or this process ends, however it ends. */
export interface Ownership {
  /** Lets the next claimant have it. */
  release(): Promise<void>;
}

/** Makes this process the owner of the data directory; undefined while another living claim holds it. */
export async function claimOwnership(directory: string): Promise<Ownership | undefined> {
  for (;;) {
    const turns = await listTurns(directory);
    const latest = Math.max(0, ...turns);
    if (await isHeld(ownerFile(directory, latest))) return undefined;
    const mine = ownerFile(directory, latest + 1);
    if (!(await createOwnerFile(directory, mine))) continue;
    if (Math.max(...(await listTurns(directory))) === latest + 1) {
      await Promise.all(turns.map((turn) => rm(ownerFile(directory, turn), { force: true })));
      return { release: () => vacate(directory, mine) };
    }
    await rm(mine, { force: true });
  }
}

function ownerFile(directory: string, turn: number): string {
  return join(directory, `postgres.owner.${turn}`);
}

async function listTurns(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => /^postgres\.owner\.(\d+)$/.exec(name)?.slice(1).map(Number) ?? []);
}

async function isHeld(file: string): Promise<boolean> {
  const [pid, began = ''] = (await readIfThere(file))?.trim().split(' ') ?? [];
  return await stillRuns({ pid: Number(pid), began });
}

/** Linked rather than written in place: whoever sees the file sees all of it. */
async function createOwnerFile(directory: string, file: string): Promise<boolean> {
  const me = await identifyProcess(process.pid);
  const draft = await writeDraft(directory, `${process.pid} ${me?.began ?? ''}\n`);
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The file stays, empty: turns only ever grow, or a claimant that was asleep could win an old one. */
async function vacate(directory: string, file: string): Promise<void> {
  await rename(await writeDraft(directory, ''), file);
}

async function writeDraft(directory: string, text: string): Promise<string> {
  const draft = join(directory, `postgres.owner-${randomUUID()}`);
  await writeFile(draft, text, { flag: 'wx' });
  return draft;
}
