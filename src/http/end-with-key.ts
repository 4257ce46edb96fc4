/**
 * Ends a stream of events when the key that asked for it no longer signs in: the last that its reader hears is why.
 * Which keys do is `key-watch.ts`'.
 */
import { type ExecutionResult, GraphQLError } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { UnauthenticatedError } from '../errors.ts';
import type { KeyWatch } from './key-watch.ts';

/** The plugin that does it, on every transport. */
export function endWithKey(keys: KeyWatch): Plugin<Context> {
  return {
    onSubscribe: ({ args }) => ({
      onSubscribeResult({ result, setResult }) {
        if (isAsyncIterable<ExecutionResult>(result))
          setResult(endingStream(keys, args.contextValue.viewer, result));
      },
    }),
  };
}

function endingStream(
  keys: KeyWatch,
  viewer: SignedInKey,
  stream: AsyncIterable<ExecutionResult>,
): AsyncIterableIterator<ExecutionResult, void> {
  const inner = stream[Symbol.asyncIterator]();
  let farewell: ExecutionResult | null = null;
  // Leaving ends the wait for what may never come.
  const unwatch = keys.watch(viewer, () => {
    farewell = { errors: [refusal()] };
    inner.return?.()?.catch(() => undefined);
  });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const step = await inner.next().catch((error: unknown) => {
        unwatch();
        throw error;
      });
      if (!step.done) return step;
      unwatch();
      if (farewell === null) return { done: true, value: undefined };
      const value = farewell;
      farewell = null;
      return { done: false, value };
    },
    async return() {
      unwatch();
      await inner.return?.();
      return { done: true, value: undefined };
    },
  };
}

function refusal(): GraphQLError {
  const { code, message } = new UnauthenticatedError();
  return new GraphQLError(message, { extensions: { code } });
}
