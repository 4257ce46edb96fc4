/**
 * What the emulator keeps: input files, and batches with a copy of the lines they were made of. Everything else
 * (status, counts, output files) follows from these and the clock.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';
import type { ProviderLimits } from '../provider.ts';
import type { Quirks } from './quirks.ts';

/** The service that is emulated. */
export interface EmulatedService {
  /** The path of its base URL, such as `/v1`; calls are taken with it and without. */
  readonly basePath: string;
  readonly quirks: Quirks;
  readonly limits: ProviderLimits;
  readonly endpoints: readonly string[];
  readonly completionWindows: readonly string[];
  /** The further setting that is to hold the secret of its webhooks; null where it calls nobody. */
  readonly webhookSetting: string | null;
}

/** An uploaded file. */
export interface KeptFile {
  readonly id: string;
  readonly filename: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Whether its bytes are still to come, where an upload has two steps. */
  readonly isAwaited?: boolean;
}

/** A batch, as written when it was created. */
export interface KeptBatch extends WrittenLife {
  readonly inputFileId: string;
  readonly endpoint: string;
  readonly completionWindow: string;
  /** What the creation said in the idempotency header; null where it said nothing, or the service has none. */
  readonly idempotencyKey: string | null;
  readonly model: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** What validation finds wrong with the input; such a batch fails. */
  readonly faults: readonly InputFault[];
  /** Output files that were deleted. */
  readonly deleted: readonly OutputKind[];
  /** The webhook endpoints that were told of its end; absent: none. */
  readonly told?: readonly string[];
}

/** A webhook endpoint that was registered. */
export interface KeptEndpoint {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly name: string;
  readonly url: string;
  readonly eventTypes: readonly string[];
}

/** One thing that validation finds wrong, in the vendor's form. */
export interface InputFault {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  /** Counted from 1; null where it is about the whole file. */
  readonly line: number | null;
}

/** The two files that a batch may leave. */
export type OutputKind = 'output' | 'error';

/** The switches and their positions; the first is the default. The README tells what each stands for. */
const switchesSchema = z.strictObject({
  countsInValidating: z.enum(['zero', 'total']).default('zero'),
  absentNulls: z.boolean().default(false),
  listOrder: z.enum(['newest-first', 'oldest-first']).default('newest-first'),
  cancelWhenOver: z.enum(['refused', 'answered']).default('refused'),
  cancelledLines: z.enum(['told', 'absent']).default('told'),
  enqueuedTokensMax: z.enum(['none', '90000', '100']).default('none'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** Everything that the routes work on. */
export interface Store {
  readonly clock: Clock;
  readonly service: EmulatedService;
  readonly pace: EmulatorPace;
  readonly switches: Switches;
  readonly files: Shelf<KeptFile>;
  readonly batches: Shelf<KeptBatch>;
  readonly endpoints: Shelf<KeptEndpoint>;
}

/** Opens the store. A switch that does not exist, or stands where it cannot, is a plain error. */
export function openStore(
  { clock, pace, directory, switches }: EmulatorOptions,
  service: EmulatedService,
): Store {
  const place = (name: string) => (directory === undefined ? undefined : join(directory, name));
  return {
    clock,
    service,
    pace: { ...defaultPace, ...pace, ...(service.quirks.phases === 'few' ? { cancellingSeconds: 0 } : {}) },
    switches: switchesSchema.parse(switches ?? {}),
    files: openShelf('file-', place('files')),
    batches: openShelf('batch_', place('batches')),
    endpoints: openShelf('whe_', place('webhook_endpoints')),
  };
}

/** The list in the order in which the vendor's lists come, given oldest first. */
export const inListOrder = <T>(store: Store, oldestFirst: readonly T[]): T[] =>
  store.switches.listOrder === 'newest-first' ? oldestFirst.toReversed() : [...oldestFirst];
