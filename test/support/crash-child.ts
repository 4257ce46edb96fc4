/**
 * The process that is killed. It holds several services, each with a database and a provider of its own, and dies for
 * all of them at once: what a service is in the middle of when it goes is its own affair, and a process costs a second.
 * Each starts when it is told to, under a clock that the parent turns, and works when it is asked to, so that what it
 * does until its end is the same each time. Everything in it is the service's own.
 */
import { type App, startApp } from '../../src/app.ts';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import { providers } from '../../src/providers/registry.ts';
import { type HandWorker, openHandWorker } from '../../src/worker/worker.ts';

/** What is asked of one of its services. */
export type ChildRequest = { readonly service: number } & (
  | { readonly kind: 'start'; readonly settings: Record<string, string>; readonly at: number }
  | { readonly kind: 'work'; readonly afterSeconds: number }
);

/** The answer to each request: where the service listens, or what went wrong. */
export interface ChildAnswer {
  readonly service: number;
  readonly url: string;
  readonly error: string | null;
}

const running = new Map<number, { app: App; worker: HandWorker; clock: HandClock }>();

async function start({ service, settings, at }: ChildRequest & { kind: 'start' }): Promise<string> {
  const clock = createHandClock(new Date(at));
  const config = readConfig(settings, {}, providers);
  const log = createLogger({ level: config.log.level, destination: process.stderr });
  const app = await startApp(config, log, { clock, works: false });
  running.set(service, { app, worker: openHandWorker(app.services, app.databaseUrl), clock });
  return app.url;
}

async function work({ service, afterSeconds }: ChildRequest & { kind: 'work' }): Promise<string> {
  const found = running.get(service);
  if (found === undefined) throw new Error('it has not been started');
  found.clock.advance({ seconds: afterSeconds });
  await found.worker.work();
  return found.app.url;
}

process.on('message', (asked: ChildRequest) => {
  (asked.kind === 'start' ? start(asked) : work(asked))
    .then(
      (url) => ({ service: asked.service, url, error: null }),
      (error: unknown) => ({ service: asked.service, url: '', error: String(error) }),
    )
    .then((answer: ChildAnswer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
