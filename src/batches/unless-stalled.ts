/**
 * A stream that must keep coming. A provider that stops in the middle of its results without ending them would
 * otherwise hold a worker for ever, lease and all.
 */
import { ProviderFailure } from '../providers/failure.ts';

/**
 * The values of `open`'s stream, which is told to stop by its signal. Throws `ProviderFailure` (`unavailable`)
 * when none comes for `seconds`; what was handed over before stays valid.
 */
export async function* unlessStalled<Value>(
  open: (signal: AbortSignal) => AsyncIterable<Value>,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<Value, void, undefined> {
  const stalled = new AbortController();
  const values = open(AbortSignal.any([signal, stalled.signal]))[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { promise: silence, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(stall(seconds)), seconds * 1000);
      const next = await Promise.race([values.next(), silence]).finally(() => clearTimeout(timer));
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    stalled.abort();
    // Not awaited: a stream that is stuck may never answer, and its signal has told it to end.
    Promise.resolve(values.return?.()).catch(() => undefined);
  }
}

/** The code of a stream that did not keep coming. */
export const stalledCode = 'results_stalled';

const stall = (seconds: number): ProviderFailure =>
  new ProviderFailure('unavailable', {
    code: stalledCode,
    message: `The provider sent nothing of its results for ${seconds} seconds.`,
  });
