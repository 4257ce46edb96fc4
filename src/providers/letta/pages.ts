/**
 * Reading a job's messages to their end, oldest first, a page at a time.
 *
 * Owned here: where the end is, and going on where the server cannot: the last published one fails whenever it is
 * asked for messages after another. What the messages say is left to others.
 */

import { understood, unreadable } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { Calls } from './calls.ts';
import { messageId, readMessages, type WireMessage } from './wire.ts';

/** Which messages: those of a job, or of one agent in it. */
export interface Messages {
  readonly jobId: string;
  readonly agentId: string | null;
}

/** How many messages are asked for at once; the server names no most. */
const pageSize = 2_000;
/** The most that are asked for at once of a server that can only show messages from the start. */
const pageSizeMax = 512_000;

/** The messages in pages, none of them empty; each message once. */
export async function* messagePages(
  calls: Calls,
  { jobId, agentId }: Messages,
  signal: AbortSignal,
): AsyncGenerator<WireMessage[]> {
  const ask = async (order: 'asc' | 'desc', limit: number, after: string | null): Promise<WireMessage[]> =>
    understood(readMessages, await calls.messages(jobId, { order, limit, after, agentId }, signal));
  /** Whether this is the newest message of all: so the end is known without asking for what comes after it. */
  const isNewest = async (id: string): Promise<boolean> => {
    const [newest] = await ask('desc', 1, null);
    return newest !== undefined && messageId(newest) === id;
  };

  let seen = 0;
  const left = new Set<string>();
  let after: string | null = null;
  let fault: unknown = null;
  while (fault === null) {
    const page = await ask('asc', pageSize, after).catch((failure: unknown) => {
      if (after === null || !isServerFault(failure)) throw failure;
      fault = failure;
      return [];
    });
    if (page.length === 0) break;
    yield page;
    seen += page.length;
    const id = lastId(page);
    // Pages that lead nowhere, or back, would be read for ever.
    if (left.has(id)) throw unreadable();
    left.add(id);
    if (page.length < pageSize && (await isNewest(id))) return;
    after = id;
  }
  if (fault === null || after === null) return;

  for (let limit = 4 * pageSize; !(await isNewest(after)); limit *= 4) {
    if (limit > pageSizeMax) throw fault;
    const fresh = (await ask('asc', limit, null)).slice(seen);
    if (fresh.length === 0) continue;
    yield fresh;
    seen += fresh.length;
    after = lastId(fresh);
  }
}

/** What to go on after; without an id there is no going on. */
const lastId = (page: readonly WireMessage[]): string => {
  const last = page.at(-1);
  const id = last === undefined ? null : messageId(last);
  if (id === null) throw unreadable();
  return id;
};

const isServerFault = (failure: unknown): boolean =>
  failure instanceof ProviderFailure && failure.status === 500;
