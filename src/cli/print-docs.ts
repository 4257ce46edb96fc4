/** Writes the generated sections of every page in `docs/`; `--check` compares instead and fails where they differ. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { regenerated } from './docs-sections.ts';

const directory = fileURLToPath(new URL('../../docs/', import.meta.url));
for (const name of readdirSync(directory).filter((file) => file.endsWith('.md'))) {
  const path = `${directory}${name}`;
  const page = readFileSync(path, 'utf8');
  const fresh = regenerated(page);
  if (fresh === page) continue;
  if (process.argv.includes('--check')) {
    console.error(`docs/${name} is not what the code says; run "npm run docs" and commit the result.`);
    process.exitCode = 1;
  } else writeFileSync(path, fresh);
}
