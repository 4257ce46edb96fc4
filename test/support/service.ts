/**
 * The whole service for a test: a real process' parts in this one, on a database of its own, over real sockets,
 * with the emulators for providers. Time stands still until the test turns it, and background work happens when
 * the test asks for it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../../src/app.ts';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { insertKey, insertOrganization } from '../../src/db/queries/organizations.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { sandboxKey } from '../../src/first-keys.ts';
import { createLogger } from '../../src/log.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { providers } from '../../src/providers/registry.ts';
import { newId } from '../../src/services.ts';
import { hashOfKey } from '../../src/sign-in.ts';
import { openHandWorker } from '../../src/worker/worker.ts';
import { createTestDatabase } from './database.ts';
import { expectInvariantsOf } from './invariants.ts';

/** A running service under a test's control. */
export interface TestService {
  readonly app: App;
  readonly url: string;
  readonly clock: HandClock;
  /** Every statement sent through the pool so far; empty it to count from here. */
  readonly statements: string[];
  /** What the service logged, one parsed line each. */
  readonly logged: Record<string, unknown>[];
  emulator(provider: string): Emulator;
  /** Does everything that is due now, and what follows from it. */
  work(): Promise<void>;
  /** Turns the clock by so many seconds in steps, working after each. */
  turn(seconds: number, stepSeconds?: number): Promise<void>;
  /** Sends a document as the sandbox's key, or another; answers the whole response body. */
  query(document: string, variables?: Record<string, unknown>, key?: string): Promise<GraphqlAnswer>;
  /** A second organization with an admin key. */
  addOrganization(name: string): Promise<{ key: string; scope: OrganizationScope }>;
  /** Ends it. Whatever the test did to it, every invariant holds in the end, unless the test broke one by hand. */
  close(state?: 'broken by hand'): Promise<void>;
}

/** A GraphQL response, loosely, because tests look into it. */
export interface GraphqlAnswer {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly data?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly errors?: any[];
}

/** The instant at which every test's clock starts. */
export const testStart = new Date('2026-11-23T10:00:00.000Z');

/** Starts a service with an empty database. `environment` adds settings by name. */
export async function startTestService(environment: Record<string, string> = {}): Promise<TestService> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'batchql-service-'));
  const clock = createHandClock(testStart);
  const statements: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const settings = {
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    SANDBOX: 'true',
    PORT: '0',
    POLL_JITTER: '0',
    // Tests go from change to change, and would wait for each.
    EVENTS_PER_SECOND_MAX: '1000',
    ...environment,
  };
  const config = readConfig(settings, {}, providers);
  const log = createLogger({
    level: config.log.level,
    destination: { write: (line: string) => void logged.push(JSON.parse(line)) },
  });
  const app = await startApp(config, log, {
    clock,
    works: false,
    onStatement: (statement) => {
      // That notifications arrive is proven when the wall clock says so, and limits are settled for many requests
      // at once; a test that counts must not see either.
      if (!/ as proof|"rate_counts"/.test(statement)) statements.push(statement);
    },
  });
  const { work, close: leaveQueue } = openHandWorker(app.services, app.databaseUrl);

  return {
    app,
    url: app.url,
    clock,
    statements,
    logged,
    work,
    emulator(provider) {
      const emulator = app.emulators.get(provider);
      if (emulator === undefined) throw new Error(`there is no emulator of ${provider}`);
      return emulator;
    },
    async turn(seconds, stepSeconds = 5) {
      for (let left = seconds; left > 0; left -= stepSeconds) {
        clock.advance({ seconds: Math.min(left, stepSeconds) });
        await work();
      }
    },
    async query(query, variables, key = sandboxKey) {
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as GraphqlAnswer;
    },
    async addOrganization(name) {
      const organizationId = newId(clock);
      const apiKeyId = newId(clock);
      const key = `bq_test_${apiKeyId}`;
      const createdAt = clock.now();
      await app.services.db.transaction(async (tx) => {
        await insertOrganization(tx, { id: organizationId, name, createdAt });
        await insertKey(tx, {
          id: apiKeyId,
          organizationId,
          name,
          hash: hashOfKey(key),
          scope: 'admin',
          createdAt,
        });
      });
      return { key, scope: { kind: 'organization', organizationId, apiKeyId, access: 'admin', grant: null } };
    },
    async close(state) {
      try {
        if (state === undefined) await expectInvariantsOf(app.databaseUrl);
      } finally {
        await leaveQueue();
        await app.close();
        await database.drop();
        await rm(dataDir, { recursive: true, force: true });
      }
    },
  };
}
