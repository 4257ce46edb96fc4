/** Deleting what may be gone already, by us or by the provider itself. */
import { ProviderFailure } from './failure.ts';

/** Waits for a deletion; what is not there was deleted before. Throws any other `ProviderFailure`. */
export async function unlessGone(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion;
  } catch (failure) {
    if (!(failure instanceof ProviderFailure)) throw failure;
    const isGone =
      failure.kind === 'expired' || (failure.kind === 'rejected' && isGoneStatus(failure.status));
    if (!isGone) throw failure;
  }
}

const isGoneStatus = (status: number | null): boolean => status === 404 || status === 410;

/** The names among these that are known, each once. */
export const distinctNames = (names: readonly unknown[]): string[] => [
  ...new Set(names.filter((name) => typeof name === 'string' && name !== '').map(String)),
];
