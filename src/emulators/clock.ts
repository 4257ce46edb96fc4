/**
 * The clock that all emulators of a process share: it runs, and can be moved forward. How far it was moved is kept
 * beside their batches, so that what had ended before a restart has ended after it, too.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { StartError } from '../errors.ts';

/** A clock that runs and can be moved forward, never back. */
export interface AdvancingClock extends Clock {
  /** Moves it forward by so many seconds. */
  advance(seconds: number): void;
}

/**
 * A clock that runs as `base` does. With a directory it stands as far ahead as when it was last used there; a
 * `StartError` where that cannot be read or written.
 */
export function openAdvancingClock(base: Clock, directory?: string): AdvancingClock {
  let { aheadSeconds } = directory === undefined ? { aheadSeconds: 0 } : readMark(directory);
  return {
    now: () => new Date(base.now().getTime() + aheadSeconds * 1000),
    advance(seconds) {
      aheadSeconds += seconds;
      if (directory !== undefined) writeFileSync(markIn(directory), JSON.stringify({ aheadSeconds }));
    },
  };
}

const markSchema = z.strictObject({ aheadSeconds: z.number().min(0) });

const markIn = (directory: string): string => join(directory, 'clock.json');

function readMark(directory: string): z.infer<typeof markSchema> {
  try {
    mkdirSync(directory, { recursive: true });
    // Opened for appending: made where it is missing, and refused where it could not be written later.
    const text = readFileSync(markIn(directory), { encoding: 'utf8', flag: 'a+' });
    return text === '' ? { aheadSeconds: 0 } : markSchema.parse(JSON.parse(text));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'not JSON of ours';
    throw new StartError(`${markIn(directory)} cannot be used (${code}); choose another --directory.`);
  }
}
