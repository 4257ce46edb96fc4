/**
 * What the emulator keeps: the objects in its bucket, and jobs with a copy of the lines that they were made of.
 * Everything else (status, counts, output objects) follows from these and the clock.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';

/** An object that somebody has put. */
export interface KeptObject {
  readonly id: string;
  readonly key: string;
  readonly bytes: number;
  readonly contentType: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A job, as written when it was created. Its content is the lines of all its input files, one after the other. */
export interface KeptJob extends WrittenLife {
  readonly arn: string;
  readonly name: string;
  /** Null where its creation had none. */
  readonly token: string | null;
  readonly roleArn: string;
  readonly modelId: string;
  readonly invocation: 'InvokeModel' | 'Converse';
  readonly timeoutHours: number;
  readonly inputUri: string;
  readonly outputUri: string;
  readonly files: readonly InputFile[];
  /** What is wrong with the input, so that the job fails; null where nothing is. */
  readonly fault: string | null;
  /** Keys of output objects that were deleted. */
  readonly deleted: readonly string[];
}

/** One input file of a job. */
export interface InputFile {
  /** Without the folders before it. */
  readonly name: string;
  readonly records: number;
}

/** The switches and their positions; the first is the default. The README tells what each stands for. */
const switchesSchema = z.strictObject({
  recordsMin: z.enum(['100', '1000']).default('100'),
  recordsMax: z.enum(['50000', '200']).default('50000'),
  fileBytesMax: z.enum(['1000000000', '100000']).default('1000000000'),
  jobsMax: z.enum(['none', '20']).default('none'),
  countsWhileValidating: z.enum(['absent', 'zero']).default('absent'),
  repeatedToken: z.enum(['same-answer', 'empty-answer', 'conflict']).default('same-answer'),
  jobNameInUse: z.enum(['validation', 'conflict', 'accepted']).default('validation'),
  stopWhenOver: z.enum(['conflict', 'validation', 'answered']).default('conflict'),
  outputOrder: z.enum(['finished', 'as-given']).default('finished'),
  outputsBeforeTheEnd: z.boolean().default(false),
  emptyOutputs: z.enum(['absent', 'written']).default('absent'),
  errorWord: z.enum(['header', 'body']).default('header'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** Everything that the routes work on. */
export interface Store {
  readonly clock: Clock;
  readonly pace: EmulatorPace;
  readonly switches: Switches;
  readonly objects: Shelf<KeptObject>;
  readonly jobs: Shelf<KeptJob>;
  /** Bytes of output objects that change no more, by key. */
  readonly sizes: Map<string, number>;
}

/** Opens the store. A switch that does not exist, or stands where it cannot, is a plain error. */
export function openStore({ clock, pace, directory, switches }: EmulatorOptions): Store {
  const place = (name: string) => (directory === undefined ? undefined : join(directory, name));
  return {
    clock,
    pace: { ...defaultPace, ...pace },
    switches: switchesSchema.parse(switches ?? {}),
    objects: openShelf('object-', place('objects')),
    jobs: openShelf(jobPrefix, place('jobs')),
    sizes: new Map(),
  };
}

const jobPrefix = 'job-';

/** The twelve characters that the vendor names a job by, made of the id that it is kept under. */
export const shortId = (id: string): string => id.slice(jobPrefix.length, jobPrefix.length + 12);

/** The job that the vendor knows by its ARN or its short id; null where there is none. */
export async function findJob({ jobs }: Store, identifier: string): Promise<KeptJob | null> {
  const all = await jobs.all();
  return all.find((job) => job.arn === identifier || shortId(job.id) === identifier) ?? null;
}

/** The object with that key; null where there is none. */
export async function findObject({ objects }: Store, key: string): Promise<KeptObject | null> {
  return (await objects.all()).find((object) => object.key === key) ?? null;
}
