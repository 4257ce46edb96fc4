/** What is known of a provider without asking it: limits, abilities, an example, and how sure all of it is. */
import type { Decimal } from '../../domain/decimal.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import type { QueueUnit, RoomLimit } from '../../domain/queue-room.ts';

/** The numbers a job must keep to. Bytes are those of the encoded job, envelopes included. */
export interface ProviderLimits {
  readonly requestsMin: number;
  /** Null where the provider names none and only `bytesMax` bounds a job. */
  readonly requestsMax: number | null;
  readonly bytesMax: number;
  /** The longest encoded line; null where the provider names none beyond `bytesMax`. */
  readonly lineBytesMax: number | null;
  /** What all jobs of one credential together must keep to while they are at the provider. */
  readonly queue: readonly QueueLimit[];
}

/** Something that a provider has only so much room for. */
export interface QueueLimit {
  readonly unit: QueueUnit;
  readonly per: RoomLimit['per'];
  /** Null where it differs from account to account, and nothing is known of all. */
  readonly max: number | null;
  /** The setting that says what it is for the account in use. */
  readonly setting: string;
}

/** What a provider can do, so that a frontend need not offer what cannot work. */
export interface ProviderCapabilities {
  readonly cancel: boolean;
  /** Whether counts move while a job runs. */
  readonly liveCounts: boolean;
  /** Whether finished items can be read before the whole job ends. */
  readonly partialResults: boolean;
  /** Whether the provider itself ends a job whose time has run out. */
  readonly expires: boolean;
  /** Whether it has a word of its own for a job's state; else the state is read from counts and times. */
  readonly statusWord: boolean;
  /**
   * Whether a submission goes in several calls that each add to one provider batch: one that broke off is then
   * completed by the next `submit` and never begun anew, and `find` may see a batch that is not complete.
   */
  readonly resumable: boolean;
  /** Whether it deletes what it keeps of a job, its requests and results, when it is asked to. */
  readonly deletion: boolean;
  /** `LINES`: results are files of JSON lines, kept byte for byte. `PAGES`: pages of JSON, kept as equal JSON. */
  readonly resultsForm: 'LINES' | 'PAGES';
  /** What result lines tell where they can; audited on an example request. */
  readonly tells: ReadonlyArray<'text' | 'stopReason' | 'tokens' | 'expired' | 'endTime'>;
  /**
   * How a submission whose answer was lost is found again: `EXACT` by a key of ours in the provider's list,
   * `PROVISIONAL` by circumstances and proven by the results, `NONE` not at all.
   */
  readonly recovery: 'EXACT' | 'PROVISIONAL' | 'NONE';
  /** The key itself, for people: `metadata`, `clientRequestToken`, `webhookUrl`. */
  readonly recoveryKey: string;
  /** Whether that key is the callback URL, so that without `PUBLIC_URL` there is none. */
  readonly recoveryNeedsCallback: boolean;
  /** Whether what the list does not show was never created; false where the list leaves finished jobs out. */
  readonly absenceProves: boolean;
  /** How long after a submission the provider's list may still not show it, in seconds. */
  readonly listDelaySeconds: number;
}

/** Where a fact comes from, in falling certainty: the words of the READMEs. */
export type Certainty = 'SPEC' | 'SDK' | 'WIRE' | 'SEED' | 'DOC' | '3P' | 'MEM' | 'GUESS';

/** The least sure source of each subject's facts. */
export type ProviderFacts = Readonly<
  Record<'limits' | 'statuses' | 'results' | 'recovery' | 'cancelling' | 'webhook', Certainty | null>
>;

/** What is known of the prices of a provider's batches. */
export interface ProviderPricing {
  /** What the catalogue of prices calls the vendor; null where it is in none, or its requests name no model. */
  readonly catalogue: string | null;
  /** The share of the usual price that a batch pays; null where it is not known, or differs from model to model. */
  readonly batchShare: Decimal | null;
  /** How sure the share is; null where there is none. */
  readonly certainty: Certainty | null;
}

/** Of a provider whose prices nobody knows. */
export const unknownPricing: ProviderPricing = { catalogue: null, batchShare: null, certainty: null };

/** A request that the provider takes: for audits, demos and forms. */
export interface Example {
  /** A small model of the vendor's; null where requests name none. */
  readonly model: string | null;
  /** A body for the default endpoint that asks `prompt`; `index` tells apart what may occur once in a job. */
  body(request: { prompt: string; index: number; model: string | null }): JsonObject;
}
