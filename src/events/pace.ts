/**
 * Keeps something from being done more often than once an interval, without losing the last wish for it: the first is
 * done at once, and all that come within the interval are one, done at its end.
 */

/** Calls `work` after a time, unless it is called off before. */
export type SetTimer = (work: () => void, milliseconds: number) => { cancel(): void };

const systemTimer: SetTimer = (work, milliseconds) => {
  const timer = setTimeout(work, milliseconds);
  // What is merely to be told later must not keep a process from its end.
  timer.unref();
  return { cancel: () => clearTimeout(timer) };
};

/** One thing that is done at a pace. */
export class Pace {
  readonly #work: () => void;
  readonly #milliseconds: number;
  readonly #setTimer: SetTimer;
  #timer: { cancel(): void } | null = null;
  #wanted = false;

  constructor(work: () => void, milliseconds: number, setTimer: SetTimer = systemTimer) {
    this.#work = work;
    this.#milliseconds = milliseconds;
    this.#setTimer = setTimer;
  }

  /** Wishes for it: now, or at the end of the interval that runs. */
  ask(): void {
    if (this.#timer === null) this.#begin();
    else this.#wanted = true;
  }

  /** Nothing is done any more of what was wished for. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#wanted = false;
  }

  #begin(): void {
    if (this.#milliseconds > 0) {
      this.#timer = this.#setTimer(() => {
        this.#timer = null;
        if (this.#wanted) this.#begin();
      }, this.#milliseconds);
    }
    this.#wanted = false;
    this.#work();
  }
}
