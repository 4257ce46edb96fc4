import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { callbackSchema } from '../src/cli/callback-schema.ts';
import { regenerated, sections } from '../src/cli/docs-sections.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const pages = readdirSync(`${root}docs`).filter((name) => name.endsWith('.md'));

describe('the docs', () => {
  it.each(pages)('docs/%s says what the code says (else: npm run docs)', (name) => {
    const page = readFileSync(`${root}docs/${name}`, 'utf8');
    expect(regenerated(page)).toBe(page);
  });

  it('have the schema of callbacks as the code has it (else: npm run docs)', () => {
    expect(readFileSync(`${root}docs/callback.schema.json`, 'utf8')).toBe(callbackSchema());
  });

  it('show every generated section somewhere', () => {
    const all = pages.map((name) => readFileSync(`${root}docs/${name}`, 'utf8')).join('\n');
    for (const name of Object.keys(sections)) expect(all).toContain(`<!-- generated: ${name} -->`);
  });

  it.each(['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)])(
    '%s links only to files that exist',
    (page) => {
      const text = readFileSync(`${root}${page}`, 'utf8');
      const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target]) => String(target));
      const base = new URL(page, new URL('../', import.meta.url));
      expect(targets.filter((target) => !existsSync(new URL(target, base)))).toEqual([]);
    },
  );
});
