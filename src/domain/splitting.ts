/**
 * Splits a batch into jobs. Items are grouped by what a job may not mix, and each group fills one job after
 * another in the caller's order up to the provider's limits, and to what it ever has room for. A job that ends up below the provider's minimum
 * takes just enough from the end of the one before it, and of no other: where the minimum is more than half of
 * what a job holds, a group may be refused that a split from scratch could fit.
 *
 * Works on a stream: it holds ranges of positions and, per group, fewer items of the last two jobs than the
 * minimum; never all items. Left to others: reading items and writing jobs (`batches/`), and what an item
 * weighs when it is encoded (`providers/`).
 */
import { ValidationError } from '../errors.ts';
import { JobDraft, type PlannedJob, type PlannerItem, type UnmixableField } from './job-draft.ts';
import type { RoomTaken } from './queue-room.ts';

export type { PlannedJob, PlannerItem, UnmixableField };

/** What a provider's jobs must keep to. */
export interface PlannerOptions {
  readonly limits: {
    readonly requestsMin: number;
    /** Null where only the bytes bound a job. */
    readonly requestsMax: number | null;
    /** The most bytes of a job, its frame included. */
    readonly bytesMax: number;
    /** The most bytes of one line; null where only `bytesMax` bounds it. */
    readonly lineBytesMax: number | null;
  };
  /** Bytes around and between the lines of a job of `count`; must not shrink as the count grows. */
  readonly frameBytes: (count: number) => number;
  /** What items are grouped by. */
  readonly unmixable: readonly UnmixableField[];
  /** What may occur only once in a job: a second item with the same value begins, or joins, another job. */
  readonly distinct?: readonly UnmixableField[];
  /**
   * Whether a job of so much would ever find room at the provider, where that is less than a job may be; a single item
   * that would not is a job of its own all the same.
   */
  readonly findsRoom?: (job: RoomTaken) => boolean;
}

/** The most bytes that one line may have in a job of its own. */
export const longestLine = ({ limits, frameBytes }: Pick<PlannerOptions, 'limits' | 'frameBytes'>): number =>
  Math.min(limits.lineBytesMax ?? limits.bytesMax, limits.bytesMax - frameBytes(1));

/**
 * Why a batch cannot be split:
 * - `line-too-large`: the item's line exceeds `limit`, the most bytes that a line may have here.
 * - `group-below-minimum`: the items with these values come to a job of `requestCount`, below the provider's
 *   `minimum`. A value is null where jobs may mix it, or the items have none.
 */
export type PlanRefusal =
  | {
      readonly kind: 'line-too-large';
      readonly position: number;
      readonly encodedBytes: number;
      readonly limit: number;
    }
  | {
      readonly kind: 'group-below-minimum';
      readonly model: string | null;
      readonly endpoint: string | null;
      readonly agentId: string | null;
      readonly requestCount: number;
      readonly minimum: number;
    };

/**
 * The jobs in order of their first position; or everything that stands against them. At most
 * `ValidationError.issuesMax` lines that are too large are named; `total` counts all refusals.
 */
export type Plan =
  | { readonly kind: 'planned'; readonly jobs: readonly PlannedJob[] }
  | { readonly kind: 'refused'; readonly refusals: readonly PlanRefusal[]; readonly total: number };

/** Takes the items of a batch one by one, in the caller's order. */
export interface Planner {
  /** Takes the next item; throws a `RangeError` where positions do not ascend within a job. */
  add(item: PlannerItem): void;
  /** The plan for all items. Ends the planner's life. */
  finish(): Plan;
  /** The jobs for those items that can be sent; what stands against the others is not told. Ends its life, too. */
  finishPossible(): readonly PlannedJob[];
}

/** A planner for one batch at one provider. */
export function createPlanner({
  limits,
  frameBytes,
  unmixable,
  distinct = [],
  findsRoom = () => true,
}: PlannerOptions): Planner {
  const lineBytesMax = longestLine({ limits, frameBytes });
  const groups = new Map<string, Group>();
  const longLines: PlanRefusal[] = [];
  let longLinesTotal = 0;
  const occurrences = new Map<string, number>();

  /** How many items before this one it cannot share a job with: the nth of its kind goes to the nth row of jobs. */
  const rowOf = (item: PlannerItem): number => {
    if (distinct.length === 0) return 0;
    const kind = JSON.stringify(distinct.map((field) => item[field]));
    const row = occurrences.get(kind) ?? 0;
    occurrences.set(kind, row + 1);
    return row;
  };

  const fits: Fits = (requestCount, bytes) =>
    requestCount <= (limits.requestsMax ?? Number.POSITIVE_INFINITY) &&
    bytes + frameBytes(requestCount) <= limits.bytesMax;

  const groupOf = (item: PlannerItem): Group => {
    const keptApart = (field: UnmixableField) => (unmixable.includes(field) ? item[field] : null);
    const values = {
      model: keptApart('model'),
      endpoint: keptApart('endpoint'),
      agentId: keptApart('agentId'),
    };
    const key = JSON.stringify({ ...values, row: rowOf(item) });
    const group =
      groups.get(key) ??
      new Group(
        values,
        limits.requestsMin,
        fits,
        (requestCount, bytes) =>
          fits(requestCount, bytes) &&
          findsRoom({ model: values.model, requestCount, bytes: bytes + frameBytes(requestCount) }),
      );
    groups.set(key, group);
    return group;
  };

  const refuseLine = ({ position, encodedBytes }: PlannerItem): void => {
    longLinesTotal += 1;
    // No answer names more of them, and a million must not fill the memory.
    if (longLinesTotal > ValidationError.issuesMax) return;
    longLines.push({ kind: 'line-too-large', position, encodedBytes, limit: lineBytesMax });
  };

  const inOrder = (jobs: PlannedJob[]): PlannedJob[] =>
    jobs.sort((one, other) => firstPosition(one) - firstPosition(other));

  return {
    add(item) {
      const group = groupOf(item);
      if (item.encodedBytes <= lineBytesMax) {
        group.add(item);
      } else {
        group.missItem();
        refuseLine(item);
      }
    },
    finish() {
      const finished = [...groups.values()].map((group) => group.finish());
      const shortGroups = finished.flatMap(({ refusal }) => refusal ?? []);
      const total = longLinesTotal + shortGroups.length;
      if (total > 0) return { kind: 'refused', refusals: [...longLines, ...shortGroups], total };
      return { kind: 'planned', jobs: inOrder(finished.flatMap((group) => group.jobs)) };
    },
    finishPossible() {
      const finished = [...groups.values()].map((group) => group.finish());
      return inOrder(finished.flatMap((group) => (group.isShort ? [] : group.jobs)));
    },
  };
}

const firstPosition = (job: PlannedJob): number => job.positions.bounds[0] ?? 0;

/** Whether a job of so many requests with so many bytes of lines keeps to the provider's maxima. */
type Fits = (requestCount: number, bytes: number) => boolean;

/** The items that jobs may hold together, cut into jobs as they come. */
class Group {
  readonly #values: Record<UnmixableField, string | null>;
  readonly #requestsMin: number;
  readonly #fits: Fits;
  /** The same for a job that shall find room, too. */
  readonly #findsRoom: Fits;
  readonly #drafts: JobDraft[] = [];
  /** How many requests the first job lacks that could not be brought to the minimum. */
  #lacking = 0;
  #missed = 0;

  constructor(
    values: Record<UnmixableField, string | null>,
    requestsMin: number,
    fits: Fits,
    findsRoom: Fits,
  ) {
    this.#values = values;
    this.#requestsMin = requestsMin;
    this.#fits = fits;
    this.#findsRoom = findsRoom;
  }

  add(item: PlannerItem): void {
    const newest = this.#drafts.at(-1);
    if (newest !== undefined && this.#findsRoom(newest.requestCount + 1, newest.bytes + item.encodedBytes)) {
      newest.add(item);
      return;
    }
    if (newest !== undefined) this.#topUp();
    this.#drafts.at(-2)?.settle();
    this.#drafts.push(this.#draftOf([item]));
  }

  /** Counts an item that was refused for its size: that it is missing shall not bring a second complaint. */
  missItem(): void {
    this.#missed += 1;
  }

  finish(): { jobs: PlannedJob[]; refusal: PlanRefusal | null; isShort: boolean } {
    this.#topUp();
    const jobs = this.#drafts.map((draft) => draft.toJob());
    const isShort = this.#lacking > 0;
    if (this.#lacking <= this.#missed) return { jobs, refusal: null, isShort };
    const requestCount = this.#requestsMin - this.#lacking + this.#missed;
    const minimum = this.#requestsMin;
    return {
      jobs,
      refusal: { kind: 'group-below-minimum', ...this.#values, requestCount, minimum },
      isShort,
    };
  }

  /** Brings the newest job to the minimum with the last items of the one before, or notes what it lacks. */
  #topUp(): void {
    const newest = this.#drafts.at(-1);
    const previous = this.#drafts.at(-2);
    const lacking = this.#requestsMin - (newest?.requestCount ?? 0);
    if (lacking <= 0) return;
    if (
      newest !== undefined &&
      previous !== undefined &&
      previous.requestCount - lacking >= this.#requestsMin
    ) {
      const given = previous.last(lacking);
      const topped = this.#draftOf([...given, ...newest.last(newest.requestCount)]);
      if (this.#fits(topped.requestCount, topped.bytes)) {
        previous.give(given);
        this.#drafts.splice(-1, 1, topped);
        return;
      }
    }
    if (this.#lacking === 0) this.#lacking = lacking;
  }

  #draftOf(items: readonly PlannerItem[]): JobDraft {
    return new JobDraft(items, Math.max(0, this.#requestsMin - 1));
  }
}
