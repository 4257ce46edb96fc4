/**
 * A clock that is kept at the time of another one, which is asked over a wire: in production the database's. Times that
 * one process writes (until when it may send, when work is due) are judged by others on other machines; were each to
 * use its own clock, one that is ten minutes ahead would take for lost what another is about to send. Owned here:
 * measuring the difference, at the start and each minute, and saying so where it is large.
 */
import type { Logger } from 'pino';
import { type Clock, steadyClock } from './clock.ts';

/** What is asked, and where a large difference is told. */
export interface KeptClockParts {
  /** The other clock's present time. */
  readonly ask: () => Promise<Date>;
  readonly log: Logger;
}

/** A clock at the other one's time. */
export interface KeptClock extends Clock {
  /** Asks once more. Where there is no answer, or none in time, everything stays as it is. */
  measure(): Promise<void>;
  close(): void;
}

/** At the start, the quickest of so many answers counts; the first one often waits for a connection. */
const questionsAtStart = 3;
const pauseMilliseconds = 60_000;
/** An answer that took longer says too little, because nobody knows which half of it was the way back. */
const roundTripMillisecondsMax = 1000;
const worthTellingMilliseconds = 2000;

/** One answer: how far the other clock is ahead of the base, give or take half of the round trip. */
interface Measurement {
  readonly aheadMilliseconds: number;
  readonly roundTripMilliseconds: number;
}

/** Measures, and goes on doing so until it is closed. Throws what `ask` throws where there is no first answer. */
export async function openKeptClock(
  { ask, log }: KeptClockParts,
  base: Clock = steadyClock,
): Promise<KeptClock> {
  const measured: Measurement[] = [];
  for (let count = 0; count < questionsAtStart; count += 1) measured.push(await measureOnce(ask, base));
  const [quickest] = measured.sort((a, b) => a.roundTripMilliseconds - b.roundTripMilliseconds);
  let ahead = quickest?.aheadMilliseconds ?? 0;
  let told = 0;
  const tell = () => {
    if (Math.abs(ahead - told) < worthTellingMilliseconds) return;
    told = ahead;
    log.warn(
      { seconds: ahead / 1000 },
      "the database's clock is so far ahead of this machine's, and is used",
    );
  };
  const measure = async () => {
    try {
      const { aheadMilliseconds, roundTripMilliseconds } = await measureOnce(ask, base);
      const isNoise = Math.abs(aheadMilliseconds - ahead) <= roundTripMilliseconds / 2;
      if (isNoise || roundTripMilliseconds > roundTripMillisecondsMax) return;
      ahead = aheadMilliseconds;
      tell();
    } catch {
      // Whoever needs the database hears of it; the difference is the same as before.
    }
  };
  tell();
  const timer = setInterval(() => void measure(), pauseMilliseconds).unref();
  return {
    now: () => new Date(base.now().getTime() + ahead),
    measure,
    close: () => clearInterval(timer),
  };
}

async function measureOnce(ask: () => Promise<Date>, base: Clock): Promise<Measurement> {
  const before = base.now().getTime();
  const theirs = (await ask()).getTime();
  const after = base.now().getTime();
  return { aheadMilliseconds: theirs - (before + after) / 2, roundTripMilliseconds: after - before };
}
