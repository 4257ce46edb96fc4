/** `docs/reliability.md` names tests; each must be there, word for word, and no failure of its list may be left out. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../docs/reliability.md', import.meta.url), 'utf8');
const named = [...page.matchAll(/\]\(\.\.\/(test\/[^)]+)\): \*([^*]+)\*/g)].map(
  ([, file = '', title = '']) => [file, title] as const,
);

describe('docs/reliability.md', () => {
  it.each(named)('names a test that exists: %s: %s', (file, title) => {
    const place = new URL(`../${file}`, import.meta.url);
    expect(existsSync(place)).toBe(true);
    expect(readFileSync(place, 'utf8').includes(title)).toBe(true);
  });

  it('has a line for each of the 25 failures, which names a test or says that there is none yet', () => {
    const rows = [...page.matchAll(/^\| (\d+) \| (.+)$/gm)];
    expect(rows.map(([, number]) => Number(number))).toEqual(Array.from({ length: 25 }, (_, at) => at + 1));
    for (const [, , row = ''] of rows) expect(row).toMatch(/\.test\.ts\): \*|[Nn]ot yet/);
  });
});
