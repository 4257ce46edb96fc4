import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { brokenUpgradeRules } from './architecture/upgrade-rule.ts';

const folder = new URL('../drizzle/', import.meta.url);
const migrations = readdirSync(folder).filter((name) => name.endsWith('.sql'));

describe('The upgrade rule', () => {
  it.each(migrations)('%s leaves a process of the version before what it reads and writes', (name) => {
    expect(brokenUpgradeRules(readFileSync(new URL(name, folder), 'utf8'))).toEqual([]);
  });

  it.each([
    'DROP TABLE "jobs";',
    'ALTER TABLE "jobs" DROP COLUMN "model";',
    'DROP INDEX "jobs_due";',
    'ALTER TABLE "jobs" RENAME COLUMN "model" TO "name";',
    'ALTER TABLE "jobs" ALTER COLUMN "model" SET NOT NULL;',
    'ALTER TABLE "jobs" ALTER COLUMN "model"\n SET DATA TYPE integer;',
    'ALTER TABLE "jobs" ADD COLUMN "shape" text NOT NULL;',
    'DELETE FROM "jobs";',
    'TRUNCATE "jobs";',
  ])('is broken by %s', (statement) => {
    expect(
      brokenUpgradeRules(`-- Why: a test.\nCREATE TABLE "new" ("id" uuid NOT NULL);\n${statement}`),
    ).toHaveLength(1);
  });

  it.each([
    'ALTER TABLE "jobs" ADD COLUMN "shape" text;',
    'ALTER TABLE "jobs" ADD COLUMN "shape" text DEFAULT \'ROUND\' NOT NULL;',
    'ALTER TABLE "jobs" ALTER COLUMN "model" DROP NOT NULL;',
    'COMMENT ON TABLE "jobs" IS \'Drop nothing; rename nothing.\';',
    'CREATE INDEX "jobs_shape" ON "jobs" USING btree ("shape");',
  ])('is kept by %s', (statement) => {
    expect(brokenUpgradeRules(statement)).toEqual([]);
  });

  it('lets a step that says since when nothing uses it take something away', () => {
    const step =
      '-- Why: nobody reads it.\n-- Contract: unused since 0.4.0.\nALTER TABLE "jobs" DROP COLUMN "model";';
    expect(brokenUpgradeRules(step)).toEqual([]);
    expect(brokenUpgradeRules(step.replace('0.4.0', 'long ago'))).toHaveLength(1);
  });
});
