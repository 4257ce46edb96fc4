/**
 * Executes a subscription's selection once for each event and each kind of reader, however many readers there are: they
 * are of one kind when document, variables and rights are the same (`operation-kind.ts`), and at the same event when
 * their streams yield the same object, which only the readings in `events/` give out. So one reader's answer
 * never leaves its organization, and a reader that lags behind, with an event of its own, has an execution of its own.
 * An answer that depends on who is reading, as a signed link does, is noticed by its asking, and shared with nobody
 * else. Nothing is kept longer than somebody holds the event.
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
import { kindOfReader, personOfReader } from './operation-kind.ts';
import { publicError } from './public-error.ts';
import { withSharedText } from './shared-text.ts';

/** What can be asked without a promise, by whom thousands ask beside, as streams of `events/` can. */
interface Asked<Value> {
  /** As `next`: calls one of both, once. */
  ask(told: (step: IteratorResult<Value, void>) => void, failed: (error: unknown) => void): void;
}

/** Results that can be asked for without a promise. */
export interface AskedResults extends AsyncIterableIterator<ExecutionResult, void>, Asked<ExecutionResult> {}

const unwrapped = new WeakMap<Context, AskedResults>();

/**
 * The results of the subscription with this context as they are made, without what plugins put around each of them. Its
 * end and its failures are for the stream that they made of it to tell.
 */
export const unwrappedResults = (context: Context): AskedResults | null => unwrapped.get(context) ?? null;

/** The plugin that does it, on every transport. */
export function sharedExecution(log: Services['log']): Plugin<Context> {
  const executions = new WeakMap<object, Map<string, Promise<Execution>>>();

  function once(event: unknown, kind: string, execute: () => Promise<Execution>): Promise<Execution> {
    if (typeof event !== 'object' || event === null) return execute();
    const ofEvent = executions.get(event) ?? new Map<string, Promise<Execution>>();
    executions.set(event, ofEvent);
    const shared = ofEvent.get(kind) ?? execute();
    ofEvent.set(kind, shared);
    return shared;
  }

  /** Thousands ask for the same at once, so there is one promise between an event and its result. */
  function tellResult({ args, kind, person }: Reader, event: unknown, told: Told, failed: Failed): void {
    const execute = () => execution(args, person, event);
    const tell = ({ result }: Execution) => told({ done: false, value: result });
    once(event, kind, execute).then((shared) => {
      if (shared.isFor === null || shared.isFor === person) tell(shared);
      else once(event, `${kind} ${person}`, execute).then(tell, failed);
    }, failed);
  }

  async function execution(
    args: ValidatedSubscriptionArgs,
    person: string,
    event: unknown,
  ): Promise<Execution> {
    let isPersonal = false;
    const contextValue = noticing(args.contextValue as Context, () => {
      isPersonal = true;
    });
    const { errors, ...data } = await executeSubscriptionEvent({ ...args, contextValue, rootValue: event });
    // Made public here, so that a fault is logged once and not once for every reader.
    const result =
      errors === undefined
        ? withSharedText(data)
        : { ...data, errors: errors.map((error) => publicError(log, error)) };
    return { result, isFor: isPersonal ? person : null };
  }

  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(async (args: ExecutionArgs) => {
        const validated = validateSubscriptionArgs(args);
        if (!('schema' in validated)) return { errors: validated.map(unusable) };
        const source = await createSourceEventStream(validated);
        if (!isAsyncIterable<unknown>(source)) return source;
        const context = args.contextValue as Context;
        const reader = { args: validated, kind: kindOfReader(args), person: personOfReader(context.viewer) };
        const results = resultsOf(
          source as AsyncIterableIterator<unknown, void>,
          (event, told, failed) => tellResult(reader, event, told, failed),
          (error) => publicError(log, error),
        );
        unwrapped.set(context, results);
        return results;
      });
    },
  };
}

interface Reader {
  readonly args: ValidatedSubscriptionArgs;
  readonly kind: string;
  readonly person: string;
}

interface Execution {
  readonly result: ExecutionResult;
  /** The only person it is for, where something in it asked who is reading; else null. */
  readonly isFor: string | null;
}

/** The same context, which says when somebody looks at who is reading. */
function noticing(context: Context, onLook: () => void): Context {
  const { viewer, scope } = context;
  const { apiKeyId } = scope;
  return Object.defineProperties({ ...context } as Context, {
    viewer: {
      get: () => {
        onLook();
        return viewer;
      },
    },
    scope: {
      value: Object.defineProperty({ ...scope }, 'apiKeyId', {
        get: () => {
          onLook();
          return apiKeyId;
        },
      }),
    },
  });
}

/** What is wrong with the variables, told as for the other operations. */
const unusable = (error: GraphQLError): GraphQLError => {
  const { message, nodes, source, positions, path } = error;
  const extensions = { ...error.extensions, code: 'BAD_USER_INPUT', http: { status: 400 } };
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
};

type Told = Parameters<AskedResults['ask']>[0];
type Failed = Parameters<AskedResults['ask']>[1];

/** Each event's result. Without a generator, because thousands of subscribers wake up here at once. */
function resultsOf(
  events: AsyncIterableIterator<unknown, void>,
  tellResult: (event: unknown, told: Told, failed: Failed) => void,
  publicOf: (error: unknown) => Error,
): AskedResults {
  const askEvents = askerOf(events);
  const ask = (told: Told, failed: Failed) => {
    const fail = (error: unknown) => failed(publicOf(error));
    askEvents((step) => (step.done ? told(step) : tellResult(step.value, told, fail)), fail);
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    ask,
    next: () => new Promise(ask),
    async return() {
      await events.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** How events are asked for: by `ask`, where they can be. */
const askerOf = (events: AsyncIterableIterator<unknown, void>): Asked<unknown>['ask'] =>
  isAsked(events)
    ? (told, failed) => events.ask(told, failed)
    : (told, failed) => void events.next().then(told, failed);

const isAsked = (
  events: AsyncIterableIterator<unknown, void>,
): events is AsyncIterableIterator<unknown, void> & Asked<unknown> => 'ask' in events;
