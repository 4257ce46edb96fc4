/**
 * The composition root: makes every part of a process from its configuration, in the order in which they need
 * each other, and takes them down in the opposite order. Decides nothing by itself.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openCallbackCaller } from './callbacks/caller.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { openKeyring } from './credentials/keyring.ts';
import { type Database, openDatabase } from './db/client.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './db/embedded/embedded-postgres.ts';
import { DatabaseError } from './db/errors.ts';
import { migrateDatabase } from './db/migrate.ts';
import { ensurePartitions } from './db/queries/partitions.ts';
import { databaseTime } from './db/queries/time.ts';
import { workerScope } from './domain/scope.ts';
import { startDeliveries } from './emulators/deliveries.ts';
import type { RunningEmulator } from './emulators/running-emulator.ts';
import { StartError } from './errors.ts';
import { createHub } from './events/hub.ts';
import { connectHub, type EventSource } from './events/listener.ts';
import { createReadings } from './events/readings.ts';
import { ensureKeys, sandboxKey } from './first-keys.ts';
import { createGrantSigner } from './grant-signer.ts';
import { readingAddresses } from './http/client-address.ts';
import { loadPersistedDocuments } from './http/defences/persisted.ts';
import { serveMetrics } from './http/metrics-server.ts';
import { type HttpServer, listen } from './http/server.ts';
import { openKeptClock } from './kept-clock.ts';
import { type Meter, noMeter } from './meter.ts';
import { answersOf } from './metrics/answers.ts';
import { measuredProvider } from './metrics/measured-provider.ts';
import { createFigures } from './metrics/process-figures.ts';
import { noOwnPrices, readOwnPrices } from './prices/own-prices.ts';
import { createPriceBook } from './prices/price-book.ts';
import { openProviderAccess, type ProviderReach } from './providers/access.ts';
import type { Emulator } from './providers/emulation.ts';
import type { Provider } from './providers/provider.ts';
import { providers } from './providers/registry.ts';
import { openRates } from './rates/rates.ts';
import { schema } from './schema/index.ts';
import type { Services } from './services.ts';
import { startWorker, type Worker } from './worker/worker.ts';

/** A running process. */
export interface App {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  readonly services: Services;
  /** The database in use; a secret. */
  readonly databaseUrl: string;
  /** Where its figures are; null where nobody can ask for them. */
  readonly metricsUrl: string | null;
  /** The sandbox's emulators by provider's name; empty where nothing is emulated here. */
  readonly emulators: ReadonlyMap<string, Emulator>;
  /** Completes streams, ends or gives back running work, and stops what was started, the embedded Postgres too. */
  close(): Promise<void>;
}

/** Parts that tests turn by hand or look into. */
export interface AppParts {
  /** The time of everything; the database's where left out. */
  readonly clock?: Clock;
  /** What this machine takes for the time, to be corrected by the database; its own clock where left out. */
  readonly machineClock?: Clock;
  /** False: no background work by itself; the tests turn the clock and work by hand. */
  readonly works?: boolean;
  readonly onStatement?: (statement: string) => void;
}

const graceSeconds = 10;
const partitionMonthsAhead = 3;

/** Starts a process. Throws `StartError` with one sentence for everything that an operator can put right. */
export async function startApp(config: Config, log: Logger, parts: AppParts = {}): Promise<App> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    // One step that fails keeps none of the others from being done; the first failure is told at the end.
    const failures: unknown[] = [];
    for (const step of undo.splice(0).reverse()) await step().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    const prices = createPriceBook(
      config.pricesFile === null ? noOwnPrices : await readOwnPrices(config.pricesFile),
    );
    const embedded = config.database.url === null ? await openEmbedded(config) : null;
    if (embedded !== null) undo.push(() => embedded.stop());
    const databaseUrl = config.database.url ?? embedded?.url ?? '';
    const directUrl = config.database.directUrl ?? databaseUrl;
    await explained(config.database.directUrl === null ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL', () =>
      migrateDatabase(directUrl),
    );

    const db = openDatabase({
      url: databaseUrl,
      directUrl,
      ...(parts.onStatement === undefined ? {} : { onStatement: parts.onStatement }),
    });
    undo.push(() => db.close());
    const clock = parts.clock ?? (await explained('DATABASE_URL', () => openClock(db, log, parts, undo)));
    await explained('DATABASE_URL', async () => {
      await db.transaction((tx) => ensurePartitions(tx, clock.now(), partitionMonthsAhead));
      await ensureKeys({ db, clock, log }, config);
    });

    const figures = config.metrics === null ? null : createFigures();
    const meter = figures?.meter ?? noMeter;
    const { reaches, emulated } = await reachProviders(config, clock, embedded, meter);
    undo.push(() => Promise.all(emulated.map(({ emulator }) => emulator.close())));
    const emulators = new Map(emulated.map(({ provider, emulator }) => [provider.name, emulator]));
    const hub = createHub({ intervalMilliseconds: 1000 / config.eventsPerSecondMax });
    const source = await connectHub({ hub, db, log }, config.events);
    undo.push(() => source.close());
    const rates = openRates({ db, clock, log }, config.http.rates);
    undo.push(() => rates.counter.close());
    let listening: string | null = null;
    // An emulator can call this process where it listens; a provider only where the outside reaches it.
    const address = () =>
      config.http.publicUrl ?? (config.sandbox && config.role !== 'worker' ? listening : null);
    const services: Services = {
      db,
      clock,
      log,
      hub,
      readings: createReadings(db, () => clock.now()),
      rates,
      prices,
      callbacks: openCallbackCaller({ allow: config.callbackAllow, seconds: config.work.callbackSeconds }),
      // A worker listens for its operator alone.
      origin: () => config.http.publicUrl ?? (config.role === 'worker' ? null : listening),
      signer: createGrantSigner(config.signingSecret),
      meter,
      providers: openProviderAccess(reaches, { clock, callSeconds: config.work.callSeconds }, address),
      credentials: { keyring: openKeyring(config.credentials.keys), shared: config.credentials.shared },
      settings: config.work,
    };
    const told =
      config.metrics === null || figures === null
        ? null
        : await serveMetrics(config.metrics, answersOf(services, figures));
    if (told !== null) undo.push(() => told.close());
    const server = await openServer(services, config, source);
    undo.push(() => server.close(graceSeconds));
    listening = server.url;
    for (const { provider, emulator } of emulated) {
      const url = services.providers.find(provider.name)?.webhook?.url() ?? null;
      if (url !== null) await emulator.callAt?.(url);
    }
    // Last, because jobs that it sends say where this process listens; and first to stop.
    const worker = await openWorker(services, config, directUrl, parts);
    if (worker !== null) undo.push(() => worker.stop(graceSeconds));
    if (parts.works !== false) {
      const deliveries = startDeliveries(emulated, (provider, error) =>
        log.warn({ provider, err: error }, 'an emulator could not call back'),
      );
      undo.push(async () => deliveries.stop());
    }
    const url = config.http.publicUrl ?? server.url;
    return { url, metricsUrl: told?.url ?? null, services, databaseUrl, emulators, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const openEmbedded = (config: Config): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({ dataDirectory: config.dataDir });

/** The database's time, which all processes on it share. */
async function openClock(
  db: Database,
  log: Logger,
  { machineClock }: AppParts,
  undo: (() => Promise<unknown>)[],
): Promise<Clock> {
  const ask = () => db.read((q) => databaseTime(workerScope, q));
  const clock = await openKeptClock({ ask, log }, machineClock);
  undo.push(async () => clock.close());
  return clock;
}

/** A database that cannot be reached or used, as one sentence; its URL holds a password and stays out of it. */
async function explained<T>(setting: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new StartError(
      `The database at ${setting} cannot be used (${error.code}); check that it runs, and the user's rights.`,
    );
  }
}

/** How each provider is reached: for real, by an emulator of this process, or not at all. */
async function reachProviders(config: Config, clock: Clock, embedded: EmbeddedPostgres | null, meter: Meter) {
  const reaches = new Map<Provider, ProviderReach>();
  const emulated: RunningEmulator[] = [];
  const all = [...providers, ...config.compatibleProviders];
  for (const provider of all.map((one) => (meter === noMeter ? one : measuredProvider(one, meter)))) {
    const connection = config.providers[provider.name] ?? null;
    if (config.sandbox) {
      const emulator = await provider.emulate({
        clock,
        pace: { runningSeconds: config.sandboxSeconds },
        // Batches of the sandbox outlive a restart, as those of a real provider do.
        directory: join(embedded?.dataDirectory ?? config.dataDir ?? '.data', 'sandbox', provider.name),
      });
      emulated.push({ provider, emulator, switches: {} });
      reaches.set(provider, { mode: 'SANDBOX', connection: emulator });
    } else {
      const baseUrl = config.baseUrls[provider.name] ?? provider.settings.defaultBaseUrl;
      reaches.set(
        provider,
        connection === null ? { mode: 'UNCONFIGURED', baseUrl } : { mode: 'LIVE', connection, baseUrl },
      );
    }
  }
  return { reaches, emulated };
}

async function openWorker(
  services: Services,
  config: Config,
  databaseUrl: string,
  parts: AppParts,
): Promise<Worker | null> {
  if (config.role === 'api' || parts.works === false) return null;
  return startWorker(services, databaseUrl);
}

async function openServer(services: Services, config: Config, source: EventSource): Promise<HttpServer> {
  const {
    host,
    port,
    corsOrigins,
    trustedProxies,
    graphiql,
    introspection,
    queryLimits,
    persistedDocuments,
  } = config.http;
  const documents =
    persistedDocuments === null ? null : await loadPersistedDocuments(persistedDocuments, schema);
  let listening = '';
  const server = await listen({
    host,
    port,
    readiness: {
      database: () => answers(services.db),
      events: async () => config.events === 'poll' || source.listening(),
    },
    api:
      config.role === 'worker'
        ? null
        : {
            services,
            sandbox: config.sandbox,
            origin: () => config.http.publicUrl ?? listening,
            corsOrigins,
            clientAddress: readingAddresses(trustedProxies),
            sandboxKey: config.sandbox ? sandboxKey : null,
            graphiql,
            defences: {
              limits: queryLimits,
              introspection,
              suggestions: config.sandbox && introspection,
              documents,
            },
          },
  });
  listening = server.url;
  return server;
}

/** Whether a statement goes through; its text differs each time so that no cache can answer. */
async function answers(db: Database): Promise<boolean> {
  await db.read((q) => q.execute(`select '${randomUUID()}'`));
  return true;
}
