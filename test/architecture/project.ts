/** The project's own sources, read from the disk: what is in `src`, `bin`, `bench` and `test`. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Sources } from './source.ts';

/** The directory of the project, with a slash at its end. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

/** Every source of the project by its path. */
export function projectSources(): Sources {
  const paths = globSync(['src/**/*.ts', 'bin/*.js', 'bench/**/*.ts', 'test/**/*.ts'], {
    cwd: projectRoot,
    exclude: (path) => path.endsWith('node_modules'),
  });
  return Object.fromEntries(
    paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(projectRoot + path, 'utf8')]),
  );
}
