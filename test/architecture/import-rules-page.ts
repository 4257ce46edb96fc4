/**
 * Keeps the table of import rules in `docs/architecture.md` the same as the rules that the test holds the
 * sources to. Run by itself (`npx node test/architecture/import-rules-page.ts`) it writes the table.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { importTable } from './import-rules.ts';
import { projectRoot } from './project.ts';

const begin = '<!-- import rules: generated -->';
const end = '<!-- import rules: end -->';

/** The page that holds the table. */
export const importRulesPage = `${projectRoot}docs/architecture.md`;

/** `page` with the present table between its two markers. Throws where it has none. */
export function withImportTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`The page needs the lines ${begin} and ${end}.`);
  return `${page.slice(0, from + begin.length)}\n\n${importTable()}\n\n${page.slice(to)}`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(importRulesPage, withImportTable(readFileSync(importRulesPage, 'utf8')));
}
