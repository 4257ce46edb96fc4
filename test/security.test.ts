/** `SECURITY.md` names tests; each must be there, word for word, and no threat of its list stands without one. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isTest, namedTests } from './support/named-tests.ts';

const page = readFileSync(new URL('../SECURITY.md', import.meta.url), 'utf8');

describe('SECURITY.md', () => {
  it.each(namedTests(page))('names a test that exists: %s: %s', (file, title) => {
    expect(isTest(file, title)).toBe(true);
  });

  it('names a test for each threat', () => {
    const [, table = ''] = /\n## What is defended, and by which test\n(.*?)\n## /s.exec(page) ?? [];
    const rows = table.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:Who|---)/.test(line));
    expect(rows.length).toBeGreaterThan(15);
    for (const row of rows) expect(namedTests(row), row).not.toEqual([]);
  });
});
