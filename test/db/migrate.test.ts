/** Migrations: safe to run at once and again, and in agreement with the tables that the code declares. */
import { readdir, readFile } from 'node:fs/promises';
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api';
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { createTestDatabase } from '../support/database.ts';
import { fingerprintSchema } from '../support/schema-fingerprint.ts';

const migrations = new URL('../../drizzle/', import.meta.url);
const tableFiles = new URL('../../src/db/tables/', import.meta.url);

const drops: Array<() => Promise<void>> = [];
afterEach(async () => {
  await Promise.all(drops.splice(0).map((drop) => drop()));
});

describe('Migrating a database', () => {
  it('gives one result when four processes that start do it at the same time', async () => {
    const once = await newUrl('migrated');
    const atOnce = await newUrl('nothing');
    await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(atOnce)));
    const { content } = await fingerprintSchema(atOnce);
    expect(content).toEqual((await fingerprintSchema(once)).content);
    const journal = await readJson(new URL('meta/_journal.json', migrations));
    expect(content.filter((line) => line.startsWith('migration '))).toHaveLength(journal.entries.length);
  });

  it('changes nothing when it was done before', async () => {
    const url = await newUrl('migrated');
    const before = await fingerprintSchema(url);
    await migrateDatabase(url);
    expect(await fingerprintSchema(url)).toEqual(before);
    expect(before.history.length).toBeGreaterThan(20);
  });
});

describe('The migrations', () => {
  it('leave drizzle-kit nothing to generate', async () => {
    const { entries } = await readJson(new URL('meta/_journal.json', migrations));
    const newest = `${String(entries.at(-1).idx).padStart(4, '0')}_snapshot.json`;
    const snapshot = await readJson(new URL(`meta/${newest}`, migrations));
    expect(await generateMigration(snapshot, generateDrizzleJson(await declarations(), snapshot.id))).toEqual(
      [],
    );
  });

  it('make every table with the columns, indexes and constraints that the code declares', async () => {
    const { content } = await fingerprintSchema(await newUrl('migrated'));
    const tables = Object.values(await declarations()).filter((value) => is(value, PgTable));
    expect(tables.length).toBeGreaterThan(7);
    for (const table of tables) {
      const { name, columns, indexes, uniqueConstraints, checks, foreignKeys } = getTableConfig(table);
      const declared = columns.map((column) => {
        const type = column.getSQLType().replace(' (', '(');
        return `column public ${name} ${column.name} ${type} ${column.notNull ? 't' : 'f'}`;
      });
      expect(content.filter((line) => line.startsWith(`column public ${name} `))).toEqual(declared.sort());
      for (const index of indexes) expect(content.join('\n')).toContain(`INDEX ${index.config.name} ON `);
      const constraints = [...uniqueConstraints, ...checks].map((constraint) => constraint.name);
      for (const constraint of [...constraints, ...foreignKeys.map((foreign) => foreign.getName())]) {
        expect(content.join('\n')).toContain(`constraint public ${constraint} `);
      }
    }
  });

  it('each say why they are there before they do anything', async () => {
    const files = (await readdir(migrations)).filter((file) => file.endsWith('.sql'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files)
      expect(await readFile(new URL(file, migrations), 'utf8'), file).toMatch(/^-- Why: /);
  });
});

async function newUrl(content: 'migrated' | 'nothing'): Promise<string> {
  const database = await createTestDatabase(content);
  drops.push(database.drop);
  return database.url;
}

/** Everything that the files in `src/db/tables` export, as drizzle-kit sees it. */
async function declarations(): Promise<Record<string, unknown>> {
  const files = await readdir(tableFiles);
  return Object.assign(
    {},
    ...(await Promise.all(files.map((file) => import(new URL(file, tableFiles).pathname)))),
  );
}

async function readJson(file: URL) {
  return JSON.parse(await readFile(file, 'utf8'));
}
