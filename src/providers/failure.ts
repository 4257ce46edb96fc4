/**
 * Everything that can go wrong between us and a provider, as one union of kinds. The rule that decides what
 * happens next reads the kind and nothing else; the texts are for people.
 */

/**
 * What a failure means for the call that met it:
 * - `rejected`: the provider understood and said no; asking again gives the same answer.
 * - `throttled`: not now; nothing was created; ask again at `retryAt` or by our own schedule.
 * - `unavailable`: nothing was created (never connected, or a read that failed); ask again later.
 * - `uncertain`: something may have been created and we did not see the answer; look before asking again.
 * - `expired`: the thing asked for existed and is gone.
 * - `malformed`: the provider answered something we cannot read.
 */
export type ProviderFailureKind =
  | 'rejected'
  | 'throttled'
  | 'unavailable'
  | 'uncertain'
  | 'expired'
  | 'malformed';

/** A failure of a provider, thrown by every method of a `ProviderClient`. */
export class ProviderFailure extends Error {
  readonly kind: ProviderFailureKind;
  /** A short machine word in snake_case, the provider's own where it has one: `invalid_api_key`. */
  readonly code: string;
  /** The HTTP status that carried it; null where there was none. */
  readonly status: number | null;
  /** When the provider allows the next try; null where it did not say. */
  readonly retryAt: Date | null;

  /**
   * The message is shown to the organization whose batch it is: the provider's own short message where it has
   * one, with credentials cut out; it is never logged.
   */
  constructor(
    kind: ProviderFailureKind,
    failure: { code: string; message: string; status?: number | null; retryAt?: Date | null },
  ) {
    super(failure.message);
    this.name = 'ProviderFailure';
    this.kind = kind;
    this.code = failure.code;
    this.status = failure.status ?? null;
    this.retryAt = failure.retryAt ?? null;
  }
}
