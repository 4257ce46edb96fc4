/**
 * The room that a provider has for jobs of one credential: requests that wait there, tokens of a model, jobs at once. A
 * job that would go beyond is not sent to be refused; it waits. Owned here: what fits, and what is kept for whom. Who is
 * before whom is `turn.ts`.
 */

/** What a provider counts of what it was given and has not done yet. */
export const queueUnits = ['REQUESTS', 'TOKENS', 'JOBS'] as const;
/** One thing that a provider counts. */
export type QueueUnit = (typeof queueUnits)[number];

/** How much of something may be at a provider at once. */
export interface RoomLimit {
  readonly unit: QueueUnit;
  /** What has such room of its own: each model, or everything of the credential together. */
  readonly per: 'CREDENTIAL' | 'MODEL';
  /** The most, by model; of those that are not named under `*`. What is neither has no limit. */
  readonly most: Readonly<Record<string, number>>;
}

/** What a job takes of the room. */
export interface RoomTaken {
  readonly model: string | null;
  readonly requestCount: number;
  /** Of the encoded job. */
  readonly bytes: number;
}

/** What there is already: jobs of one model, summed. */
export interface RoomUsed extends RoomTaken {
  readonly jobs: number;
}

/** A limit that a job would go beyond. */
export interface RoomLack {
  readonly unit: QueueUnit;
  /** The model whose room it is; null where the whole credential has one. */
  readonly model: string | null;
  readonly limit: number;
  /** What is at the provider now. */
  readonly current: number;
  /** What the job would add. */
  readonly requested: number;
}

/** Providers do not tell beforehand how they count; four bytes of a request for a token is what vendors advise. */
const bytesPerToken = 4;

/** About how many tokens so many bytes of requests are. */
export const tokensIn = (bytes: number): number => Math.ceil(bytes / bytesPerToken);

/** The limits with the room that is left in each. */
export class Room {
  readonly #limits: readonly RoomLimit[];
  readonly #used: Map<string, number>;
  readonly #kept = new Set<string>();

  constructor(limits: readonly RoomLimit[], there: readonly RoomUsed[]) {
    this.#limits = limits;
    this.#used = new Map();
    for (const used of there) this.take(used, used.jobs);
  }

  /**
   * What a job would have to wait for; null where it fits. One that is larger than all the room there is fits where
   * there is nothing else: what the provider makes of it is for the provider to say.
   */
  lackFor(job: RoomTaken): RoomLack | null {
    for (const limit of this.#limits) {
      const most = mostOf(limit, job.model);
      if (most === null) continue;
      const key = keyOf(limit, job.model);
      const current = this.#used.get(key) ?? 0;
      const requested = amountOf[limit.unit](job, 1);
      if (!this.#kept.has(key) && (current === 0 || current + requested <= most)) continue;
      const model = limit.per === 'MODEL' ? job.model : null;
      return { unit: limit.unit, model, limit: most, current, requested };
    }
    return null;
  }

  /** Lets a job in. */
  take(job: RoomTaken, jobs = 1): void {
    for (const limit of this.#limits) {
      const key = keyOf(limit, job.model);
      this.#used.set(key, (this.#used.get(key) ?? 0) + amountOf[limit.unit](job, jobs));
    }
  }

  /** Keeps what a job lacks for it: nobody after it is let in there, or the small would hold up the large for ever. */
  keepFor({ unit, model }: RoomLack): void {
    this.#kept.add(JSON.stringify([unit, model]));
  }
}

/** Whether jobs can be cut so that each fits into the room as a whole; of what is one request only it cannot. */
export const fitsIntoRoom = (limits: readonly RoomLimit[], job: RoomTaken): boolean =>
  limits.every((limit) => {
    const most = mostOf(limit, job.model);
    return most === null || amountOf[limit.unit](job, 1) <= most;
  });

const mostOf = ({ per, most }: RoomLimit, model: string | null): number | null =>
  (per === 'MODEL' && model !== null ? most[model] : undefined) ?? most['*'] ?? null;

const keyOf = ({ unit, per }: RoomLimit, model: string | null): string =>
  JSON.stringify([unit, per === 'MODEL' ? model : null]);

const amountOf: Readonly<Record<QueueUnit, AmountOf>> = {
  REQUESTS: ({ requestCount }) => requestCount,
  TOKENS: ({ bytes }) => tokensIn(bytes),
  JOBS: (_job, jobs) => jobs,
};

type AmountOf = (job: RoomTaken, jobs: number) => number;
