/**
 * Writes what in `docs/` is generated: sections of its pages, and the schema of callbacks. `--check` compares instead
 * and fails where they differ.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { callbackSchema } from './callback-schema.ts';
import { regenerated } from './docs-sections.ts';

const directory = fileURLToPath(new URL('../../docs/', import.meta.url));
const generators: Record<string, (page: string) => string> = { 'callback.schema.json': callbackSchema };
for (const name of readdirSync(directory)) if (name.endsWith('.md')) generators[name] = regenerated;
for (const [name, generate] of Object.entries(generators)) {
  const path = `${directory}${name}`;
  const page = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const fresh = generate(page);
  if (fresh === page) continue;
  if (process.argv.includes('--check')) {
    console.error(`docs/${name} is not what the code says; run "npm run docs" and commit the result.`);
    process.exitCode = 1;
  } else writeFileSync(path, fresh);
}
