/** What of an organization's credential is encrypted, as text and back. */
import { z } from 'zod';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { CredentialUnusableError } from '../errors.ts';
import type { OwnSecret } from '../providers/own-connection.ts';
import type { CredentialSettings } from '../services.ts';

const secretSchema = z.strictObject({ apiKey: z.string(), more: z.record(z.string(), z.string()) });

/** The text that is encrypted. */
export const textOfSecret = (secret: OwnSecret): string => JSON.stringify(secret);

/** The secret of a credential. Throws `CredentialUnusableError` where it is gone, or none of the keys opens it. */
export function openSecret({ keyring }: CredentialSettings, row: CredentialRow): OwnSecret {
  const { id, sealed, sealedBy } = row;
  if (sealed === null) throw new CredentialUnusableError('FORGOTTEN', id);
  const text = keyring?.open({ sealed, sealedBy }, row) ?? null;
  if (text === null) throw new CredentialUnusableError('UNREADABLE', id);
  return secretSchema.parse(JSON.parse(text));
}
