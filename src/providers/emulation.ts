/**
 * The contract of emulators: how one is started, what tests may ask of it, and how it is made to misbehave. What
 * emulators share is `emulator/`; each vendor's stands in its provider's folder.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Connection } from './contract/connection.ts';

/** How an emulator is started. */
export interface EmulatorOptions {
  readonly clock: Clock;
  /** How long each phase of a batch takes, in seconds of `clock`. */
  readonly pace?: Partial<EmulatorPace>;
  /** Keeps batches in this directory, so that they outlive the process; in memory where absent. */
  readonly directory?: string;
  /** Positions of the switches for facts that are not certain, by name; see the provider's README. */
  readonly switches?: Readonly<Record<string, boolean | string>>;
  /** Where it is served; on a free loopback port of its own where absent. */
  readonly host?: EmulatorHost;
}

/** A server that several emulators share, each under a path of its own. */
export interface EmulatorHost {
  /** Serves `handle` under a path, and answers the URL of that path, without a slash at its end. */
  mount(handle: (incoming: IncomingMessage, outgoing: ServerResponse) => void): Promise<string>;
}

/** Phases of an emulated batch, in seconds. */
export interface EmulatorPace {
  readonly validatingSeconds: number;
  readonly runningSeconds: number;
  readonly finalizingSeconds: number;
  readonly cancellingSeconds: number;
}

/**
 * A running emulator, which is also the connection to it: the base URL in the form that the vendor's SDK wants it,
 * and a key that it accepts.
 */
export interface Emulator extends Connection {
  /** The same with credentials that it refuses. */
  readonly stranger: Connection;
  /** What must never leave in anything but the header for credentials; the API key, or the secret behind it. */
  readonly secret: string;
  /** The emulator's names for the calls that checks speak of. */
  readonly operations: EmulatorOperations;
  /** Makes the next matching calls fail in a chosen way. */
  readonly faults: FaultPlan;
  /** What it was asked, in order: `{ operation, method, path, status }`. */
  readonly calls: readonly EmulatorCall[];
  /** Every batch it holds, oldest first. */
  batches(): Promise<readonly EmulatedBatch[]>;
  /** The names of what it keeps and lets be deleted: files, objects, or batches. Absent where nothing can be. */
  kept?(): Promise<readonly string[]>;
  /** Says where an `ACCOUNT`'s webhooks go from now on, and nowhere else, as a person would in the vendor's dashboard. */
  callAt?(url: string): Promise<void>;
  /** Sends the webhooks that are due by the clock, each once; how many. Absent where the provider calls nobody. */
  deliver?(): Promise<number>;
  close(): Promise<void>;
}

/** A key that no emulator accepts. */
export const strangerKey = 'sk-audit-0123456789abcdef';

/** Names of an emulator's calls. */
export interface EmulatorOperations {
  /** The call that makes a batch. */
  readonly create: string;
  /** The call that reads (a page or file of) results. */
  readonly results: string;
  /** The call that adds items to a batch, where submissions are resumable. */
  readonly add?: string;
  /** The call that deletes something, where there is one. */
  readonly delete?: string;
}

/** One call that an emulator received. Status is null where the connection was dropped. */
export interface EmulatorCall {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
}

/** What tests ask of an emulated batch. */
export interface EmulatedBatch {
  readonly id: string;
  readonly status: string;
  readonly requestCount: number;
  /** The item keys it was given, in order. */
  readonly keys: readonly string[];
}

/** Faults to come. The first rule that matches a call and has turns left is used. */
export interface FaultPlan {
  add(rule: FaultRule): void;
  clear(): void;
}

/** One way to misbehave. `operation` is the emulator's name for a call (`create`, `retrieve`, …) or `*`. */
export interface FaultRule {
  readonly operation: string;
  readonly effect: FaultEffect;
  /** How many calls it hits; default 1, `Infinity` until cleared. */
  readonly times?: number;
  /** How many matching calls pass before it begins to hit; default 0. */
  readonly after?: number;
}

/** What happens to a call that a fault hits. */
export type FaultEffect =
  /** Cut the connection before anything is done. */
  | { readonly kind: 'drop' }
  /** Do the work, then cut the connection instead of answering. */
  | { readonly kind: 'accept-and-drop' }
  /** Answer this instead of doing the work. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Do the work; send this many bytes of the answer's body, then cut the connection. */
  | { readonly kind: 'tear'; readonly afterBytes: number }
  /** Rewrite the answer's body. */
  | { readonly kind: 'rewrite'; readonly rewrite: (body: string) => string }
  /** Keep the call waiting until this settles, then go on as usual. */
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  /** Take the whole call, and do the work when this settles, whether the caller still waits for it or not. */
  | { readonly kind: 'late'; readonly until: Promise<void> };
