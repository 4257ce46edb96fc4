/** `docs/reliability.md` names tests; each must be there, word for word, and no failure of its list may be left out. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isTest, namedTests } from './support/named-tests.ts';

const page = readFileSync(new URL('../docs/reliability.md', import.meta.url), 'utf8');

describe('docs/reliability.md', () => {
  it.each(namedTests(page))('names a test that exists: %s: %s', (file, title) => {
    expect(isTest(file, title)).toBe(true);
  });

  it('has a line for each of the 25 failures, which names a test or says that there is none yet', () => {
    const rows = [...page.matchAll(/^\| (\d+) \| (.+)$/gm)];
    expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 25 }, (_, at) => at + 1));
    for (const [, , row = ''] of rows) expect(row).toMatch(/\.test\.ts\): \*|[Nn]ot yet/);
  });
});
