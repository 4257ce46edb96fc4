/** What a request weighs as it is sent; the same before it is stored and when its batch is split. */
import { itemKey, nonceLength, positionMax } from '../domain/ids.ts';
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

/** At least the bytes of an item's line, wherever it stands in its batch; costs nothing to ask of many. */
export function lineBytesBound(
  provider: Provider,
  { endpoint, bytes }: { readonly endpoint: string; readonly bytes: number },
): number {
  const known = envelopeBounds.get(provider) ?? new Map<string, number>();
  envelopeBounds.set(provider, known);
  let around = known.get(endpoint);
  if (around === undefined) {
    around = lineBytesOf(provider, { position: positionMax, endpoint, bytes: 0 });
    known.set(endpoint, around);
  }
  return around + bytes;
}

/** By provider and by endpoint, of which each has a few. */
const envelopeBounds = new WeakMap<Provider, Map<string, number>>();
