/**
 * The contract of emulators: how one is started, what tests may ask of it, and how it is made to misbehave. What
 * emulators share is `emulator/`; each vendor's stands in its provider's folder.
 */
import type { Clock } from '../clock.ts';

/** How an emulator is started. */
export interface EmulatorOptions {
  readonly clock: Clock;
  /** How long each phase of a batch takes, in seconds of `clock`. */
  readonly pace?: Partial<EmulatorPace>;
  /** Keeps batches in this directory, so that they outlive the process; in memory where absent. */
  readonly directory?: string;
  /** Positions of the switches for facts that are not certain, by name; see the provider's README. */
  readonly switches?: Readonly<Record<string, boolean | string>>;
}

/** Phases of an emulated batch, in seconds. */
export interface EmulatorPace {
  readonly validatingSeconds: number;
  readonly runningSeconds: number;
  readonly finalizingSeconds: number;
  readonly cancellingSeconds: number;
}

/** A running emulator. */
export interface Emulator {
  /** The base URL to give to the vendor's SDK or to our client, in the form the SDK wants it. */
  readonly baseUrl: string;
  /** A key that it accepts. */
  readonly apiKey: string;
  /** Makes the next matching calls fail in a chosen way. */
  readonly faults: FaultPlan;
  /** What it was asked, in order: `{ operation, method, path, status }`. */
  readonly calls: readonly EmulatorCall[];
  /** Every batch it holds, oldest first. */
  batches(): Promise<readonly EmulatedBatch[]>;
  close(): Promise<void>;
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
  | { readonly kind: 'hold'; readonly until: Promise<void> };
