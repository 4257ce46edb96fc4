/**
 * The one door through which time enters. Everything that asks what time it is, or how long until something,
 * is handed a `Clock`; tests hand in one that they turn themselves. In production it is kept at the database's time
 * (`kept-clock.ts`), because what one machine writes another one judges. Leases do not use it: they live on the
 * database's clock itself, and how long ago one was renewed is told by a stopwatch.
 */

/** What time it is, for everything but leases. */
export interface Clock {
  /** The present instant; a new object each time. */
  now(): Date;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => new Date() };

/** The machine's own clock as it was when the process began, and as even as time itself: nobody sets it. */
export const steadyClock: Clock = { now: () => new Date(performance.timeOrigin + performance.now()) };

/** Tells the seconds since it was started. */
export type Stopwatch = () => number;

/** The two ways in which a machine tells how much time has passed, in milliseconds since some moment. */
export interface Machine {
  readonly steady: () => number;
  readonly wall: () => number;
}

const thisMachine: Machine = { steady: () => performance.now(), wall: () => Date.now() };

/**
 * Starts a stopwatch that rather tells too much than too little: the wall's clock can be set back, and the steady one
 * stands still while a machine sleeps.
 */
export function startStopwatch({ steady, wall }: Machine = thisMachine): Stopwatch {
  const [steadyStart, wallStart] = [steady(), wall()];
  return () => Math.max(steady() - steadyStart, wall() - wallStart) / 1000;
}

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
