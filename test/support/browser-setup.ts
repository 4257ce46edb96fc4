/**
 * Before the browser tests: finds a Chromium on this machine. Without one they are skipped, which is said aloud
 * here and shown in the totals; in CI that is a failure.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The executable; null where there is none. */
    chromium: string | null;
  }
}

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const places = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
const remedy = 'install Chromium (on Debian: apt-get install chromium) or set CHROME_PATH to one';

/** Gives the tests the browser's path. */
export default function setUp(project: TestProject): void {
  const chromium = findChromium();
  if (chromium === null && process.env['CI'] === 'true') {
    throw new Error(`The browser tests found no browser: ${remedy}.`);
  }
  if (chromium === null) console.warn(`\nTHE BROWSER TESTS ARE SKIPPED, for want of a browser: ${remedy}.\n`);
  project.provide('chromium', chromium);
}

/** Chromium or Chrome at `CHROME_PATH`, on the path, or where systems without one put it. */
function findChromium(): string | null {
  const named = process.env['CHROME_PATH'];
  if (named !== undefined) return named;
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((directory) => names.map((name) => join(directory, name)));
  return [...onPath, ...places].find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
