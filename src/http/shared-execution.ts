/**
 * Executes a subscription's selection once for each event and each kind of reader, however many readers there are: they
 * are of one kind when document, variables and rights are the same (`operation-kind.ts`), and at the same event when
 * their streams yield the same object, which only the readings in `events/` give out. So one reader's answer
 * never leaves its organization, and a reader that lags behind, with an event of its own, has an execution of its own.
 * Nothing is kept longer than somebody holds the event.
 */
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  GraphQLError,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
} from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import type { Services } from '../services.ts';
import { kindOfReader } from './operation-kind.ts';
import { publicError } from './public-error.ts';
import { withSharedText } from './shared-text.ts';

const unwrapped = new WeakMap<Context, AsyncIterator<ExecutionResult, void>>();

/**
 * The results of the subscription with this context as they are made, without what plugins put around each of them. Its
 * end and its failures are for the stream that they made of it to tell.
 */
export const unwrappedResults = (context: Context): AsyncIterator<ExecutionResult, void> | null =>
  unwrapped.get(context) ?? null;

/** The plugin that does it, on every transport. */
export function sharedExecution(log: Services['log']): Plugin<Context> {
  const executions = new WeakMap<object, Map<string, Promise<ExecutionResult>>>();

  function executed(args: ValidatedSubscriptionArgs, kind: string, event: unknown): Promise<ExecutionResult> {
    if (typeof event !== 'object' || event === null) return execution(args, event);
    const ofEvent = executions.get(event) ?? new Map<string, Promise<ExecutionResult>>();
    executions.set(event, ofEvent);
    const shared = ofEvent.get(kind) ?? execution(args, event);
    ofEvent.set(kind, shared);
    return shared;
  }

  async function execution(args: ValidatedSubscriptionArgs, event: unknown): Promise<ExecutionResult> {
    const { errors, ...result } = await executeSubscriptionEvent({ ...args, rootValue: event });
    // Made public here, so that a fault is logged once and not once for every reader.
    if (errors !== undefined) return { ...result, errors: errors.map((error) => publicError(log, error)) };
    return withSharedText(result);
  }

  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const validated = validateSubscriptionArgs(args);
        if (!('schema' in validated)) return { errors: validated.map(unusable) };
        const source = await createSourceEventStream(validated);
        if (!isAsyncIterable<unknown>(source)) return source;
        const kind = kindOfReader(args);
        const results = mapped(
          source[Symbol.asyncIterator](),
          (event) => executed(validated, kind, event),
          (error) => publicError(log, error),
        );
        unwrapped.set(args.contextValue as Context, results);
        return results;
      });
    },
  };
}

/** What is wrong with the variables, told as for the other operations. */
const unusable = (error: GraphQLError): GraphQLError => {
  const { message, nodes, source, positions, path } = error;
  const extensions = { ...error.extensions, code: 'BAD_USER_INPUT', http: { status: 400 } };
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
};

/** Each event's result. Without a generator, because thousands of subscribers wake up here at once. */
function mapped<Event, Result>(
  events: AsyncIterator<Event, void>,
  resultOf: (event: Event) => Promise<Result>,
  told: (error: unknown) => Error,
): AsyncIterableIterator<Result, void> {
  const done = { done: true, value: undefined } as const;
  const take = (step: IteratorResult<Event, void>): Step<Result> =>
    step.done ? done : resultOf(step.value).then((value) => ({ done: false, value }));
  const fail = (error: unknown): never => {
    throw told(error);
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => events.next().then(take, fail),
    async return() {
      await events.return?.();
      return done;
    },
  };
}

type Step<Result> = IteratorResult<Result, void> | Promise<IteratorResult<Result, void>>;
