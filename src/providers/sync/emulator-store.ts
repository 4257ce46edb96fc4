/**
 * What the emulator keeps: batches, each with the lines it was made of. Everything else (status, metrics, results,
 * webhooks that are due) follows from these and the clock.
 */
import type { Clock } from '../../clock.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';
import { readSwitches, type Switches } from './emulator-switches.ts';

/** A batch, as written when it was created. */
export interface KeptBatch extends WrittenLife {
  readonly webhookUrl: string | null;
  /** Where the emulator was served when the batch was created: its videos lie there for good. */
  readonly origin: string;
  /** Whether the webhook was called; the only thing that changes. */
  readonly notified: boolean;
}

/** Everything that the routes work on. */
export interface Store {
  readonly clock: Clock;
  readonly pace: EmulatorPace;
  readonly switches: Switches;
  readonly batches: Shelf<KeptBatch>;
}

/** Opens the store. A switch that does not exist, or stands where it cannot, is a plain error. */
export function openStore({ clock, pace, directory, switches }: EmulatorOptions): Store {
  return {
    clock,
    pace: { ...defaultPace, ...pace },
    switches: readSwitches(switches),
    batches: openShelf('batch_', directory),
  };
}

/** The lines of a batch's input, without empty ones. */
export const inputLines = (content: Buffer | string): string[] =>
  content
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
