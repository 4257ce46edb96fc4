/**
 * The contract that every provider fulfils: what it is (limits, capabilities), how a request is recognised and
 * written for it, how its answers are read, and a client that talks to it. `audit.ts` holds the same contract
 * as runnable checks.
 *
 * Owned here: the whole; its parts stand in `contract/`, by subject. Left to others: when to call (`batches/`), and
 * every vendor's wire (its own folder). A provider is stateless; whatever must survive a crash goes through
 * `saveCheckpoint`.
 */
import type {
  Example,
  ProviderCapabilities,
  ProviderFacts,
  ProviderLimits,
  ProviderPricing,
} from './contract/capabilities.ts';
import type { ProviderClient } from './contract/client.ts';
import type { ClientServices, Connection, ProviderSettings } from './contract/connection.ts';
import type { Dialect, Encoding } from './contract/requests.ts';
import type { Decoding } from './contract/results.ts';
import type { Webhook } from './contract/webhook.ts';
import type { Emulator, EmulatorOptions } from './emulation.ts';

export type {
  Certainty,
  Example,
  ProviderCapabilities,
  ProviderFacts,
  ProviderLimits,
  ProviderPricing,
  QueueLimit,
} from './contract/capabilities.ts';
export { unknownPricing } from './contract/capabilities.ts';
export type { ProviderClient, Sighting, Submission, SubmissionItem, SubmitPorts } from './contract/client.ts';
export type { ClientServices, Connection, ProviderSetting, ProviderSettings } from './contract/connection.ts';
export { filledIn } from './contract/connection.ts';
export type {
  JobCounts,
  JobReport,
  JobRun,
  KeptJob,
  ProviderCallback,
  ProviderJob,
} from './contract/job-report.ts';
export type { Dialect, Encoding, Inspection, RequestDraft } from './contract/requests.ts';
export type { DecodedLine, Decoding, Outcome, ResultChunk } from './contract/results.ts';
export type { Webhook, WebhookCall, WebhookReading } from './contract/webhook.ts';

/** Everything that BatchQL knows about a kind of provider without talking to it. */
export interface Provider {
  /** The lower-case word used everywhere: `openai`. */
  readonly name: string;
  /** The vendor's product as people call it: `OpenAI Batch API`. */
  readonly title: string;
  readonly limits: ProviderLimits;
  readonly capabilities: ProviderCapabilities;
  /** Paths that a request may name as its endpoint; the first is the default. */
  readonly endpoints: readonly [string, ...string[]];
  /** Completion windows that a caller may ask for; the first is the default. */
  readonly completionWindows: readonly [string, ...string[]];
  /** What one job may not mix: items are grouped by these before they are split. */
  readonly unmixable: ReadonlyArray<'model' | 'endpoint' | 'agentId'>;
  /** What may occur only once in a job: items that share it go to different jobs, in the caller's order. */
  readonly distinct: ReadonlyArray<'agentId'>;
  /** Where the model is named: in each request's `BODY`, beside them, once for the whole `JOB`, or nowhere. */
  readonly modelPlace: 'BODY' | 'JOB' | 'NONE';
  /** What a result line names its item by: our `KEY`, or the `AGENT` that the request is for. */
  readonly itemsNamedBy: 'KEY' | 'AGENT';
  readonly settings: ProviderSettings;
  readonly example: Example;
  /** How sure we are of what is said here, by subject. */
  readonly facts: ProviderFacts;
  readonly pricing: ProviderPricing;
  /** How the provider tells of a job by itself; null where it cannot. */
  readonly webhook: Webhook | null;
  readonly dialect: Dialect;
  readonly encoding: Encoding;
  readonly decoding: Decoding;
  /** A client for one set of credentials. Opens no connection by itself. */
  connect(connection: Connection, services: ClientServices): ProviderClient;
  /** Starts this provider's emulator on a free loopback port. */
  emulate(options: EmulatorOptions): Promise<Emulator>;
}
