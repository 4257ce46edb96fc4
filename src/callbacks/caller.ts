/** Callback URLs, judged and called on the terms of this process. */
import { lookup } from 'node:dns/promises';
import type { CallbackOutcome } from '../domain/callback-schedule.ts';
import { readAllowList } from './allow-list.ts';
import { type Resolve, refusalOf } from './destination.ts';
import { type CallbackCall, post } from './post.ts';

/** Who is asked whether a URL can be called, and who calls it. */
export interface CallbackCaller {
  /** Why the URL could never be called from here, as the end of a sentence that begins with its field; else null. */
  refusal(url: string): string | null;
  /** Calls; never throws. Ends early where `stop` says so. */
  post(call: CallbackCall, stop: AbortSignal): Promise<CallbackOutcome>;
}

/** What calls depend on. */
export interface CallerOptions {
  /** The entries of `CALLBACK_ALLOW`. */
  readonly allow: readonly string[];
  /** How long one call may take, from the look-up of its host to the end of the answer. */
  readonly seconds: number;
  /** How host names become addresses; the system's way where left out. */
  readonly resolve?: Resolve | undefined;
}

/** The caller on these terms. */
export function openCallbackCaller({ allow: entries, seconds, resolve }: CallerOptions): CallbackCaller {
  const allow = readAllowList(entries);
  const terms = { allow, seconds, resolve: resolve ?? systemResolve };
  return {
    refusal: (url) => refusalOf(url, allow),
    post: (call, stop) => post(call, terms, stop),
  };
}

const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);
