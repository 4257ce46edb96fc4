/**
 * One service with everything around it that outlives it: a database, a provider's emulator, a receiver of callbacks,
 * and a clock for all. It lives in a process that is killed, with a proxy before each of them. At the k-th thing that it
 * wants to say to one of them it is held: that, and whatever else it says, is never passed on; and so it is when the process dies.
 * It is started again, here, on what it left behind.
 *
 * Counted are, from the moment when it listens, every statement, before Postgres has it (what the one before did is
 * committed then, or is about to be rolled back, so these are also the points after each), and of every call the three
 * moments of `request-proxy.ts`. What those who follow a batch read is not counted: they read when
 * a notification happens to arrive, and they write nothing; nor is the proof that notifications arrive.
 */
import type { IncomingMessage } from 'node:http';
import { sql } from 'drizzle-orm';
import { type App, startApp } from '../../src/app.ts';
import { createHandClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import type { Database } from '../../src/db/client.ts';
import { nonceLength } from '../../src/domain/ids.ts';
import { createLogger } from '../../src/log.ts';
import type { Emulator, EmulatorHost, EmulatorPace } from '../../src/providers/emulation.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';
import { type HandWorker, openHandWorker } from '../../src/worker/worker.ts';
import type { CrashProcess, ServiceInProcess } from './crash-process.ts';
import { takeDatabase } from './emptied-database.ts';
import { bytesOf, type CallMoment, startRequestProxy } from './request-proxy.ts';
import { testStart } from './service.ts';
import { startStatementProxy } from './statement-proxy.ts';

/** A moment at which the service can die. */
export interface CrashPoint {
  /** What it was doing, in the words of who made it do it. */
  readonly act: string;
  readonly kind: 'statement' | `${'request' | 'callback'} ${CallMoment}`;
  /** Which statement or call, without what differs from run to run. */
  readonly what: string;
}

/** A service that can die, and what is around it. */
export interface CrashableService {
  readonly provider: Provider;
  readonly emulator: Emulator;
  /** Who is told of the batch's end. */
  readonly receiver: CallbackReceiver;
  readonly db: Database;
  readonly key: string;
  /** The points of its present life that it has passed; the last is where it is held, if it is. */
  points(): readonly CrashPoint[];
  /** Resolves when it is held, in its present life. */
  held(): Promise<void>;
  /** Where the service listens that is up now. */
  url(): string;
  now(): Date;
  /** Says what the service is about to be made to do; null: what is not counted. */
  enter(act: string | null): void;
  /** Turns the clock by so many seconds, and lets the service do what is due. */
  work(afterSeconds: number): Promise<void>;
  /** After the death of its process: starts it again, in a process that may die, too, or here and for good. */
  restart(mortal: Mortality | null): Promise<void>;
  /** Takes down everything around it. Its process must be gone. */
  close(): Promise<void>;
}

/** In which process a service lives, and where it is held: at this point, counted from 1, or at none. */
export interface Mortality {
  readonly process: CrashProcess;
  readonly holdAt: number | null;
}

const key = 'bq_crash_0123456789abcdef';

/**
 * Long enough that the first poll finds the batch at work; but not where results are read while it runs: how much of
 * them a later reading has to read again is chance.
 */
const paceOf = ({ capabilities }: Provider): EmulatorPace => ({
  validatingSeconds: 1,
  runningSeconds: capabilities.partialResults ? 6 : 12,
  finalizingSeconds: 1,
  cancellingSeconds: 2,
});

/** Starts one with everything around it. */
export async function startCrashable(provider: Provider, mortal: Mortality): Promise<CrashableService> {
  const database = await takeDatabase();
  const { db } = database;
  const clock = createHandClock(testStart);
  let life = createLife(mortal.holdAt);
  let app: App | null = null;
  let worker: HandWorker | null = null;

  const statements = await startStatementProxy(database.url, (text) =>
    isUncounted(text) ? !life.isHeld() : life.mayPass('statement', summaryOf(text)),
  );
  const requests = await startRequestProxy((moment, call) =>
    life.mayPass(`request ${moment}`, operationOf(call)),
  );
  const emulator = await provider.emulate({ clock, pace: paceOf(provider), host: requests });
  const callbacks = await startRequestProxy((moment, call) =>
    life.mayPass(`callback ${moment}`, operationOf(call)),
  );
  const receiver = await startCallbackReceiver(callbacks);
  const settings = {
    ...connectionSettings(provider, emulator),
    BATCHQL_API_KEY: key,
    CALLBACK_ALLOW: '127.0.0.0/8',
    PORT: '0',
    LOG_LEVEL: 'fatal',
    POLL_FIRST_SECONDS: '10',
    POLL_MAX_SECONDS: '10',
    POLL_JITTER: '0',
    SEND_SECONDS: '60',
    CALL_SECONDS: '20',
  };

  const startIn = ({ process }: Mortality) =>
    process.start({ ...settings, DATABASE_URL: statements.url }, clock.now());
  const startHere = async () => {
    const config = readConfig({ ...settings, DATABASE_URL: statements.url }, {}, providers);
    app = await startApp(config, createLogger({ level: 'fatal' }), { clock, works: false });
    worker = openHandWorker(app.services, app.databaseUrl);
    return { url: app.url, work: worker.work };
  };
  let service: ServiceInProcess = await startIn(mortal);

  return {
    provider,
    emulator,
    receiver,
    db,
    key,
    points: () => life.points,
    held: () => life.held,
    url: () => service.url,
    now: () => clock.now(),
    enter: (act) => life.enter(act),
    async work(afterSeconds) {
      clock.advance({ seconds: afterSeconds });
      await service.work(afterSeconds);
    },
    async restart(next) {
      await statements.cut();
      requests.cut();
      callbacks.cut();
      await expireLeases(db);
      life = createLife(next?.holdAt ?? null);
      service = next === null ? await startHere() : await startIn(next);
    },
    async close() {
      await worker?.close();
      await app?.close();
      await emulator.close();
      requests.close();
      callbacks.close();
      await statements.close();
      await database.giveBack();
    },
  };
}

/** Counts what a service says from its first act on, up to the point where it is held. */
function createLife(holdAt: number | null) {
  const points: CrashPoint[] = [];
  const held = Promise.withResolvers<void>();
  let act: string | null = null;
  let isHeld = false;
  return {
    points,
    held: held.promise,
    isHeld: () => isHeld,
    enter(next: string | null) {
      act = next;
    },
    /** Whether it is passed on; nothing is from where it is held. */
    mayPass(kind: CrashPoint['kind'], what: string): boolean {
      if (isHeld || act === null) return !isHeld;
      points.push({ act, kind, what });
      if (points.length !== holdAt) return true;
      isHeld = true;
      held.resolve();
      return false;
    },
  };
}

/** Where callbacks arrive, and what came. */
export interface CallbackReceiver {
  readonly url: string;
  /** What was told, call by call; each was answered with 200. */
  readonly calls: readonly { readonly id: string; readonly body: string }[];
}

async function startCallbackReceiver(host: EmulatorHost): Promise<CallbackReceiver> {
  const calls: { id: string; body: string }[] = [];
  const url = await host.mount(async (incoming, outgoing) => {
    const body = await bytesOf(incoming).catch(() => null);
    // Torn by the death of whoever sent it.
    if (body === null) return;
    calls.push({ id: String(incoming.headers['webhook-id']), body: body.toString() });
    outgoing.end();
  });
  return { url, calls };
}

/** The settings that make the provider live, and its emulator what is called. */
function connectionSettings({ settings }: Provider, emulator: Emulator): Record<string, string> {
  const further = Object.entries(settings.more ?? {}).flatMap(([name, { variable }]) => {
    const value = emulator.more?.[name];
    return value === undefined ? [] : [[variable, value] as const];
  });
  return {
    [settings.apiKey]: emulator.apiKey,
    [settings.baseUrl]: emulator.baseUrl,
    ...Object.fromEntries(further),
  };
}

/** What the database's clock would do in half a minute. */
async function expireLeases(db: Database): Promise<void> {
  const past = sql`clock_timestamp() - interval '1 second'`;
  for (const table of ['jobs', 'deliveries', 'uploads']) {
    await db.read((q) =>
      q.execute(sql`update ${sql.identifier(table)} set lease_until = ${past} where lease_until is not null`),
    );
  }
}

/** What followers read, and the proof that notifications arrive. */
const isUncounted = (text: string): boolean =>
  text.includes(' as k(id, after)') || text.includes(' as proof') || text.includes('"rate_counts"');

/** A statement by its verb and the first table that it names. */
function summaryOf(text: string): string {
  const [, verb = 'empty'] = /^\W*(\w+)/.exec(text) ?? [];
  const [, table] = /\b(?:from|into|update|join)\s+"?([\w.]+)/.exec(text) ?? [];
  const [, called] = /\bselect\s+([\w.]+)\s*\(/.exec(text) ?? [];
  return [verb, table ?? called ?? ''].join(' ').trim();
}

/** What stands for an id: whatever has a digit, and a job's nonce, which by chance may have none. */
const idPattern = new RegExp(`[\\w-]*\\d[\\w-]*|\\b[a-z]{${nonceLength}}\\b`, 'g');

/** A call by its method and path, without ids: of the same name in every run. */
export function operationOf({ method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>): string {
  const path = url.replace(/\?.*$/, '').replace(idPattern, '…');
  return `${method} ${path}`;
}
