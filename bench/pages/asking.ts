/** The program that asks, started and told what to ask. */
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { lines } from '../live/programs.ts';
import { median } from '../row.ts';
import type { Asked, AskTask } from './wire.ts';

/** Somebody who asks for pages, from a process of its own. */
export async function asker(bench: Bench) {
  const child = bench.program(fileURLToPath(new URL('asker.ts', import.meta.url)));
  const said = await lines(child);
  return {
    /** Asks, and answers how it went. Throws where an answer has errors. */
    async ask(task: AskTask): Promise<Asked> {
      child.stdin?.write(`${JSON.stringify(task)}\n`);
      const asked = await said.next<Asked>();
      if (asked.sample.includes('"errors"')) throw new Error(asked.sample);
      return asked;
    },
  };
}

/** What is asked for, without how. */
export type Page = Pick<AskTask, 'url' | 'headers' | 'body'>;

/** The medians of some turns. */
export const middle = (turns: readonly Asked[]) => ({
  requestsPerSecond: median(turns.map(({ requestsPerSecond }) => requestsPerSecond)),
  milliseconds: median(turns.map(({ medianMilliseconds }) => medianMilliseconds)),
});
