/**
 * The database of the service that the settings describe, for commands that work on it directly, also beside a service
 * that runs: the one of DATABASE_URL, else the embedded one of DATA_DIR.
 */
import { type Config, readProcessConfig } from '../config.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../db/client.ts';
import { startEmbeddedPostgres } from '../db/embedded/embedded-postgres.ts';
import { DatabaseError } from '../db/errors.ts';
import { StartError } from '../errors.ts';
import { providers } from '../providers/registry.ts';

/** What a command works on. */
export interface ServiceDatabase {
  readonly db: Database;
  /** Where it is, past a pooler; a secret. */
  readonly directUrl: string;
  readonly config: Config;
}

/**
 * Opens the database for as long as `work` takes. Throws `StartError` with the sentence `refusal` for what the database
 * refuses, by its code.
 */
export async function withServiceDatabase<T>(
  work: (database: ServiceDatabase) => Promise<T>,
  {
    refusal,
    answerSeconds,
  }: { readonly refusal: (code: string) => string } & Pick<DatabaseOptions, 'answerSeconds'>,
): Promise<T> {
  const config = readProcessConfig({}, providers);
  const { database, dataDir } = config;
  const embedded = database.url === null ? await startEmbeddedPostgres({ dataDirectory: dataDir }) : null;
  const url = database.url ?? embedded?.url ?? '';
  const db = openDatabase({
    url,
    connectionsMax: 1,
    ...(answerSeconds === undefined ? {} : { answerSeconds }),
  });
  try {
    return await work({ db, config, directUrl: database.directUrl ?? url });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new StartError(refusal(error.code));
  } finally {
    await db.close();
    await embedded?.stop();
  }
}
