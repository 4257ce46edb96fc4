/**
 * How much may be asked for in a minute. Counted in points, so that an operation that can answer much counts as several
 * requests, in windows of a minute that are the same for all processes. Owned here: the rules; counting is
 * `rates/rate-counter.ts`.
 */

/** How long one window is; the next begins with nothing counted. */
export const windowSeconds = 60;

/** How many fields of an answer are one point. */
const fieldsPerPoint = 100;

/** Whose points are counted: those of one key, and those of all keys of its organization. */
export const rateScopes = ['key', 'organization'] as const;
/** One of the two. */
export type RateScope = (typeof rateScopes)[number];

/** The most points in a window, of each. */
export type RateLimits = Readonly<Record<RateScope, number>>;

/** What is left to one of the two. */
export interface Standing {
  readonly scope: RateScope;
  readonly limit: number;
  readonly remaining: number;
}

/** A minute of the clock. */
export interface RateWindow {
  readonly startsAt: Date;
  /** The first moment that belongs to the next one. */
  readonly endsAt: Date;
}

/** The window that this moment belongs to. */
export function windowAt(now: Date): RateWindow {
  const length = windowSeconds * 1000;
  const start = Math.floor(now.getTime() / length) * length;
  return { startsAt: new Date(start), endsAt: new Date(start + length) };
}

/** The whole seconds until the window ends, at least one. */
export const secondsLeft = ({ endsAt }: RateWindow, now: Date): number =>
  Math.max(1, Math.ceil((endsAt.getTime() - now.getTime()) / 1000));

/** The points of an operation, by the most fields that its answer can have. */
export const pointsOf = (complexity: number): number => Math.max(1, Math.ceil(complexity / fieldsPerPoint));

/**
 * How many points a process may count that the others do not know of. So the processes together go beyond a limit by no
 * more than this for each but one, however much is asked at once.
 */
export const unsettledMax = (limit: number): number => Math.max(1, Math.floor(limit / 10));

/** Of the two, the one that stands in the way first: which of them has fewer points left. */
export const tighterOf = (standings: readonly [Standing, ...Standing[]]): Standing =>
  standings.reduce((tighter, other) => (other.remaining < tighter.remaining ? other : tighter));
