/** Over TLS everything that is done to the database works as without it. */
import { chmod, chown, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { binaryRows, copyRows } from '../../src/db/binary-rows.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { CopyMemory } from '../../src/db/copy-out.ts';
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { findServerUser } from '../../src/db/embedded/server-user.ts';
import { createTemporaryDirectory, findPackagePath, throwawaySettings } from '../support/clusters.ts';

const undo: (() => Promise<unknown>)[] = [];
let db: Database;

beforeAll(async () => {
  const directory = await createTemporaryDirectory();
  undo.push(() => rm(directory, { recursive: true, force: true }));
  const server = await startEmbeddedPostgres({
    dataDirectory: join(directory, 'data'),
    settings: { ...throwawaySettings, ssl: 'on', ...(await certificateIn(directory)) },
    binariesPackagePath: await findPackagePath(inject('postgres').version),
  });
  undo.push(() => server.stop());
  // Nobody vouches for the certificate, and each of the two drivers has a word of its own for not minding.
  db = openDatabase({
    url: `${server.url}?sslmode=no-verify`,
    directUrl: `${server.url}?sslmode=require`,
    connectionsMax: 1,
  });
  undo.push(() => db.close());
});
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

/** Postgres takes a key only from a file that is its user's own and nobody else's. */
async function certificateIn(directory: string) {
  const file = join(directory, 'tls.pem');
  await copyFile(fileURLToPath(new URL('../support/tls-for-tests.pem', import.meta.url)), file);
  await chmod(file, 0o600);
  const user = await findServerUser(join(directory, 'data'));
  if (user !== undefined) await chown(file, user.uid, user.gid);
  return { ssl_cert_file: file, ssl_key_file: file };
}

it('Rows go in and come out over TLS as they are, in statements and by COPY, one after the other', async () => {
  const { rows: encrypted } = await db.read((q) =>
    q.execute(sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`),
  );
  expect(encrypted).toEqual([{ ssl: true }]);
  await db.read((q) => q.execute(sql`create table kept (n int, t text)`));
  const memory = new CopyMemory();
  const texts = Array.from({ length: 2000 }, (_, n) => `${n} ${'é'.repeat(n)}`);
  const rows = binaryRows(2);
  for (const [n, text] of texts.entries()) {
    rows.row();
    rows.integer(n);
    rows.text(text);
  }
  await db.transaction((tx) => copyRows(tx, 'copy kept from stdin (format binary)', rows.encoded()));
  // Each answer is longer than what comes over a connection at once, and the next one uses the same connection.
  for (let turn = 0; turn < 3; turn += 1) {
    const copied = await db.copyOut(sql`select n, t from kept order by n`, memory);
    const told = Array.from({ length: copied.count }, (_, row) => {
      copied.goTo(row);
      return copied.copied(1)?.toString();
    });
    expect(told).toEqual(texts);
    const { rows: read } = await db.read((q) => q.execute(sql`select t from kept order by n`));
    expect(read).toEqual(texts.map((t) => ({ t })));
  }
});

it('A notification comes over TLS', async () => {
  const heard = Promise.withResolvers<string>();
  const listening = Promise.withResolvers<void>();
  const listener = await db.listen('news', heard.resolve, listening.resolve);
  undo.push(() => listener.close());
  await listening.promise;
  await db.read((q) => q.execute(sql`select pg_notify('news', 'there')`));
  expect(await heard.promise).toBe('there');
});
