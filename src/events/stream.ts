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
