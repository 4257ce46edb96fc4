/**
 * What the emulated server keeps of a job: what it was asked, when, and what became of its call to the callback URL.
 * Everything else (status, times, messages) follows from that and the clock.
 */
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';

/** A job, as written when it was created; its content is one request a line, an agent's only one. */
export interface KeptJob extends WrittenLife {
  readonly callbackUrl: string | null;
  /** The call to that URL, once it was made. */
  readonly callback: KeptCallback | null;
  /** Whether it was over when it was cancelled, and is called cancelled since. */
  readonly isOverwritten: boolean;
}

/** What became of the one call to a callback URL. */
export interface KeptCallback {
  /** ISO 8601. */
  readonly sentAt: string;
  readonly statusCode: number | null;
  readonly error: string | null;
}

/** The switches and their positions; the first is the default. The README tells what each stands for. */
const switchesSchema = z.strictObject({
  agentIds: z.enum(['uuid', 'any']).default('uuid'),
  answers: z.enum(['text', 'message-tool']).default('text'),
  turns: z.enum(['one-by-one', 'together']).default('one-by-one'),
  failures: z.enum(['marked', 'silent']).default('marked'),
  messagesAfter: z.enum(['honoured', 'fails']).default('honoured'),
  messagesLimitMax: z.enum(['none', '100']).default('none'),
  listCursors: z.enum(['sorted', 'age']).default('sorted'),
  absentCallback: z.enum(['None', 'null']).default('None'),
  times: z.enum(['naive', 'zoned']).default('naive'),
  createFailure: z.enum(['later', 'at-creation']).default('later'),
  cancelling: z.enum(['enabled', 'not-enabled']).default('enabled'),
  cancelWhenOver: z.enum(['overwrites', 'keeps']).default('overwrites'),
  validation: z.enum(['text', 'list']).default('text'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** Everything that the routes work on. */
export interface Store {
  readonly clock: Clock;
  readonly pace: EmulatorPace;
  readonly switches: Switches;
  readonly jobs: Shelf<KeptJob>;
}

/** Opens the store. A switch that does not exist, or stands where it cannot, is a plain error. */
export function openStore({ clock, pace, directory, switches }: EmulatorOptions): Store {
  return {
    clock,
    // Nothing here is a job that is being cancelled: one that is told to stop is cancelled at once.
    pace: { ...defaultPace, ...pace, cancellingSeconds: 0 },
    switches: switchesSchema.parse(switches ?? {}),
    jobs: openShelf('job-', directory),
  };
}
