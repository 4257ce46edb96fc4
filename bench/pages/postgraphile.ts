/**
 * PostGraphile, installed where it is not yet and started in a process of its own. Its packages are no part of the
 * project's: they stand in `bench/postgraphile/package.json`, and lie beside it.
 */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench, BenchDatabase } from '../bench.ts';
import { lines } from '../live/programs.ts';

const folder = fileURLToPath(new URL('../postgraphile/', import.meta.url));

/**
 * Where PostGraphile over this database answers: for `keys` as it is set up for several tenants, who sign in with the
 * service's keys; `open` to everybody, without any of that.
 */
export async function startPostgraphile(
  bench: Bench,
  database: BenchDatabase,
  mode: 'keys' | 'open',
): Promise<string> {
  await install(bench);
  if (mode === 'keys') await database.query(tenancy);
  const child = bench.program(`${folder}server.js`, [database.url, mode]);
  const { url } = await (await lines(child)).next<{ url: string }>();
  return url;
}

/** The service is the tables' owner, for whom it does not hold. */
const tenancy = `
  create role bench_tenant;
  grant select on batches, jobs to bench_tenant;
  alter table batches enable row level security;
  alter table jobs enable row level security;
  create policy own on batches for select to bench_tenant
    using (organization_id = (select current_setting('bench.organization_id')::uuid));
  create policy own on jobs for select to bench_tenant
    using (organization_id = (select current_setting('bench.organization_id')::uuid))`;

async function install(bench: Bench): Promise<void> {
  const isThere = await access(`${folder}node_modules/postgraphile`).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  bench.say('PostGraphile is installed in bench/postgraphile, once');
  try {
    await promisify(execFile)('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: folder,
      shell: process.platform === 'win32',
    });
  } catch (cause) {
    const message = 'PostGraphile cannot be installed: run "npm ci" in bench/postgraphile and see why.';
    throw new Error(message, { cause });
  }
}
