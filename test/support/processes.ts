/** BatchQL as a process of its own, started by its command line, as an operator does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/batchql.js', import.meta.url));

/** A process that runs, or ran. */
export interface RunningProcess {
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  output(): string;
  /** Resolves to the first line of its log, past or future, with this message; rejects if it exits before. */
  logged(message: string): Promise<Record<string, unknown>>;
  /** Resolves to its exit code; null where a signal ended it. */
  readonly exit: Promise<number | null>;
}

/** Starts `batchql <args>` with nothing in its environment but PATH, HOME and `environment`, and `input` to read. */
export function runBatchql(
  args: readonly string[],
  environment: Record<string, string> = {},
  nodeOptions: readonly string[] = [],
  input = '',
): RunningProcess {
  const child = spawn(process.execPath, [...nodeOptions, bin, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that reads nothing may be gone before it is told anything.
  child.stdin.on('error', () => undefined).end(input);
  let output = '';
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  child.stderr.on('data', (data: Buffer) => {
    output += data.toString();
  });
  createInterface(child.stdout).on('line', (line) => {
    output += `${line}\n`;
    if (line.startsWith('{')) lines.push(JSON.parse(line));
    for (const check of [...waiting]) check();
  });
  let exited = false;
  const exit = once(child, 'close').then(([code]) => {
    exited = true;
    for (const check of [...waiting]) check();
    return code as number | null;
  });
  return {
    child,
    output: () => output,
    exit,
    logged: (message) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const line = lines.find(({ msg }) => msg === message);
          if (line === undefined && !exited) return;
          waiting.delete(check);
          if (line !== undefined) resolve(line);
          else reject(new Error(`it exited before it logged "${message}":\n${output}`));
        };
        waiting.add(check);
        check();
      }),
  };
}
