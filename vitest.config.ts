/**
 * Five projects. Everything that needs no database is `unit`; what needs one runs on the newest Postgres, and
 * storage and stories again on the oldest; what needs Chromium, too, is `browser`; what kills processes is `crashes`,
 * and longer in mode `chaos`; in mode `full` a file has a million lines. Whatever is in none of the folders below is `unit`, so that no test file can be forgotten.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * vite resolves `graphql` to another file than node does, and graphql refuses to work with two copies of
 * itself; the alias makes both agree.
 */
const oneGraphql = { find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) };

const withDatabase = ['db', 'batches', 'callbacks', 'events', 'worker', 'api', 'stories', 'cli', 'chaos'].map(
  inFolder,
);
const withBrowser = inFolder('browser');
const withCrashes = inFolder('crashes');
const onBothPostgres = ['db', 'stories'].map(inFolder);
/** Its servers are its own, and of both versions. */
const ownServers = 'test/db/embedded.test.ts';
/** It is about the service and not about Postgres. */
const largeFiles = 'test/stories/million.test.ts';

export default defineConfig(({ mode }) => ({
  resolve: { alias: [oneGraphql] },
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    setupFiles: ['test/support/clean-environment.ts'],
    // Two cores, and a Postgres that wants its share of them.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'src/**/*.test.ts'],
          exclude: [...withDatabase, withBrowser, withCrashes],
          // Loading the service anew for each file takes longer than most files do, and no file changes what it loads.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres18',
          include: withDatabase,
          env: { FILE_LINES: mode === 'full' ? '1000000' : '20000' },
          globalSetup: 'test/support/postgres-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres14',
          include: onBothPostgres,
          exclude: [ownServers, largeFiles],
          globalSetup: 'test/support/postgres-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'crashes',
          include: [withCrashes],
          env: { CRASH_POINTS: mode === 'chaos' ? 'all' : 'some' },
          globalSetup: ['test/support/crash-setup.ts', 'test/support/postgres-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: [withBrowser],
          globalSetup: ['test/support/browser-setup.ts', 'test/support/postgres-setup.ts'],
        },
      },
    ],
  },
}));

function inFolder(folder: string): string {
  return `test/${folder}/**/*.test.ts`;
}
