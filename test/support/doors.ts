/** The ways into the API, so that a test can ask the same through each of them, and what comes back in one shape. */
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWebSocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import type { TestService } from './service.ts';

/** What is asked. */
export interface Question {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
  readonly documentId?: string;
  readonly extensions?: Record<string, unknown>;
}
/** Asks with a key, and gives the whole answer. */
export type Ask = (service: Pick<TestService, 'url'>, question: Question, key?: string) => Promise<unknown>;

/** By POST. */
export const post: Ask = async (service, question, key = sandboxKey) => {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify(question),
  });
  return response.json();
};

const getIt: Ask = async (service, { query, variables, operationName, documentId }, key = sandboxKey) => {
  const search = new URLSearchParams(query === '' ? {} : { query });
  if (variables !== undefined) search.set('variables', JSON.stringify(variables));
  if (operationName !== undefined) search.set('operationName', operationName);
  if (documentId !== undefined) search.set('documentId', documentId);
  const response = await fetch(`${service.url}/graphql?${search}`, { headers: { 'x-api-key': key } });
  return response.json();
};

/** The one message of an operation by a published client; or, in their one shape, errors that came instead. */
const firstOf = (
  subscribe: (sink: { next(value: unknown): void; error(error: unknown): void; complete(): void }) => void,
) =>
  new Promise((resolve) => {
    const answers: unknown[] = [];
    subscribe({
      next: (value) => void answers.push(value),
      error: (error) => resolve(Array.isArray(error) ? { errors: error } : error),
      complete: () => resolve(answers.length === 1 ? answers[0] : answers),
    });
  });

const sse: Ask = async (service, question, key = sandboxKey) => {
  const client = createSseClient({
    url: `${service.url}/graphql`,
    headers: { 'x-api-key': key },
    retryAttempts: 0,
  });
  const answer = await firstOf((sink) => client.subscribe(question, sink));
  client.dispose();
  return answer;
};

const webSocket: Ask = async (service, question, key = sandboxKey) => {
  const client = createWebSocketClient({
    url: `${service.url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { 'x-api-key': key },
    retryAttempts: 0,
  });
  const answer = await firstOf((sink) => client.subscribe(question, sink));
  await client.dispose();
  return answer;
};

/** All doors beside POST. */
export const doors: ReadonlyArray<readonly [name: string, ask: Ask]> = [
  ['GET', getIt],
  ['SSE', sse],
  ['WebSocket', webSocket],
];

/** Those that take mutations, and documents of any length. */
export const doorsOfMutations = doors.filter(([name]) => name !== 'GET');
