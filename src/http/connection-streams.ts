/**
 * The streams of one WebSocket connection, so that all of them end with it. graphql-ws knows them by the ids of their
 * operations, and loses one of two when a client takes an id again before the operation that had it is over.
 */

/** The streams that a connection has open. */
export interface ConnectionStreams {
  /** The same result; a stream is ended when the connection ends, at once where it has ended by now. */
  keep<Result>(result: Result | AsyncIterableIterator<Result>): Result | AsyncIterableIterator<Result>;
  /** The connection has ended. */
  end(): void;
}

/** The streams of a new connection. */
export function createConnectionStreams(): ConnectionStreams {
  const open = new Set<AsyncIterator<unknown>>();
  let hasEnded = false;
  const end = (stream: AsyncIterator<unknown>) => {
    open.delete(stream);
    // A stream that fails to end has told its own reader so.
    stream.return?.().catch(() => undefined);
  };
  return {
    keep<Result>(result: Result | AsyncIterableIterator<Result>) {
      if (!isStream(result)) return result;
      if (hasEnded) end(result);
      else open.add(result);
      const kept: AsyncIterableIterator<Result> = {
        async next() {
          const step = await result.next();
          if (step.done === true) open.delete(result);
          return step;
        },
        async return(value?: unknown) {
          open.delete(result);
          return (await result.return?.(value)) ?? { done: true, value: undefined };
        },
        async throw(error?: unknown) {
          open.delete(result);
          if (result.throw === undefined) throw error;
          return result.throw(error);
        },
        [Symbol.asyncIterator]: () => kept,
      };
      return kept;
    },
    end() {
      hasEnded = true;
      for (const stream of [...open]) end(stream);
    },
  };
}

const isStream = <Result>(
  result: Result | AsyncIterableIterator<Result>,
): result is AsyncIterableIterator<Result> => Symbol.asyncIterator in Object(result);
