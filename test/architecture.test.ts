/**
 * The structure of the sources. Each rule is held against the project, and shown to notice a source that breaks
 * it, so that a rule which sees nothing cannot pass for one that is kept.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importCycles } from './architecture/cycles.ts';
import {
  emptyNames,
  environmentReaders,
  logicInIndexes,
  longMedian,
  missingHeaders,
  shortcuts,
  sqlInResolvers,
  switchedOffTests,
  undocumentedExports,
  unexplainedLength,
  unreadableImports,
  wallClocks,
} from './architecture/house-rules.ts';
import { forbiddenImports } from './architecture/import-rules.ts';
import { importRulesPage, withImportTable } from './architecture/import-rules-page.ts';
import { projectSources } from './architecture/project.ts';
import { readSources, type SourceFile, type Sources } from './architecture/source.ts';
import { unscopedStatements } from './architecture/tenant-scope.ts';

const project = readSources(projectSources());

interface Rule {
  readonly title: string;
  readonly violations: (files: readonly SourceFile[]) => string[];
  /** Sources that break it, each alone, with what is said of them. */
  readonly broken: ReadonlyArray<readonly [Sources, RegExp]>;
  /** Sources that look like it and do not. */
  readonly kept?: Sources;
}

/** A file that imports a module, which exists. */
const importing = (path: string, specifier: string, ...existing: string[]): Sources => ({
  ...Object.fromEntries(existing.map((other) => [other, ''])),
  [path]: `import type { Thing } from '${specifier}';`,
});

/** Two tables of organizations' rows and one of nobody's, and a file of statements on them. */
const querying = (text: string): Sources => ({
  'src/db/tables/a.ts': [
    "export const notes = pgTable('notes', { organizationId: uuid('organization_id') });",
    "export const bigNotes = pgTable(\n  'big_notes', { batchId: uuid('batch_id') });",
    "export const weather = pgTable('weather', { id: uuid('id') });",
  ].join('\n'),
  'src/db/queries/a.ts': text.replaceAll('´', '`').replaceAll('§', '$'),
});

const statements = (broken: ReadonlyArray<readonly [text: string, told: RegExp]>): Rule['broken'] =>
  broken.map(([text, told]) => [querying(text), told]);

const rules: readonly Rule[] = [
  {
    title: 'Every part imports only the parts and packages that the table allows it',
    violations: forbiddenImports,
    broken: [
      [importing('src/domain/a.ts', '../clock.ts', 'src/clock.ts'), /domain.* imports src\/clock/],
      [importing('src/domain/a.ts', 'node:crypto'), /domain.* imports the package node:crypto/],
      [importing('src/db/client.ts', '../events/hub.ts', 'src/events/hub.ts'), /\(db\) imports/],
      [importing('src/db/client.ts', '../batches/a.ts', 'src/batches/a.ts'), /\(db\) imports/],
      [importing('src/db/client.ts', '../config.ts', 'src/config.ts'), /\(db\) imports/],
      [
        importing('src/db/client.ts', '../providers/provider.ts', 'src/providers/provider.ts'),
        /\(db\) imports/,
      ],
      [
        importing('src/events/hub.ts', '../providers/access.ts', 'src/providers/access.ts'),
        /\(events\) imports/,
      ],
      [
        importing('src/providers/openai/client.ts', '../xai/wire.ts', 'src/providers/xai/wire.ts'),
        /openai.* imports .*xai/,
      ],
      [
        importing('src/providers/openai/client.ts', '../../db/client.ts', 'src/db/client.ts'),
        /imports src\/db/,
      ],
      [
        importing('src/providers/openai/client.ts', '../../config.ts', 'src/config.ts'),
        /imports src\/config/,
      ],
      [
        importing('src/providers/openai/emulator.ts', './wire.ts', 'src/providers/openai/wire.ts'),
        /emulator.* imports/,
      ],
      [
        importing('src/providers/openai/emulator-a.ts', './settings.ts', 'src/providers/openai/settings.ts'),
        /imports/,
      ],
      [
        importing('src/providers/openai/emulator.ts', '../http.ts', 'src/providers/http.ts'),
        /emulator.* imports/,
      ],
      [
        importing('src/providers/emulator/life.ts', '../openai/wire.ts', 'src/providers/openai/wire.ts'),
        /imports/,
      ],
      [
        importing(
          'src/providers/compatible/emulator.ts',
          './client.ts',
          'src/providers/compatible/client.ts',
        ),
        /emulator.* imports/,
      ],
      [
        importing('src/providers/compatible/client.ts', '../xai/wire.ts', 'src/providers/xai/wire.ts'),
        /compatible.* imports .*xai/,
      ],
      [
        importing(
          'src/providers/xai/emulator.ts',
          '../compatible/quirks.ts',
          'src/providers/compatible/quirks.ts',
        ),
        /xai.* imports .*quirks/,
      ],
      [
        importing(
          'src/providers/xai/client.ts',
          '../compatible/emulator.ts',
          'src/providers/compatible/emulator.ts',
        ),
        /xai.* imports .*compatible\/emulator/,
      ],
      [
        importing('src/batches/a.ts', '../providers/openai/index.ts', 'src/providers/openai/index.ts'),
        /\(batches\)/,
      ],
      [importing('src/callbacks/a.ts', '../batches/a.ts', 'src/batches/a.ts'), /\(callbacks\)/],
      [importing('src/batches/a.ts', '../providers/registry.ts', 'src/providers/registry.ts'), /\(batches\)/],
      [importing('src/batches/a.ts', 'graphql'), /package graphql/],
      [importing('src/batches/a.ts', '../http/server.ts', 'src/http/server.ts'), /\(batches\)/],
      [importing('src/resolvers/a.ts', '@pothos/core'), /package @pothos\/core/],
      [importing('src/resolvers/a.ts', 'drizzle-orm/pg-core'), /package drizzle-orm\/pg-core/],
      [importing('src/resolvers/a.ts', 'postgres'), /package postgres/],
      [importing('src/schema/a.ts', '../db/client.ts', 'src/db/client.ts'), /\(schema\)/],
      [importing('src/schema/a.ts', '../batches/a.ts', 'src/batches/a.ts'), /\(schema\)/],
      [
        importing('src/schema/a.ts', '../providers/openai/index.ts', 'src/providers/openai/index.ts'),
        /\(schema\)/,
      ],
      [importing('src/domain/a.ts', '../../bench/row.ts', 'bench/row.ts'), /\(src\) imports bench\/row/],
      [importing('bench/a.ts', '../test/support/a.ts', 'test/support/a.ts'), /\(bench\) imports test/],
      [importing('src/new/a.ts', 'zod'), /belongs to no part/],
      [importing('src/domain/a.ts', './missing.ts'), /does not exist/],
      [{ 'src/domain/a.ts': "const a = await import('node:fs');" }, /package node:fs/],
      [{ 'src/domain/a.ts': "export * from 'pino';" }, /package pino/],
      [{ 'src/domain/a.ts': "import 'pino';" }, /package pino/],
      [{ 'src/domain/a.ts': "export type { A } from 'pino';" }, /package pino/],
      [{ 'src/domain/a.ts': "type A = import('pino').Logger;" }, /package pino/],
      [{ 'src/domain/a.ts': "const a = require('pino');" }, /package pino/],
      [{ 'src/domain/a.ts': "import {\n  a,\n  b,\n} from\n  'pino';" }, /package pino/],
    ],
    kept: {
      'src/domain/a.ts': [
        "// import { a } from 'pino';",
        "const text = `import a from 'pino'`;",
        'const other = "import \'pino\'";',
        'const pattern = /import ["\']pino["\']/;',
        "const list = Array.from('pino');",
      ].join('\n'),
      'bench/a.ts': "import { a } from '../src/app.ts';",
      'src/app.ts': '',
      'src/providers/openai/index.ts': "import { emulate } from './emulator.ts';",
      'src/providers/openai/emulator.ts': "import { a } from './emulator-a.ts';",
      'src/providers/openai/emulator-a.ts': "import { serve } from '../emulator/server.ts';",
      'src/providers/emulator/server.ts': '',
      'src/providers/anyapi/index.ts': "import { create } from '../compatible/client.ts';",
      'src/providers/compatible/client.ts': "import { type Quirks } from './quirks.ts';",
      'src/providers/compatible/emulator.ts': "import { type Quirks } from './quirks.ts';",
      'src/providers/compatible/quirks.ts': '',
    },
  },
  {
    title: 'No files import each other in a circle, not even for types',
    violations: importCycles,
    broken: [
      [
        {
          'src/a.ts': "import './b.ts';",
          'src/b.ts': "import type { C } from './c/c.ts';",
          'src/c/c.ts': "export { a } from '../a.ts';",
        },
        /^src\/a\.ts -> src\/b\.ts -> src\/c\/c\.ts -> src\/a\.ts$/,
      ],
      [{ 'src/a.ts': "import './a.ts';" }, /^src\/a\.ts -> src\/a\.ts$/],
    ],
    kept: { 'src/a.ts': "import './b.ts'; import './c.ts';", 'src/b.ts': "import './c.ts';", 'src/c.ts': '' },
  },
  {
    title: 'A file of more than 300 lines says why in its header',
    violations: unexplainedLength,
    broken: [[{ 'src/a.ts': `/** About it. */\n${'\n'.repeat(300)}const a = 1;` }, /302 lines/]],
    kept: {
      'src/a.ts': `/** It\n * is long\n * because. */\n${'\n'.repeat(300)}const a = 1;`,
      'src/b.ts': '\n'.repeat(299),
    },
  },
  {
    title: 'Half of all files have fewer than 100 lines',
    violations: longMedian,
    broken: [
      [{ 'src/a.ts': 'a\n'.repeat(100), 'src/b.ts': 'b\n'.repeat(100), 'src/c.ts': 'c' }, /100 lines/],
    ],
    kept: { 'src/a.ts': 'a\n'.repeat(100), 'src/b.ts': 'b\n'.repeat(99), 'src/c.ts': 'c' },
  },
  {
    title: 'No file is called utils, helpers, types, misc, interfaces or common',
    violations: emptyNames,
    broken: ['utils.ts', 'a/helpers.ts', 'types.d.ts', 'misc.test.ts', 'interfaces.ts', 'common.ts'].map(
      (name) => [{ [`src/${name}`]: '' }, /named after nothing/] as const,
    ),
    kept: { 'src/errors.ts': '', 'src/event-types.ts': '' },
  },
  {
    title: 'An index imports, exports and assembles one constant, and no more',
    violations: logicInIndexes,
    broken: [
      [{ 'src/a/index.ts': 'export const a = () => 1;' }, /logic/],
      [{ 'src/a/index.ts': 'export const a = 1;\nexport const b = 2;' }, /logic/],
      [{ 'src/a/index.ts': 'export function a() {}' }, /logic/],
    ],
    kept: {
      'src/a/index.ts': "import { b } from './b.ts';\n/** If it is for a class. */\nexport const a = { b };",
    },
  },
  {
    title: 'Every export has a doc block directly above it',
    violations: undocumentedExports,
    broken: [
      [{ 'src/a.ts': 'export const a = 1;' }, /src\/a\.ts:1 .*const a = 1/],
      [{ 'src/a.ts': '/** Far away. */\n\nexport const a = 1;' }, /src\/a\.ts:3/],
      [{ 'src/a.ts': '// No doc block.\nexport type A = 1;' }, /src\/a\.ts:2/],
      [{ 'src/a.ts': '/* No doc block. */\nexport class A {}' }, /src\/a\.ts:2/],
      [{ 'src/a.ts': '/** Its. */\nexport const a = 1;\nexport default a;' }, /src\/a\.ts:3/],
    ],
    kept: {
      'src/a.ts': [
        '/** About it. */',
        'export function a(b: string): string;',
        'export function a(b: number): number;',
        "export { c } from './c.ts';",
        "export type { D } from './d.ts';",
        "export * from './e.ts';",
        'const text = `',
        'export const a = 1;',
        '`;',
      ].join('\n'),
      'test/a.ts': 'export const a = 1;',
    },
  },
  {
    title: 'A file with behaviour begins with a comment on what it owns',
    violations: missingHeaders,
    broken: [
      [{ 'src/a.ts': "import 'b';\n/** Does. */\nexport function a() {}" }, /src\/a\.ts has behaviour/],
      [{ 'src/a.ts': "import 'b';\n/** Is. */\nexport class A {}" }, /src\/a\.ts has behaviour/],
      [{ 'src/a.ts': "import 'b';\n/** Does. */\nexport const a = () => 1;" }, /src\/a\.ts has behaviour/],
    ],
    kept: {
      'src/a.ts': "/** Owns a. */\nimport 'b';\nexport function a() {}",
      'src/b.ts':
        "import 'b';\n/** A table. */\nexport const b = pgTable('b', {}, (t) => [t]);\n/** A row. */\nexport type B = 1;",
    },
  },
  {
    title: 'Nothing works around the compiler or is left for later',
    violations: shortcuts,
    broken: [
      [{ 'src/a.ts': 'const a = b as any;' }, /as any/],
      [{ 'src/a.ts': 'const a = b as unknown as C;' }, /as unknown as/],
      [{ 'src/a.ts': 'const a = b as unknown\n  as C;' }, /as unknown as/],
      [{ 'src/a.ts': '// @ts-ignore\na();' }, /@ts-ignore/],
      [{ 'src/a.ts': '/* @ts-expect-error because */ a();' }, /@ts-expect-error/],
      [{ 'src/a.ts': '// @ts-nocheck' }, /@ts-nocheck/],
      [{ 'src/a.ts': '// TODO: later' }, /TODO/],
      [{ 'src/a.ts': "throw new Error('FIXME');" }, /FIXME/],
    ],
    kept: {
      'src/a.ts': "// as any other\nconst a = 'as any' as unknown;",
      'test/a.ts': 'const a = b as any;',
    },
  },
  {
    title: 'No test is left out, and none leaves out others',
    violations: switchedOffTests,
    broken: ['it.skip(', 'describe.only(', 'it.todo(', 'it.only.each('].map(
      (call) => [{ 'test/a.test.ts': `${call}'a')` }, /test\/a\.test\.ts:1/] as const,
    ),
    kept: { 'test/a.test.ts': "it.skipIf(isRoot)('it.skip(')" },
  },
  {
    title: 'Only the configuration and the executable read the environment',
    violations: environmentReaders,
    broken: [
      [{ 'src/app.ts': 'const a = process.env.A;' }, /process\.env/],
      [{ 'src/app.ts': "const a = process['env'];" }, /process\[/],
      [{ 'src/app.ts': "import { env } from 'node:process';" }, /node:process/],
    ],
    kept: {
      'src/config.ts': 'process.env',
      'src/config/a.ts': 'process.env',
      'bin/a.js': 'process.env',
      'src/app.ts': '// process.env\nprocess.exit(1);',
    },
  },
  {
    title: 'Only the clock reads the wall clock',
    violations: wallClocks,
    broken: ['Date.now()', 'new Date()', 'new Date( )', 'new Date', 'Date.now'].map(
      (call) => [{ 'src/app.ts': `const now = ${call};` }, /src\/app\.ts:1/] as const,
    ),
    kept: {
      'src/clock.ts': 'new Date()',
      'src/app.ts': "new Date(0); new Date('2026-01-01'); new Date(\n  a);",
    },
  },
  {
    title: 'Resolvers hold no SQL',
    violations: sqlInResolvers,
    broken: [
      [{ 'src/resolvers/a.ts': 'const a = sql`now()`;' }, /sql`/],
      [{ 'src/resolvers/a.ts': "const a = 'select 1';" }, /select/],
      [{ 'src/resolvers/a.ts': 'const a = `\n  INSERT INTO batches`;' }, /INSERT INTO/],
    ],
    kept: { 'src/resolvers/a.ts': "const a = 'with care'; // select it", 'src/db/a.ts': 'sql`select 1`' },
  },
  {
    title: "Every statement on organizations' rows is kept to the scope that its function takes first",
    violations: unscopedStatements,
    broken: statements([
      ['async function a(db: Queryable) {\n  await db.select().from(notes);\n}', /a takes no scope/],
      ['const a = (db: Queryable) =>\n  judge(db, sql´select 1 from big_notes´);', /a takes no scope/],
      ['function a(db: Q, scope: Scope) {\n  db.delete(notes).where(inScope(scope));\n}', /takes no scope/],
      ['function a(_scope: Scope, db: Q) {\n  db.update(notes).set({});\n}', /notes without its scope/],
      ['function a(scope: Scope, db: Q) {\n  db.$count(notes);\n}', /notes without its scope/],
      ['function a(scope: Scope, db: Q) {\n  db.insert(notes).values(rows);\n}', /notes without/],
      ['function a(scope: Scope, db: Q) {\n  db.execute(sql´update big_notes set a = 1´);\n}', /big_notes/],
      ['function a(scope: Scope, db: Q) {\n  db.execute(sql´select 1 from §{bigNotes}´);\n}', /bigNotes/],
      [
        'function a(scope: Scope, db: Q) {\n  db.select().from(notes).where(inScope(scope));\n  db.delete(bigNotes);\n}',
        /bigNotes without its scope/,
      ],
      ['function a({ apiKeyId }: OrganizationScope, db: Q) {\n  db.delete(notes);\n}', /without its scope/],
    ]),
    kept: querying(
      [
        'function a(_worker: WorkerScope, db: Q) {\n  db.delete(notes);\n}',
        'function b(scope: Scope, db: Q) {\n  const own = inScope(scope);\n  const all = and(own);\n  db.delete(notes).where(all);\n}',
        'function c({ organizationId }: OrganizationScope, db: Q) {\n  db.insert(notes).values({ organizationId });\n}',
        'function d(_scope: Scope, db: Q) {\n  db.select().from(weather);\n}',
        'function e(db: Q) {\n  db.execute(sql´select 1 from weather´);\n}',
        'const piece = sql´join notes n on n.id = m.id´;',
        'const another = (on: SQL): SQL => sql´join notes n on §{on}´;',
        '// select from notes\nfunction findKey(db: Q) {\n  db.select().from(notes);\n}',
      ].join('\n'),
    ),
  },
  {
    title: 'What is imported can be read in the source',
    violations: (files) =>
      unreadableImports(files).filter((line) => !line.startsWith('src/db/embedded/platform-package.ts:')),
    broken: [
      [{ 'src/a.ts': 'await import(name);' }, /src\/a\.ts:1/],
      [{ 'src/a.ts': 'await import(`./' + '$' + '{name}.ts`);' }, /src\/a\.ts:1/],
    ],
    kept: { 'src/a.ts': "await import('./b.ts'); import.meta.url;", 'src/b.ts': '' },
  },
];

describe.each(rules)('$title', ({ violations, broken, kept }) => {
  it('in this project', () => {
    expect(violations(project)).toEqual([]);
  });

  it.each(broken)('and a source that breaks it is noticed: %o', (sources, told) => {
    expect(violations(readSources(sources)).join('\n')).toMatch(told);
  });

  it('and a source that only looks so is left alone', () => {
    expect(violations(readSources(kept ?? {}))).toEqual([]);
  });
});

describe('The scanner', () => {
  it('reads this project: its files, their imports and their comments', () => {
    const services = project.find(({ path }) => path === 'src/services.ts');
    expect(services?.imports.map(({ path, specifier }) => path ?? specifier)).toEqual([
      'node:crypto',
      'pino',
      'src/callbacks/caller.ts',
      'src/clock.ts',
      'src/credentials/keyring.ts',
      'src/db/client.ts',
      'src/domain/grant.ts',
      'src/domain/ids.ts',
      'src/domain/polling.ts',
      'src/domain/quota.ts',
      'src/events/hub.ts',
      'src/events/readings.ts',
      'src/meter.ts',
      'src/prices/price-book.ts',
      'src/providers/access.ts',
      'src/rates/rates.ts',
    ]);
    expect(project.length).toBeGreaterThan(150);
    for (const { code, text } of project) expect(code.split('\n')).toHaveLength(text.split('\n').length);
  });

  it('tells code from comments, texts, templates and regular expressions', () => {
    // Written with other signs, so that these lines are not themselves what they speak of.
    const sign = (text: string) => text.replaceAll('´', '`').replaceAll('§', '$');
    const text = sign(
      "a('it\\'s // b') / c; // d\nconst e = ´f §{g(´h´, { i: '}' })} j´.k(/[/'\"]\\//g) /* l */;",
    );
    const [file] = readSources({ 'src/a.ts': text });
    expect(file?.code).toBe(
      sign(
        `a('${' '.repeat(10)}') / c;     \nconst e = ´  §{g(´ ´, { i: ' ' })}  ´.k(/${' '.repeat(7)}/g)${' '.repeat(8)};`,
      ),
    );
    expect(file?.comments.map((comment) => comment.text)).toEqual(['// d', '/* l */']);
  });
});

describe('The page on the architecture', () => {
  it('shows the import rules as they are', () => {
    const page = readFileSync(importRulesPage, 'utf8');
    expect(page, 'run: npx node test/architecture/import-rules-page.ts').toBe(withImportTable(page));
  });
});
