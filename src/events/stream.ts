/**
 * A stream of what a follower reads, which can be left while it waits. An async generator's own `return` waits
 * for the `await` that it stands in, and whoever follows a quiet batch would stay in the hub until something
 * moves there; here leaving ends the wait. What is read, and when, is the generator's.
 */
import type { Follower, Hub, Interest } from './hub.ts';

/** Events that are read when they are asked for. Leaving it gives back everything it held. */
export type Stream<Event> = Required<AsyncIterableIterator<Event, void, undefined>>;

/** The stream of what `read` yields. It follows from the first event asked for until its end, or until it is left. */
export function followed<Event>(
  hub: Hub,
  interest: Interest,
  read: (follower: Follower) => AsyncGenerator<Event, void, undefined>,
): Stream<Event> {
  let follower: Follower | null = null;
  const events = (async function* () {
    follower = hub.follow(interest, 'paced');
    try {
      yield* read(follower);
    } finally {
      follower.close();
    }
  })();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => events.next(),
    return() {
      follower?.close();
      return events.return();
    },
    throw(error) {
      follower?.close();
      return events.throw(error);
    },
  };
}

/** What is told from one place on, and where it goes on. */
export interface Step<Event, Place> {
  readonly events: readonly Event[];
  /** Null where nothing more can come. */
  readonly next: Place | null;
  /** Whether more is there by now, so that nobody need wait for it. */
  readonly isMoreThere?: boolean;
}

/**
 * The stream of what `read` answers, place after place, each as soon as the one before moved. Follows as `followed`
 * does. Written without a generator, because thousands of subscribers wake up here at once.
 */
export function stepped<Event, Place>(
  hub: Hub,
  interest: Interest,
  first: Place,
  read: (place: Place) => Promise<Step<Event, Place>>,
): Stream<Event> {
  let follower: Follower | null = null;
  let place: Place | null = first;
  let untold: readonly Event[] = [];
  let told = 0;
  let waits = false;

  function end(): IteratorReturnResult<undefined> {
    follower?.close();
    place = null;
    untold = [];
    return { done: true, value: undefined };
  }
  function fail(error: unknown): never {
    end();
    throw error;
  }
  function take({ events, next, isMoreThere = false }: Step<Event, Place>): Answer<Event> {
    // It was left meanwhile.
    if (place === null) return end();
    place = next;
    untold = events;
    told = 0;
    waits = !isMoreThere;
    return answer();
  }
  function answer(): Answer<Event> {
    const value = untold[told];
    if (value !== undefined) {
      told += 1;
      // What was told may be large, and is not held until something moves.
      if (told === untold.length) untold = [];
      return { done: false, value };
    }
    if (place === null) return end();
    follower ??= hub.follow(interest, 'paced');
    if (!waits) return read(place).then(take, fail);
    return follower
      .next()
      .then((what) => (what === 'closed' || place === null ? end() : read(place).then(take, fail)));
  }
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => Promise.resolve(answer()),
    return: () => Promise.resolve(end()),
    async throw(error) {
      end();
      throw error;
    },
  };
}

type Answer<Event> = IteratorResult<Event, void> | Promise<IteratorResult<Event, void>>;
