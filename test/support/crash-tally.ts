/** What was tried and held, counted over all test files of a run, and told in one sentence at its end. */
import { appendFile, readFile } from 'node:fs/promises';
import { inject } from 'vitest';

/** What a test tried, and found nothing lost or doubled. */
export interface Tried {
  readonly provider: string;
  /** Deaths at one point each. */
  readonly deaths: number;
  /** Deaths of which each was followed by another while its remains were taken up. */
  readonly doubleDeaths: number;
  /** Deaths after which a job waits for a person, because nobody can know its fate. */
  readonly waitForPerson: number;
}

/** Adds it to the sum. */
export async function count(tried: Tried): Promise<void> {
  await appendFile(inject('crashTally'), `${JSON.stringify(tried)}\n`);
}

/** The sum as a sentence; null where nothing was tried. */
export async function tell(file: string): Promise<string | null> {
  const lines = await readFile(file, 'utf8').catch(() => '');
  const all: Tried[] = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  if (all.length === 0) return null;
  const sum = (field: 'deaths' | 'doubleDeaths' | 'waitForPerson') =>
    all.reduce((total, tried) => total + tried[field], 0);
  const providers = new Set(all.map(({ provider }) => provider)).size;
  return (
    `Killed at ${sum('deaths')} crash points of ${providers} providers, and ${sum('doubleDeaths')} times twice in a row: ` +
    `nothing was lost, nothing was sent twice; ${sum('waitForPerson')} times a person is asked.`
  );
}
