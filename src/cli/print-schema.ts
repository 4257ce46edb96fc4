/** Prints the schema into `schema.graphql`; `--check` compares instead and fails where they differ. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { printedSchema } from './printed-schema.ts';

const path = fileURLToPath(new URL('../../schema.graphql', import.meta.url));
const printed = printedSchema();

if (!process.argv.includes('--check')) writeFileSync(path, printed);
else if (readFileSync(path, 'utf8') !== printed) {
  console.error('schema.graphql is not what the code says; run "npm run schema" and commit the result.');
  process.exitCode = 1;
}
