/** The demo's input: what every package installed here says of itself, as one classification request each. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../domain/json-line.ts';

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

/** The request body for one package, in the provider's own form. */
export function classificationBody(provider: string, model: string, found: InstalledPackage): JsonObject {
  const question = `Classify this npm package as one of: ${categories.join(', ')}. Answer as JSON: {"category": "…", "reason": "…"}.\n\n${found.name}: ${found.description}`;
  const messages = [{ role: 'user', content: question }];
  if (provider === 'anthropic') return { model, max_tokens: 200, messages };
  return { model, messages, response_format: { type: 'json_schema', json_schema: answerSchema } };
}

const answerSchema = {
  name: 'classification',
  strict: true,
  schema: {
    type: 'object',
    properties: { category: { type: 'string', enum: [...categories] }, reason: { type: 'string' } },
    required: ['category', 'reason'],
    additionalProperties: false,
  },
};

/** A small model of each provider, for a demo that costs little when it is real. */
export const demoModels: Readonly<Record<string, string>> = {
  openai: 'gpt-5-mini',
  anthropic: 'claude-haiku-4-5',
};
