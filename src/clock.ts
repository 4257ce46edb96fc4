/**
 * The one door through which time enters. Everything that asks what time it is, or how long until something,
 * is handed a `Clock`; tests hand in one that they turn themselves. Leases do not use it: they live on the
 * database's clock, because two machines must agree on them.
 */

/** What time it is, for everything but leases. */
export interface Clock {
  /** The present instant; a new object each time. */
  now(): Date;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => new Date() };

/** A clock that stands still until it is turned. */
export interface HandClock extends Clock {
  /** Moves the clock forward. */
  advance(by: { seconds?: number; minutes?: number; hours?: number }): void;
}

/** A clock that starts at `start` and moves only when `advance` is called. */
export function createHandClock(start: Date): HandClock {
  let milliseconds = start.getTime();
  return {
    now: () => new Date(milliseconds),
    advance({ seconds = 0, minutes = 0, hours = 0 }) {
      milliseconds += ((hours * 60 + minutes) * 60 + seconds) * 1000;
    },
  };
}
