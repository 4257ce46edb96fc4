/**
 * Encrypts what must be read again and must stand in no dump: AES-256-GCM with a key of the settings, bound to the row
 * that it is for, so that a ciphertext in another row opens nothing. Keys before the present one are read and never
 * written with. Owns the form of what is kept; where, and when a key is changed, is left to others.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** What a secret is bound to. */
export interface SecretPlace {
  readonly organizationId: string;
  readonly provider: string;
  readonly id: string;
}

/** A secret as it is kept: the bytes, and which key made them. */
export interface SealedSecret {
  readonly sealed: Buffer;
  readonly sealedBy: string;
}

/** The keys of a process. */
export interface Keyring {
  /** What is written with: a name that follows from the key and tells nothing of it. */
  readonly present: string;
  seal(text: string, place: SecretPlace): SealedSecret;
  /** The text; null where none of the keys made it, or it was made for another place or changed. */
  open(secret: SealedSecret, place: SecretPlace): string | null;
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** The keyring of these keys in base64, 32 bytes each, which writes with the first and reads with all; null for none. */
export function openKeyring(inBase64: readonly [string, ...string[]] | null): Keyring | null {
  if (inBase64 === null) return null;
  const present = Buffer.from(inBase64[0], 'base64');
  const keys = new Map(inBase64.map((key) => Buffer.from(key, 'base64')).map((key) => [nameOf(key), key]));
  return {
    present: nameOf(present),
    seal(text, place) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, present, nonce, { authTagLength: tagBytes });
      cipher.setAAD(boundTo(place));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return { sealed: Buffer.concat([nonce, cipher.getAuthTag(), body]), sealedBy: nameOf(present) };
    },
    open({ sealed, sealedBy }, place) {
      const key = keys.get(sealedBy);
      if (key === undefined || sealed.length < nonceBytes + tagBytes) return null;
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      decipher.setAAD(boundTo(place));
      decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
      try {
        const body = decipher.update(sealed.subarray(nonceBytes + tagBytes));
        return Buffer.concat([body, decipher.final()]).toString('utf8');
      } catch {
        return null;
      }
    },
  };
}

const nameOf = (key: Buffer): string =>
  createHash('sha256').update('batchql credentials key').update(key).digest('hex').slice(0, 12);

const boundTo = ({ organizationId, provider, id }: SecretPlace): Buffer =>
  Buffer.from(`${organizationId}\n${provider}\n${id}`);
