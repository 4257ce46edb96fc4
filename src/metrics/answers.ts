/** What whoever asks for `/metrics` is told. However many ask, the database is asked once in a few seconds. */
import type { Services } from '../services.ts';
import { findFigures } from './database-figures.ts';
import type { Figures } from './process-figures.ts';

/** How long what was found is told again, in seconds. */
const usualKeepSeconds = 5;

/** A function that tells all figures as text. */
export function answersOf(
  parts: Pick<Services, 'db' | 'hub' | 'clock' | 'settings' | 'log'>,
  figures: Figures,
  keepSeconds = usualKeepSeconds,
): Figures['text'] {
  let found: Promise<void> | null = null;
  let until = 0;
  return async () => {
    if (found === null || performance.now() >= until) {
      until = Number.POSITIVE_INFINITY;
      found = findFigures(parts, figures).finally(() => {
        until = performance.now() + keepSeconds * 1000;
      });
    }
    await found;
    return figures.text();
  };
}
