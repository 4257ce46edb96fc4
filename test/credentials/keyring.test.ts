/** A secret is read where it was written, with a key that wrote it, and nowhere else. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openKeyring, type SecretPlace } from '../../src/credentials/keyring.ts';

const newKey = () => randomBytes(32).toString('base64');
const keyringOf = (...keys: [string, ...string[]]) => {
  const keyring = openKeyring(keys);
  if (keyring === null) throw new Error('there are keys');
  return keyring;
};
const place: SecretPlace = { organizationId: 'acme', provider: 'openai', id: 'one' };

describe('A secret', () => {
  const [old, present] = [newKey(), newKey()];

  it('of any text is read again, and is never twice the same bytes', () => {
    const keyring = keyringOf(present);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const [one, other] = [keyring.seal(text, place), keyring.seal(text, place)];
        expect(keyring.open(one, place)).toBe(text);
        expect(one.sealed.equals(other.sealed)).toBe(false);
        if (text.length > 3) expect(one.sealed.includes(text)).toBe(false);
      }),
    );
  });

  it.each([
    ['organization', { ...place, organizationId: 'other' }],
    ['provider', { ...place, provider: 'anthropic' }],
    ['row', { ...place, id: 'another' }],
  ])('that is moved to another %s opens nothing', (_what, elsewhere) => {
    const keyring = keyringOf(present);
    expect(keyring.open(keyring.seal('sk-secret', place), elsewhere)).toBeNull();
  });

  it('of which a single bit is changed, or the end is missing, opens nothing', () => {
    const keyring = keyringOf(present);
    const { sealed, sealedBy } = keyring.seal('sk-secret', place);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(keyring.open({ sealed: changed, sealedBy }, place)).toBeNull();
      expect(keyring.open({ sealed: sealed.subarray(0, at), sealedBy }, place)).toBeNull();
    }
  });

  it('is read with a key of before, and written with the present one', () => {
    const before = keyringOf(old).seal('sk-secret', place);
    const both = keyringOf(present, old);
    expect(both.open(before, place)).toBe('sk-secret');
    const after = both.seal('sk-secret', place);
    expect(keyringOf(present).open(after, place)).toBe('sk-secret');
    expect(keyringOf(present).open(before, place)).toBeNull();
    expect([before.sealedBy, after.sealedBy]).toEqual([keyringOf(old).present, both.present]);
  });

  it('cannot be kept where there is no key', () => {
    expect(openKeyring(null)).toBeNull();
  });
});

it('The name of a key tells nothing of it', () => {
  const key = newKey();
  const { present } = keyringOf(key);
  expect(present).toMatch(/^[0-9a-f]{12}$/);
  expect(Buffer.from(key, 'base64').toString('hex')).not.toContain(present);
});
