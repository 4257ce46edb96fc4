/** What a check of the audit is: a clause of the contract with a permanent name, and a way to find out. */
import type { Bench } from './bench.ts';

/** One clause of the contract, as something that can be run. */
export interface Check {
  /** Permanent: never renamed, never given to another check. `BQ-`, a letter for the subject, two digits. */
  readonly id: string;
  /** Whether a provider without it is wrong (MUST) or merely worse than it could be (SHOULD). */
  readonly level: 'MUST' | 'SHOULD';
  /** The clause as a full sentence. */
  readonly title: string;
  /** Where the clause comes from: the part of the contract or the fact about the vendor that it rests on. */
  readonly source: string;
  /** Resolves where the clause holds; throws what `demand` or `skip` throw, or anything else, where it does not. */
  run(bench: Bench): Promise<void>;
}
