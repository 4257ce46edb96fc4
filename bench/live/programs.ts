/** The programs of the live rows, started and talked to. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import type { Round, SubscribersTask } from './wire.ts';

/** The path of a program in this folder. */
export const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Subscribers that are connected and have their first message. */
export async function subscribers(bench: Bench, task: SubscribersTask) {
  const child = bench.program(program('subscribers.ts'), [JSON.stringify(task)]);
  const said = await lines(child);
  let { sample } = await said.next<{ sample: string }>();
  return {
    get sample() {
      return sample;
    },
    /** Makes a change, and answers when everybody had it. */
    async round(change: () => Promise<unknown>): Promise<Round> {
      child.stdin?.write('round\n');
      await said.next();
      await change();
      const round = await said.next<Round>();
      sample = round.sample;
      return round;
    },
  };
}

/** The lines that a program prints, as JSON. */
export async function lines(child: ChildProcess) {
  if (child.stdout === null) throw new Error('a program is heard by its output');
  const iterator = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async next<Line>(): Promise<Line> {
      const { done, value } = await iterator.next();
      if (done) throw new Error('a program ended before it had said everything');
      return JSON.parse(value) as Line;
    },
  };
}
