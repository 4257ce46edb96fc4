/**
 * Streams that are read step by step, by thousands at once. Those who were told the same last stand at the same place,
 * and wait there together: the first in line waits for the next change and reads it, and all are told in one go. One that
 * is slow comes to a place that the others have left, and goes on from there by itself.
 */
import type { Follower, Hub, Interest } from './hub.ts';
import type { Stream } from './stream.ts';

/** What is told from one place on, and where it goes on. Whoever is handed the same object stands at the same place. */
export interface Step<Event, Place> {
  readonly events: readonly Event[];
  /** Null where nothing more can come. */
  readonly next: Place | null;
  /** Whether more is there by now, so that nobody need wait for it. */
  readonly isMoreThere?: boolean;
}

/** A stream that can also be asked without a promise, by whom thousands ask beside. */
export interface AskedStream<Event> extends Stream<Event> {
  /** As `next`: calls one of both, once, in the same go as for everybody else who is told the same. */
  ask(told: (step: IteratorResult<Event, void>) => void, failed: (error: unknown) => void): void;
}

/**
 * The stream of what `read` answers, place after place, each as soon as the one before moved. Steps that are one object
 * are of one interest, and read for one sight. Follows from the first event asked for until its end, or until it is left.
 */
export const stepped = <Event, Place>(
  hub: Hub,
  interest: Interest,
  first: Place,
  read: (place: Place) => Promise<Step<Event, Place>>,
): AskedStream<Event> => new SteppedStream(() => hub.follow(interest, 'paced'), first, read);

interface Asked<Event> {
  readonly told: (step: IteratorResult<Event, void>) => void;
  readonly failed: (error: unknown) => void;
}

const done = { done: true, value: undefined } as const;

class SteppedStream<Event, Place> implements AskedStream<Event> {
  readonly #follow: () => Follower;
  readonly #read: (place: Place) => Promise<Step<Event, Place>>;
  #follower: Follower | null = null;
  #place: Place | null;
  #untold: readonly Event[] = [];
  #count = 0;
  /** Where it waits when everything is told; null where the next is read at once. */
  #company: Company<Event, Place> | null = null;
  #asked: Asked<Event> | null = null;

  constructor(follow: () => Follower, first: Place, read: (place: Place) => Promise<Step<Event, Place>>) {
    this.#follow = follow;
    this.#place = first;
    this.#read = read;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Event, void>> {
    return new Promise((told, failed) => this.ask(told, failed));
  }

  async return(): Promise<IteratorResult<Event, void>> {
    this.end();
    return done;
  }

  async throw(error: unknown): Promise<never> {
    this.end();
    throw error;
  }

  ask(told: (step: IteratorResult<Event, void>) => void, failed: (error: unknown) => void): void {
    this.#asked = { told, failed };
    this.#answer();
  }

  /** Waits for the next change. */
  moved(): Promise<'moved' | 'closed'> {
    return this.#follower?.next() ?? Promise.resolve('closed');
  }

  /** Reads what comes after its place. */
  read(): Promise<Step<Event, Place>> {
    if (this.#place === null) throw new Error('who has left reads no more');
    return this.#read(this.#place);
  }

  /** Goes on with this step, unless it was left meanwhile. */
  take(step: Step<Event, Place>): void {
    if (this.#place === null) return;
    this.#place = step.next;
    this.#untold = step.events;
    this.#count = 0;
    this.#company = step.isMoreThere === true ? null : companyAt(step);
    this.#answer();
  }

  end(): void {
    this.#leave()?.told(done);
  }

  fail(error: unknown): void {
    this.#leave()?.failed(error);
  }

  #answer(): void {
    const value = this.#untold[this.#count];
    if (value !== undefined) {
      this.#count += 1;
      // What was told may be large, and is not held until something moves.
      if (this.#count === this.#untold.length) this.#untold = [];
      const asked = this.#asked;
      this.#asked = null;
      asked?.told({ done: false, value });
    } else if (this.#place === null) this.end();
    else {
      this.#follower ??= this.#follow();
      if (this.#company !== null) this.#company.join(this);
      else
        this.read().then(
          (step) => this.take(step),
          (error) => this.fail(error),
        );
    }
  }

  /** Gives back everything it held; answers who has asked, if somebody has. */
  #leave(): Asked<Event> | null {
    this.#company?.leave(this);
    this.#follower?.close();
    this.#place = null;
    this.#untold = [];
    const asked = this.#asked;
    this.#asked = null;
    return asked;
  }
}

/** Streams that wait at one place. */
class Company<Event, Place> {
  readonly #waiting = new Set<SteppedStream<Event, Place>>();
  #isLed = false;

  join(stream: SteppedStream<Event, Place>): void {
    this.#waiting.add(stream);
    if (!this.#isLed) this.#lead();
  }

  leave(stream: SteppedStream<Event, Place>): void {
    this.#waiting.delete(stream);
  }

  /** The first in line waits and reads for all; the next one, where it leaves before. */
  async #lead(): Promise<void> {
    this.#isLed = true;
    for (const first of this.#waiting) {
      const what = await first.moved();
      if (!this.#waiting.has(first)) continue;
      if (what === 'moved') await this.#goOn(first);
      else first.end();
    }
    this.#isLed = false;
  }

  async #goOn(first: SteppedStream<Event, Place>): Promise<void> {
    let step: Step<Event, Place>;
    try {
      step = await first.read();
    } catch (error) {
      for (const stream of this.#all()) stream.fail(error);
      return;
    }
    for (const stream of this.#all()) stream.take(step);
  }

  #all(): SteppedStream<Event, Place>[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    return all;
  }
}

const companies = new WeakMap<object, Company<unknown, unknown>>();

function companyAt<Event, Place>(step: Step<Event, Place>): Company<Event, Place> {
  const known = companies.get(step) ?? new Company<unknown, unknown>();
  companies.set(step, known);
  return known as Company<Event, Place>;
}
