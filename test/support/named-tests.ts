/** Pages name tests as what holds a promise: `[file](test/…/file.test.ts): *title*`, the title word for word. */
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** The tests that a page names, as file and title. */
export const namedTests = (page: string): readonly (readonly [file: string, title: string])[] =>
  [...page.matchAll(/\]\((?:\.\.\/)?(test\/[^)]+)\): \*([^*]+)\*/g)].map(
    ([, file = '', title = '']) => [file, title] as const,
  );

/** Whether there is such a test. */
export function isTest(file: string, title: string): boolean {
  const place = new URL(file, root);
  return existsSync(place) && readFileSync(place, 'utf8').includes(title);
}
