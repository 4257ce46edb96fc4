/**
 * What the emulator keeps: input files, jobs with a copy of the lines they were made of, and uploads on their way.
 * Everything else (state, counts, results) follows from these and the clock.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';

/** An uploaded file. */
export interface KeptFile {
  /** Without the `files/` that its name begins with. */
  readonly id: string;
  readonly displayName: string | null;
  readonly mimeType: string;
  readonly bytes: number;
  /** Base64. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** The two kinds of requests that jobs are made of. */
export type RequestKind = 'generateContent' | 'embedContent';

/** A job, as written when it was created. Its id stands without the `batches/` that its name begins with. */
export interface KeptBatch extends WrittenLife {
  readonly kind: RequestKind;
  /** As it is named in the answers: `models/…`. */
  readonly model: string;
  readonly displayName: string | null;
  /** The file's name; null where the requests came along with the creation. */
  readonly inputFile: string | null;
  /** What is wrong with the input; such a job fails. */
  readonly fault: string | null;
  readonly webhookUris: readonly string[];
  /** Whether the end of the job has been told to them. */
  readonly webhookSent: boolean;
  /** Whether its results were deleted. */
  readonly resultsDeleted: boolean;
}

/** An upload that has begun: what the file is to be, and the bytes that have come. */
export interface UploadSession {
  readonly displayName: string | null;
  readonly mimeType: string;
  readonly bytes: number;
  readonly pieces: Buffer[];
}

/** The switches and their positions; the first is the default. The README tells what each stands for. */
const switchesSchema = z.strictObject({
  stateWords: z.enum(['BATCH_STATE', 'JOB_STATE']).default('BATCH_STATE'),
  zeroCounts: z.enum(['omitted', 'written']).default('omitted'),
  listOrder: z.enum(['newest-first', 'oldest-first']).default('newest-first'),
  outputPlace: z.enum(['both', 'response']).default('both'),
  inputChecked: z.enum(['later', 'at-creation']).default('later'),
  errorCodes: z.enum(['rpc', 'http']).default('rpc'),
  cancelledResults: z.enum(['partial', 'all', 'none']).default('partial'),
  expiredResults: z.enum(['none', 'partial']).default('none'),
  cancelWhenOver: z.enum(['refused', 'answered']).default('refused'),
  resultsKept: z.enum(['six-weeks', 'two-days']).default('six-weeks'),
  missingFile: z.enum(['403', '404']).default('403'),
  resultsDeletion: z.enum(['answered', 'refused']).default('answered'),
  unknownKey: z.enum(['400', '401']).default('400'),
  concurrentJobsMax: z.enum(['none', '100', '2']).default('none'),
  webhookSignature: z.enum(['token', 'secret']).default('token'),
  webhookJobId: z.enum(['name', 'bare']).default('name'),
  cancelledWebhook: z.enum(['unsent', 'sent']).default('unsent'),
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
  /** By id; one that the process takes with it has to be begun anew. */
  readonly uploads: Map<string, UploadSession>;
}

/** Opens the store. A switch that does not exist, or stands where it cannot, is a plain error. */
export function openStore({ clock, pace, directory, switches }: EmulatorOptions): Store {
  const place = (name: string) => (directory === undefined ? undefined : join(directory, name));
  return {
    clock,
    pace: { ...defaultPace, ...pace },
    switches: switchesSchema.parse(switches ?? {}),
    files: openShelf('', place('files')),
    batches: openShelf('', place('batches')),
    uploads: new Map(),
  };
}
