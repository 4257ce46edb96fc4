/**
 * Providers' credentials that organizations bring: what may be said of one, which of several a new batch uses, and when
 * one counts as refused. Owns these rules; keeping secrets is `credentials/keyring.ts`, and what each provider needs is
 * its own settings (`providers/own-connection.ts`).
 */
import { z } from 'zod';
import { storableText } from './storable-text.ts';

const nameCharactersMax = 128;
const secretCharactersMax = 4096;
const settingCharactersMax = 16_384;
const settingsMax = 32;

/** What a credential is doing. */
export const credentialStatuses = ['UNTRIED', 'WORKING', 'FAILING', 'REVOKED'] as const;
/** What a credential is doing. */
export type CredentialStatus = (typeof credentialStatuses)[number];

/** What its row says of a credential's state. */
export interface CredentialState {
  readonly lastUsedAt: Date | null;
  readonly failingSince: Date | null;
  readonly revokedAt: Date | null;
}

/** What the credential is doing. */
export function credentialStatus({ lastUsedAt, failingSince, revokedAt }: CredentialState): CredentialStatus {
  if (revokedAt !== null) return 'REVOKED';
  if (failingSince !== null) return 'FAILING';
  return lastUsedAt === null ? 'UNTRIED' : 'WORKING';
}

/** Goes into headers. No message quotes what was said. */
const apiKeySchema = z
  .string()
  .refine(
    (text) => text.length <= secretCharactersMax && /^[\x21-\x7e]+$/.test(text),
    `apiKey must be 1 to ${secretCharactersMax} ASCII characters, without spaces.`,
  );

/** What `addCredential` takes. Which settings a provider has, and what each must be, is the provider's to say. */
export const addCredentialInput = z.strictObject({
  provider: z.string(),
  name: storableText('name', nameCharactersMax),
  apiKey: apiKeySchema,
  settings: z
    .array(z.strictObject({ name: z.string(), value: storableText('value', settingCharactersMax) }))
    .max(settingsMax, `settings may have at most ${settingsMax} members.`)
    .nullish()
    .transform((settings) => settings ?? []),
  replaces: z.string().nullish(),
});
/** What `addCredential` takes. */
export type AddCredentialInput = z.output<typeof addCredentialInput>;

/** What `revokeCredential` takes beside the credential. */
export const revokeCredentialInput = z.strictObject({
  immediately: z
    .boolean()
    .nullish()
    .transform((immediately) => immediately ?? false),
});

/** One of an organization's credentials for a provider, as the choice sees it. */
export type Candidate = Pick<CredentialState, 'failingSince' | 'revokedAt'> & {
  readonly id: string;
  readonly createdAt: Date;
};

/**
 * The credential that a new batch uses where none is named: the newest that works, else the newest at all; null where
 * the organization has none. One that fails is better than another's: whoever brings a credential never spends the
 * service's own without a word.
 */
export function chosenOf<Row extends Candidate>(candidates: readonly Row[]): Row | null {
  const usable = candidates.filter(({ revokedAt }) => revokedAt === null);
  const working = usable.filter(({ failingSince }) => failingSince === null);
  return newestOf(working) ?? newestOf(usable);
}

const newestOf = <Row extends Candidate>(rows: readonly Row[]): Row | null =>
  rows.reduce<Row | null>((newest, row) => (newest === null || isNewer(row, newest) ? row : newest), null);

const isNewer = (one: Candidate, other: Candidate): boolean =>
  one.createdAt.getTime() === other.createdAt.getTime() ? one.id > other.id : one.createdAt > other.createdAt;

const shownCharacters = 4;
const characterCountMin = 16;

/** The last characters of a key, by which people tell keys apart; null for one so short that they would tell much of it. */
export const lastFourOf = (apiKey: string): string | null =>
  apiKey.length < characterCountMin ? null : apiKey.slice(-shownCharacters);

/** How AWS, which answers 403 to much else, says that it does not know who is calling. */
const strangerCodes: ReadonlySet<string> = new Set([
  'unrecognized_client_exception',
  'invalid_client_token_id',
  'invalid_access_key_id',
  'invalid_signature_exception',
  'signature_does_not_match',
  'expired_token',
  'expired_token_exception',
]);

/** Whether a provider's refusal is of the one who asks, and not of what was asked. */
export const refusesCredential = ({
  status,
  code,
}: {
  readonly status: number | null;
  readonly code: string;
}): boolean => status === 401 || (status === 403 && strangerCodes.has(code));
