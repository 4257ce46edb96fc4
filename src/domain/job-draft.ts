/**
 * A job in the making: gathers items, and can give its last ones to the job after it. Owns the sums and what
 * the items have in common; which item goes where is decided by `splitting.ts`.
 */
import { PositionCollector, type PositionSet } from './positions.ts';

/** What a job may be forbidden to mix. */
export type UnmixableField = 'model' | 'endpoint' | 'agentId';

/** One item, as far as it matters for splitting. */
export interface PlannerItem {
  readonly position: number;
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly agentId: string | null;
  /** Bytes of its line in the job, envelope included. */
  readonly encodedBytes: number;
}

/** One job to be. Model, endpoint and agent are what all its items share; null where they differ or have none. */
export interface PlannedJob {
  readonly model: string | null;
  readonly endpoint: string | null;
  readonly agentId: string | null;
  readonly positions: PositionSet;
  readonly requestCount: number;
  /** Sum of the items' `encodedBytes`, without the frame. */
  readonly bytes: number;
}

/** A growing job. Of its items it remembers the last `tailMax`, all that the next job can ever ask for. */
export class JobDraft {
  readonly #tailMax: number;
  readonly #positions = new PositionCollector();
  readonly #model = new SharedValue();
  readonly #endpoint = new SharedValue();
  readonly #agentId = new SharedValue();
  #tail: PlannerItem[] = [];
  #requestCount = 0;
  #bytes = 0;

  constructor(items: readonly PlannerItem[], tailMax: number) {
    this.#tailMax = tailMax;
    for (const item of items) this.add(item);
  }

  get requestCount(): number {
    return this.#requestCount;
  }

  /** Sum of the items' `encodedBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next item; its position must be greater than all before. */
  add(item: PlannerItem): void {
    this.#positions.add(item.position);
    this.#model.see(item.model, this.#requestCount);
    this.#endpoint.see(item.endpoint, this.#requestCount);
    this.#agentId.see(item.agentId, this.#requestCount);
    this.#requestCount += 1;
    this.#bytes += item.encodedBytes;
    this.#tail.push(item);
    // Trimmed now and then rather than shifted each time, which would cost a million items their speed.
    if (this.#tail.length > 2 * this.#tailMax) this.#tail = this.last(this.#tailMax);
  }

  /** Its last `count` items, in order; fewer where it no longer remembers them. */
  last(count: number): PlannerItem[] {
    return this.#tail.slice(Math.max(0, this.#tail.length - count));
  }

  /** Gives up its last items, which go to the next job; nothing is added to this one any more. */
  give(items: readonly PlannerItem[]): void {
    const [first] = items;
    if (first !== undefined) this.#positions.dropFrom(first.position);
    this.#requestCount -= items.length;
    for (const item of items) this.#bytes -= item.encodedBytes;
    this.settle();
  }

  /** Says that the job stays as it is, so that it need not remember its items. */
  settle(): void {
    this.#tail = [];
  }

  /** The job as it stands. */
  toJob(): PlannedJob {
    return {
      model: this.#model.among(this.#requestCount),
      endpoint: this.#endpoint.among(this.#requestCount),
      agentId: this.#agentId.among(this.#requestCount),
      positions: this.#positions.toSet(),
      requestCount: this.#requestCount,
      bytes: this.#bytes,
    };
  }
}

/** The value that the first items of a job have in common, whatever number of them is left in the end. */
class SharedValue {
  #value: string | null = null;
  #differsAt = Number.POSITIVE_INFINITY;

  see(value: string | null, index: number): void {
    if (index === 0) this.#value = value;
    else if (value !== this.#value) this.#differsAt = Math.min(this.#differsAt, index);
  }

  among(count: number): string | null {
    return this.#differsAt < count ? null : this.#value;
  }
}
