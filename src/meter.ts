/** What a process counts of its own doing as it does it. Counting must never fail what is counted, so nothing throws. */

/** Where it is counted. */
export interface Meter {
  /** An answer over HTTP, by the route and the status; how long it took, null for a stream of events. */
  readonly answered: (route: string, status: string, seconds: number | null) => void;
  /** An operation of GraphQL, over any transport: what kind it was, and `OK` or the code of its first error. */
  readonly operated: (kind: string, outcome: string) => void;
  /** A stream of events was opened (1) or has ended (-1). */
  readonly streamed: (change: 1 | -1) => void;
  /** A call to a provider: `ok`, or the kind of its failure. */
  readonly called: (call: { provider: string; operation: string; outcome: string; seconds: number }) => void;
}

const nothing = (): void => undefined;

/** Where nobody asks. */
export const noMeter: Meter = { answered: nothing, operated: nothing, streamed: nothing, called: nothing };
