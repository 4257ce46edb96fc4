/** What every verb is handed: the parts of a running process, made once by `app.ts`. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { CallbackCaller } from './callbacks/caller.ts';
import type { Clock } from './clock.ts';
import type { Keyring } from './credentials/keyring.ts';
import type { Database } from './db/client.ts';
import type { GrantSigner } from './domain/grant.ts';
import { nonceFrom, uuidv7 } from './domain/ids.ts';
import type { PollSchedule } from './domain/polling.ts';
import type { Quotas } from './domain/quota.ts';
import type { Hub } from './events/hub.ts';
import type { Readings } from './events/readings.ts';
import type { Meter } from './meter.ts';
import type { PriceBook } from './prices/price-book.ts';
import type { ProviderAccess } from './providers/access.ts';
import type { Rates } from './rates/rates.ts';

/** The parts of a running process. */
export interface Services {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly providers: ProviderAccess;
  readonly credentials: CredentialSettings;
  readonly prices: PriceBook;
  readonly hub: Hub;
  readonly readings: Readings;
  /** How often callers may ask, and what they may have open at once. */
  readonly rates: Rates;
  readonly callbacks: CallbackCaller;
  readonly signer: GrantSigner;
  readonly meter: Meter;
  /** Where callers reach the API, without a trailing slash; null where this process does not know. */
  readonly origin: () => string | null;
  readonly settings: WorkSettings;
}

/** How organizations' own credentials are kept, and who pays for organizations that have none. */
export interface CredentialSettings {
  /** Null where none can be kept. */
  readonly keyring: Keyring | null;
  /** Whether organizations without a credential of their own may use the service's. */
  readonly shared: boolean;
}

/** The numbers that govern background work. */
export interface WorkSettings {
  readonly poll: PollSchedule;
  /** How long a worker holds a job without a sign of life. */
  readonly leaseSeconds: number;
  /** How long one submission may take from the written intent to the last byte. */
  readonly sendSeconds: number;
  /** How long one call to a provider may take otherwise. */
  readonly callSeconds: number;
  /** How long one call to a callback URL may take. */
  readonly callbackSeconds: number;
  /** How long after the end of its window a job may go on before we end it ourselves. */
  readonly graceSeconds: number;
  /** How long `syncBatch` waits for the poll it asked for. */
  readonly syncWaitSeconds: number;
  /** How long events are kept for subscribers that resume, and entries of the audit trail. */
  readonly eventRetentionDays: number;
  /** How long after the end of a batch its requests and results are kept; null for good. */
  readonly resultRetentionDays: number | null;
  /** Whether a change is announced at its commit; else those who follow look for themselves. */
  readonly notifies: boolean;
  /** The largest file or text taken through GraphQL, and the longest line of an upload, in bytes. */
  readonly bodyBytesMax: number;
  /** What may be at a provider at once with one credential, by the setting that says it, and by model. */
  readonly queues: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** What an organization may have for which nothing else is set. */
  readonly quotas: Quotas;
  /** How long the sender of an upload may be silent. */
  readonly uploadStallSeconds: number;
  /** How long the URL of an upload lives. */
  readonly uploadHours: number;
}

/** A new id that sorts by creation time. */
export const newId = (clock: Clock): string => uuidv7(clock.now().getTime(), randomBytes(10));

/** A new nonce for a job. */
export const newNonce = (): string => nonceFrom(randomBytes(32));
