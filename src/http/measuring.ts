/** Tells the meter of what is answered over HTTP, and of every operation of GraphQL, whatever it came by. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionResult, getOperationAST } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { AppError } from '../errors.ts';
import type { Meter } from '../meter.ts';
import { originalOf } from './public-error.ts';

/** What an address is for; every other is `other`, so that nobody can make up figures. */
const routes = [
  [/^\/graphql$/, 'graphql'],
  [/^\/batches\/[^/]+\/[a-z]+\.jsonl$/, 'download'],
  [/^\/batches\/[^/]+$/, 'batch'],
  [/^\/callbacks\//, 'callback'],
  [/^\/uploads\/[^/]+\/[\w-]+$/, 'upload'],
  [/^\/(?:healthz|readyz)$/, 'health'],
] as const;

/** Tells of the answer when it is over. */
export function measureAnswer(meter: Meter, request: IncomingMessage, response: ServerResponse): void {
  const began = performance.now();
  response.once('close', () => {
    const { pathname = '' } = URL.parse(request.url ?? '/', 'http://localhost') ?? {};
    const [, route = 'other'] = routes.find(([pattern]) => pattern.test(pathname)) ?? [];
    const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
    const status = response.headersSent ? String(response.statusCode) : 'gone';
    meter.answered(route, status, isStream ? null : (performance.now() - began) / 1000);
  });
}

/** The plugin that tells of operations, and of streams from their beginning to their end. */
export const measuringPlugin = (meter: Meter): Plugin => ({
  onExecute({ args }) {
    const kind = getOperationAST(args.document, args.operationName)?.operation ?? 'query';
    return {
      onExecuteDone: ({ result }) => meter.operated(kind, outcomeOf(result)),
    };
  },
  onSubscribe: () => ({
    onSubscribeResult({ result, setResult }) {
      meter.operated('subscription', outcomeOf(result));
      if (isAsyncIterable<ExecutionResult>(result)) setResult(countedStream(meter, result));
    },
  }),
});

/** A stream that begins is well so far. */
function outcomeOf(result: ExecutionResult | AsyncIterable<ExecutionResult>): string {
  const [first] = 'errors' in result ? (result.errors ?? []) : [];
  if (first === undefined) return 'OK';
  // As it was thrown: what callers are shown of it is decided after this.
  const original = originalOf(first);
  if (original instanceof AppError) return original.code;
  const { code = 'BAD_USER_INPUT' } = first.extensions;
  return original === undefined && typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR';
}

function countedStream(
  meter: Meter,
  stream: AsyncIterable<ExecutionResult>,
): AsyncIterableIterator<ExecutionResult, void> {
  const inner = stream[Symbol.asyncIterator]();
  let isOpen = true;
  const end = () => {
    if (isOpen) meter.streamed(-1);
    isOpen = false;
  };
  meter.streamed(1);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const step = await inner.next();
        if (step.done !== true) return step;
      } catch (error) {
        end();
        throw error;
      }
      end();
      return { done: true, value: undefined };
    },
    async return() {
      end();
      await inner.return?.();
      return { done: true, value: undefined };
    },
  };
}
