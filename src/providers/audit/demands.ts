/**
 * The few words in which checks speak: a demand that is not met, a failure that has to come, and a question that
 * does not arise for this provider.
 */
import { ProviderFailure, type ProviderFailureKind } from '../failure.ts';

/** A clause that does not hold, with the reason in one sentence. */
export class Unmet extends Error {}

/** A question that does not arise for this provider, with the reason. */
export class Inapplicable extends Error {}

/** Ends the check as unmet unless the condition holds. */
export function demand(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Unmet(reason);
}

/** Ends the check: the clause asks for something that this provider has no part in. */
export function skip(reason: string): never {
  throw new Inapplicable(reason);
}

/** The failure that `work` ends in; unmet where it succeeds, throws something else, or fails in another way. */
export async function failureFrom(
  work: () => Promise<unknown>,
  ...kinds: readonly ProviderFailureKind[]
): Promise<ProviderFailure> {
  const failure = await work().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  demand(failure !== null, `it succeeded where it had to fail as ${kinds.join(' or ')}`);
  demand(failure instanceof ProviderFailure, `it threw ${nameOf(failure)} and not a ProviderFailure`);
  demand(
    kinds.includes(failure.kind),
    `it failed as ${failure.kind} (${failure.code}) and not as ${kinds.join(' or ')}`,
  );
  return failure;
}

const nameOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : typeof thrown);
