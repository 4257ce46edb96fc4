/** What a request weighs as it is sent; the same before it is stored and when its batch is split. */
import { itemKey, nonceLength } from '../domain/ids.ts';
import type { Provider } from '../providers/provider.ts';

/** Every nonce has the same length, so any of them weighs the same. */
const sampleNonce = '0'.repeat(nonceLength);

/** The bytes of an item's line, its envelope included and without a newline; `bytes` are those of its body. */
export function lineBytesOf(
  { encoding }: Provider,
  { position, endpoint, bytes }: { position: number; endpoint: string; bytes: number },
): number {
  const { before, after } = encoding.envelope({ key: itemKey(sampleNonce, position), endpoint });
  return Buffer.byteLength(before) + bytes + Buffer.byteLength(after);
}
