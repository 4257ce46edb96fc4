/**
 * Signs read tokens and links, and tells whether one was signed here. Each key signs with a secret of its own, made from
 * the SHA-256 that is kept of it: so nothing is stored for a grant, and it ends with its key. `SIGNING_SECRET` takes part
 * where it is set, and then the database alone does not suffice to sign.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { decodeGrant, encodeGrant, type GrantSigner } from './domain/grant.ts';

const macBytes = 32;

/** The signer of a deployment. All its processes need the same secret. */
export function createGrantSigner(secret: string | null): GrantSigner {
  const macOf = (keyHash: Buffer, said: Buffer): Buffer =>
    createHmac('sha256', Buffer.from(hkdfSync('sha256', keyHash, secret ?? '', 'batchql grant', macBytes)))
      .update(said)
      .digest();
  return {
    sign(keyHash, grant) {
      const said = encodeGrant(grant);
      return Buffer.concat([said, macOf(keyHash, said)]).toString('base64url');
    },
    read(text) {
      const bytes = bytesIn(text);
      return bytes === null ? null : decodeGrant(bytes.subarray(0, -macBytes));
    },
    isSigned(keyHash, text) {
      const bytes = bytesIn(text);
      if (bytes === null) return false;
      const said = bytes.subarray(0, -macBytes);
      return timingSafeEqual(macOf(keyHash, said), bytes.subarray(-macBytes));
    },
  };
}

/** The bytes of a text that is written as we write it; null for any other. */
function bytesIn(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length > macBytes && bytes.toString('base64url') === text ? bytes : null;
}
