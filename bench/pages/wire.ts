/** What the row and the program that asks say to each other. */

/** One kind of request, asked for a while. */
export interface AskTask {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How many are under way at once, each on a connection of its own. */
  readonly concurrency: number;
  /** How many are answered in all. */
  readonly requests: number;
}

/** How it went. */
export interface Asked {
  readonly requestsPerSecond: number;
  /** From sending a request until its answer was whole. */
  readonly medianMilliseconds: number;
  /** The last answer. */
  readonly sample: string;
}
