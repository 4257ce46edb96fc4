/**
 * What the emulator keeps: input files, and jobs with a copy of the lines they were made of. Everything else (status,
 * counts, output files) follows from these and the clock.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';

/** An uploaded file. */
export interface KeptFile {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A job, as written when it was created. */
export interface KeptBatch extends WrittenLife {
  readonly inputFileId: string;
  readonly endpoint: string;
  readonly model: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** What is wrong with the input; such a job fails. */
  readonly faults: readonly InputFault[];
  /** Output files that were deleted. */
  readonly deleted: readonly OutputKind[];
}

/** One thing that is wrong with an input, and how many of its lines are wrong so. */
export interface InputFault {
  readonly message: string;
  readonly count: number;
}

/** The two files that a job may leave. */
export type OutputKind = 'output' | 'error';

/** The switches and their positions; the first is the default. The README tells what each stands for. */
const switchesSchema = z.strictObject({
  countsWhileQueued: z.enum(['total', 'zero']).default('total'),
  absentNulls: z.boolean().default(false),
  listOrder: z.enum(['as-asked', 'oldest-first']).default('as-asked'),
  pendingRequestsMax: z.enum(['100000', '1000000']).default('100000'),
  metadataFilter: z.enum(['honoured', 'ignored', 'matches-nothing']).default('honoured'),
  inputChecked: z.enum(['later', 'at-creation']).default('later'),
  unansweredLines: z.enum(['written', 'absent']).default('written'),
  answerBodies: z.enum(['objects', 'texts']).default('objects'),
  cancelWhenOver: z.enum(['refused', 'answered']).default('refused'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** Everything that the routes work on. */
export interface Store {
  readonly clock: Clock;
  readonly pace: EmulatorPace;
  readonly switches: Switches;
  readonly files: Shelf<KeptFile>;
  readonly batches: Shelf<KeptBatch>;
}

/** Opens the store. A switch that does not exist, or stands where it cannot, is a plain error. */
export function openStore({ clock, pace, directory, switches }: EmulatorOptions): Store {
  const place = (name: string) => (directory === undefined ? undefined : join(directory, name));
  return {
    clock,
    pace: { ...defaultPace, ...pace },
    switches: switchesSchema.parse(switches ?? {}),
    files: openShelf('file-', place('files')),
    batches: openShelf('job-', place('batches')),
  };
}
