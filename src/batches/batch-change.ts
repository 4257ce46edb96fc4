/** What a verb wants changed of a batch, as `transition.ts` is told it. */
import type { BatchPatch } from '../db/queries/batches.ts';
import type { JobPatch, NewJob } from '../db/queries/jobs.ts';
import type { ReopenedCounts } from '../db/queries/retries.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { CostRange } from '../domain/cost.ts';
import type { Decimal } from '../domain/decimal.ts';
import type { EventKind } from '../domain/event.ts';
import type { JsonObject } from '../domain/json-line.ts';
import type { Tally } from '../domain/tally.ts';

/** A change of one job. With `epoch`, only under that lease. */
export interface JobChange {
  readonly job: JobRow;
  readonly set: JobPatch;
  readonly epoch?: number;
}

/** What a verb wants changed; counts, status, times, event and tasks follow from it. */
export interface BatchChange {
  /** Null for what changes nothing but jobs, or when an open batch is looked at again, and is told to nobody. */
  readonly event: EventKind | null;
  /** Facts for the event, beside the status: numbers and words, never bodies. */
  readonly data?: JsonObject;
  readonly batch?: BatchPatch;
  readonly added?: {
    readonly requests: number;
    readonly bytes: number;
    readonly estimate: CostRange | null;
  };
  readonly newJobs?: readonly NewJob[];
  /** Failed requests that `newJobs` try again, by what became of them before; they are pending now. */
  readonly reopened?: ReopenedCounts;
  /** The most that the reopened requests are thought to cost; null where nobody can tell. */
  readonly reserve?: Decimal | null;
  readonly jobs?: readonly JobChange[];
  /** Results that this transaction inserted, and what their items counted as before. */
  readonly settled?: { readonly tally: Tally; readonly from: 'pending' | 'submitted' };
}
