/** A call to an emulator that waits there, so that a test can do something while it is under way. */
import type { Emulator } from '../../src/providers/emulation.ts';

/** A call that is, or will be, held. */
export interface HeldCall {
  /** Resolves when the emulator has received it. */
  readonly arrived: Promise<void>;
  /** Lets it go on as usual. */
  release(): void;
}

/** Holds the next call of `operation` until it is released. */
export function holdNext(emulator: Emulator, operation: string): HeldCall {
  const arrival = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  emulator.faults.add({
    operation,
    effect: {
      kind: 'hold',
      // Asked for by the emulator when it has the call.
      get until() {
        arrival.resolve();
        return going.promise;
      },
    },
  });
  return { arrived: arrival.promise, release: going.resolve };
}
