/** The demo's input: what every package installed here says of itself, as one classification request each. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../domain/json-line.ts';
import type { Provider } from '../providers/provider.ts';

/** What a package can be. */
export const categories = ['database', 'web', 'language', 'testing', 'text', 'system', 'other'] as const;

/** A package to classify. */
export interface InstalledPackage {
  readonly name: string;
  readonly description: string;
}

/** Every package in `node_modules` of this directory that describes itself, by name. */
export async function installedPackages(root: string): Promise<InstalledPackage[]> {
  const modules = join(root, 'node_modules');
  const entries = await readdir(modules).catch(() => []);
  const names = await Promise.all(
    entries
      .filter((entry) => !entry.startsWith('.'))
      .map(async (entry) =>
        entry.startsWith('@')
          ? (await readdir(join(modules, entry))).map((name) => `${entry}/${name}`)
          : [entry],
      ),
  );
  const packages = await Promise.all(names.flat().map((name) => readPackage(modules, name)));
  return packages.filter((found) => found !== null).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readPackage(modules: string, name: string): Promise<InstalledPackage | null> {
  try {
    const { description } = JSON.parse(await readFile(join(modules, name, 'package.json'), 'utf8'));
    return typeof description === 'string' && description.trim() !== '' ? { name, description } : null;
  } catch {
    return null;
  }
}

/** What is asked about one package. */
export const question = ({ name, description }: InstalledPackage): string =>
  `Classify this npm package as one of: ${categories.join(', ')}. Answer as JSON: {"category": "…", "reason": "…"}.\n\n${name}: ${description}`;

/** What `createBatch` takes: one request for each package, each in the provider's own form. */
export function classifications(
  { name, example, modelPlace }: Provider,
  chosen: string | undefined,
  packages: readonly InstalledPackage[],
): JsonObject {
  const model = chosen ?? example.model;
  const list = packages.map((found, index) => ({
    customId: found.name,
    body: example.body({ prompt: question(found), index, model }),
  }));
  return {
    provider: name,
    name: 'Which packages are these?',
    submit: 'NOW',
    requests: { list },
    ...(modelPlace === 'JOB' ? { model } : {}),
  };
}
