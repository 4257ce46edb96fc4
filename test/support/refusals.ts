/** What the API answers to arguments that cannot be, in the form in which tests compare it. */
import { expect } from 'vitest';
import type { TestService } from './service.ts';
import { subscribeBySse } from './subscribers.ts';

/** What a mutation answers to an input with one thing wrong with it. */
export const validationError = (path: readonly string[], message: string, line: number | null = null) => ({
  __typename: 'ValidationError',
  code: 'VALIDATION_FAILED',
  message,
  issues: [{ path, line, message }],
});

/** The errors of an answer in which one argument of the field at `path` was refused. */
export const argumentError = (argument: string, message: string, path: readonly string[]) => [
  { message, path, locations: expect.any(Array), extensions: { code: 'INVALID_ARGUMENT', argument } },
];

/** What the refusal of a call says, every field of it; throws where the call was not refused. */
export async function refusalOf(call: Promise<unknown>): Promise<Record<string, unknown>> {
  const [{ status, ...settled }] = await Promise.allSettled([call]);
  if (!('reason' in settled)) throw new Error(`the call was not refused: ${status}`);
  return { ...settled.reason, message: settled.reason.message };
}

/** The errors that a subscription ends with at once. */
export async function subscriptionErrors(
  { url }: Pick<TestService, 'url'>,
  query: string,
  variables: Record<string, unknown>,
): Promise<unknown> {
  const subscriber = subscribeBySse({ url, query, variables });
  try {
    await subscriber.done;
    return subscriber.messages[0]?.errors;
  } finally {
    await subscriber.stop();
  }
}
