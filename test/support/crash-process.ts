/** The parent's side of the process that is killed (`crash-child.ts`): starting it, asking it, and SIGKILL. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { inject } from 'vitest';
import type { ChildAnswer, ChildRequest } from './crash-child.ts';

/** A process with services in it. */
export interface CrashProcess {
  /** Starts a service with these settings, its clock standing at `at`. */
  start(settings: Record<string, string>, at: Date): Promise<ServiceInProcess>;
  /** Kills it without warning, and waits until it is gone. */
  kill(): Promise<void>;
}

/** One of its services. */
export interface ServiceInProcess {
  readonly url: string;
  /** Turns its clock, and lets it do what is due. Never settles where it is held in the middle of that. */
  work(afterSeconds: number): Promise<void>;
}

/** Starts a process without a service. */
export function startCrashProcess(): CrashProcess {
  const { program, codeCache } = inject('crashChild');
  const child = fork(program, {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: codeCache },
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<string>>();
  child.on('message', ({ service, url, error }: ChildAnswer) => {
    const asked = waiting.get(service);
    waiting.delete(service);
    if (error === null) asked?.resolve(url);
    else asked?.reject(new Error(error));
  });
  const ask = (request: ChildRequest): Promise<string> => {
    const asked = Promise.withResolvers<string>();
    waiting.set(request.service, asked);
    child.send(request);
    return asked.promise;
  };
  let services = 0;
  return {
    async start(settings, at) {
      services += 1;
      const service = services;
      const url = await ask({ service, kind: 'start', settings, at: at.getTime() });
      return {
        url,
        async work(afterSeconds) {
          await ask({ service, kind: 'work', afterSeconds });
        },
      };
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
