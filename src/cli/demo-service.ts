/** A service for a demo: one of its own in the sandbox, gone afterwards, or the real providers with a key for this once. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../app.ts';
import { readProcessConfig } from '../config.ts';
import { revokeKey } from '../db/queries/organizations.ts';
import { sandboxKey } from '../first-keys.ts';
import { createLogger } from '../log.ts';
import { providers } from '../providers/registry.ts';
import { hashOfKey } from '../sign-in.ts';

/** Starts it, lets `work` use it with a key of its first organization, and takes it down. Throws what either throws. */
export async function withDemoService(
  { live = false, settings = {} }: { live?: boolean; settings?: Readonly<Record<string, string>> },
  work: (app: App, key: string) => Promise<void>,
): Promise<void> {
  const home = live ? null : await temporaryHome();
  const key = live ? `bq_demo_${randomBytes(16).toString('hex')}` : sandboxKey;
  const config = readProcessConfig({ live, port: 0 }, providers, {
    LOG_LEVEL: 'silent',
    ...(home === null
      ? { BATCHQL_API_KEY: key }
      : { DATA_DIR: join(home, 'data'), DATABASE_URL: '', SANDBOX: 'true' }),
    ...settings,
  });
  const app = await startApp(config, createLogger({ level: config.log.level }));
  try {
    await work(app, key);
  } finally {
    if (live) await app.services.db.read((q) => revokeKey(q, hashOfKey(key), app.services.clock.now()));
    await app.close();
    if (home !== null) await rm(home, { recursive: true, force: true });
  }
}

/** The embedded Postgres may run as another user, who has to be able to enter. */
async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'batchql-demo-'));
  await chmod(home, 0o755);
  return home;
}
