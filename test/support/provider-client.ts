/** What the tests of every provider's client do with it: catch its failures, read its results, and tell them briefly. */
import { ProviderFailure } from '../../src/providers/failure.ts';
import type { JobReport, Provider, ProviderClient, ProviderJob } from '../../src/providers/provider.ts';

/** The failure that a call ends with; throws whatever else it ends with, success included. */
export async function failureOf(call: Promise<unknown>): Promise<ProviderFailure> {
  const thrown = await call.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
  if (thrown instanceof ProviderFailure) return thrown;
  throw thrown;
}

/** A job's result lines after a cursor, and at each chunk's end its cursor with the lines that were read by then. */
export async function readResults(
  client: ProviderClient,
  of: ProviderJob & { readonly report: JobReport },
  cursor: string | null,
): Promise<{ lines: string[]; places: Array<{ cursor: string; read: number }> }> {
  const lines: string[] = [];
  const places: Array<{ cursor: string; read: number }> = [];
  for await (const chunk of client.results(of, cursor, new AbortController().signal)) {
    lines.push(...chunk.lines);
    places.push({ cursor: chunk.cursor, read: lines.length });
  }
  return { lines, places };
}

/** Each line as its key and status, or as what it is where it is no result. */
export const outcomesOf = ({ decoding }: Provider, lines: readonly string[]) =>
  lines.map((line) => {
    const decoded = decoding.decode(line);
    return decoded.kind === 'result' ? [decoded.key, decoded.outcome.status] : decoded.kind;
  });
