/** The programs of the streaming rows: each does one thing once, and says in a line how long it took. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';

/** What a program says when it is done. */
export interface Turn {
  /** From its first byte, or its question, to the last answer; its own start and preparations are not in it. */
  readonly milliseconds: number;
  /** The bytes that it read. */
  readonly bytes?: number;
  /** The processor time of the Postgres process that it spoke to, where it spoke to one. */
  readonly postgresSeconds?: number;
}

/** Runs a program of this folder to its end. */
export async function turnOf(bench: Bench, file: string, task: object): Promise<Turn> {
  const child = bench.program(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(task)]);
  if (child.stdout === null) throw new Error('a program is heard by its output');
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  return JSON.parse(said) as Turn;
}
