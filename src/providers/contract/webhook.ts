/** How a provider calls us, and what such a call comes to. What is done then is `batches/provider-callback.ts`. */

/** How a provider calls us. */
export interface Webhook {
  /** `JOB`: the URL goes along with each submission. `ACCOUNT`: a person enters it once at the vendor. */
  readonly registration: 'JOB' | 'ACCOUNT';
  /** The name in `Connection.more` of the secret that signs calls; null where the vendor signs nothing. */
  readonly secret: string | null;
  /** Whether the signature covers the body, so that a changed one is noticed. */
  readonly coversBody: boolean;
  /** Whether calls are taken, as mere hints under their unguessable path, where no secret is set. */
  readonly unsignedAsHint: boolean;
  /** What a call says; `secret` is null where none is set or none exists. Pure, and never throws. */
  read(call: WebhookCall, secret: string | null): WebhookReading;
}

/** A call as it came. */
export interface WebhookCall {
  readonly headers: Pick<Headers, 'get'>;
  /** The raw body, as UTF-8. */
  readonly body: string;
  readonly now: Date;
}

/**
 * What a webhook's call comes to: an `event` about a job, `ignored` where it is genuine and about nothing of ours,
 * `refused` where it is not genuine or too old. The reason never quotes the call.
 */
export type WebhookReading =
  | {
      readonly kind: 'event';
      /** The same for each repetition of the call, and for no other. */
      readonly id: string;
      /** Null where the call does not tell it. */
      readonly providerJobId: string | null;
    }
  | { readonly kind: 'ignored' | 'refused'; readonly reason: string };
