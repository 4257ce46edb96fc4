import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isUuid, itemKey, keyInText, nonceFrom, positionOfKey, uuidv7 } from '../../src/domain/ids.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const milliseconds = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const nonces = bytes(20).map(nonceFrom);
const positions = fc.integer({ min: 0, max: 2_147_483_647 });

describe('uuidv7', () => {
  test('has the layout of RFC 9562: time, version 7, variant 10, random bits', () => {
    // The example of RFC 9562, appendix A.6.
    const random = Uint8Array.of(0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f);
    expect(uuidv7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  test('is a lower-case UUID that carries its time and every random bit that has room', () => {
    fc.assert(
      fc.property(milliseconds, bytes(10), (time, random) => {
        const id = uuidv7(time, random);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const raw = Buffer.from(id.replaceAll('-', ''), 'hex');
        expect(raw.readUIntBE(0, 6)).toBe(time);
        const kept = [0x0f, 0xff, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        expect(kept.map((mask, at) => raw[at + 6]! & mask)).toEqual(
          kept.map((mask, at) => random[at]! & mask),
        );
      }),
    );
  });

  test('sorts by time as text', () => {
    fc.assert(
      fc.property(milliseconds, milliseconds, bytes(10), bytes(10), (one, other, random, otherRandom) => {
        fc.pre(one < other);
        expect(uuidv7(one, random) < uuidv7(other, otherRandom)).toBe(true);
      }),
    );
  });

  test.each([
    ['a fraction of a millisecond', 1.5, 10],
    ['a time before 1970', -1, 10],
    ['a time beyond 48 bits', 2 ** 48, 10],
    ['too few random bytes', 0, 9],
    ['too many random bytes', 0, 11],
  ])('refuses %s', (_, time, length) => {
    expect(() => uuidv7(time, new Uint8Array(length))).toThrow(RangeError);
  });
});

describe('isUuid', () => {
  test('knows UUIDs of every version in either case', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), (id, upper) => {
        expect(isUuid(upper ? id.toUpperCase() : id)).toBe(true);
      }),
    );
  });

  test.each([
    ['an empty text', ''],
    ['a UUID without hyphens', '017f22e279b07cc398c4dc0c0c07398f'],
    ['a UUID in braces', '{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}'],
    ['a UUID with a line break', '017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n'],
    ['a UUID with a letter that is no digit', '017f22e2-79b0-7cc3-98c4-dc0c0c07398g'],
  ])('does not take %s for one', (_, text) => {
    expect(isUuid(text)).toBe(false);
  });
});

describe('nonceFrom', () => {
  test('is twenty characters of [a-z0-9] that depend on each of the first twenty bytes', () => {
    fc.assert(
      fc.property(bytes(24), fc.nat(19), (random, at) => {
        const nonce = nonceFrom(random);
        expect(nonce).toMatch(/^[a-z0-9]{20}$/);
        const changed = random.with(at, (random[at]! + 1) % 256);
        expect(nonceFrom(changed).slice(0, at)).toBe(nonce.slice(0, at));
        expect(nonceFrom(changed)[at]).not.toBe(nonce[at]);
      }),
    );
  });

  test('uses every character, none more than 8 times in 256', () => {
    const seen = new Map<string, number>();
    for (let byte = 0; byte < 256; byte += 1) {
      const character = nonceFrom(new Uint8Array(20).fill(byte)).charAt(0);
      seen.set(character, (seen.get(character) ?? 0) + 1);
    }
    expect(seen.size).toBe(36);
    expect(Math.max(...seen.values())).toBe(8);
  });

  test('refuses fewer than twenty bytes', () => {
    expect(() => nonceFrom(new Uint8Array(19))).toThrow(RangeError);
  });
});

describe('positionOfKey', () => {
  test('reads back the position of every item key, whose form every provider takes', () => {
    fc.assert(
      fc.property(nonces, positions, (nonce, position) => {
        const key = itemKey(nonce, position);
        expect(key).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
        expect(positionOfKey(nonce, key)).toBe(position);
      }),
    );
  });

  test('gives a position only for the one text that itemKey writes', () => {
    const nonce = 'abcdefghij0123456789';
    const tails = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('0', '1', '9', '-', ' ', '.', 'e') }),
    );
    fc.assert(
      fc.property(fc.constantFrom(nonce, 'zbcdefghij0123456789', ''), tails, (start, tail) => {
        const key = `${start}-${tail}`;
        const position = positionOfKey(nonce, key);
        if (position !== null) expect(itemKey(nonce, position)).toBe(key);
      }),
    );
  });

  test.each([
    ['the key of another job', 'zbcdefghij0123456789-1'],
    ['a leading zero', 'abcdefghij0123456789-01'],
    ['a sign', 'abcdefghij0123456789--1'],
    ['no position', 'abcdefghij0123456789-'],
    ['a position beyond an integer', 'abcdefghij0123456789-2147483648'],
    ['a position of many digits', `abcdefghij0123456789-${'9'.repeat(400)}`],
    ['digits of another script', 'abcdefghij0123456789-١'],
    ['a line break after it', 'abcdefghij0123456789-1\n'],
    ['something before it', ' abcdefghij0123456789-1'],
  ])('gives null for %s', (_, key) => {
    expect(positionOfKey('abcdefghij0123456789', key)).toBeNull();
  });
});

describe('keyInText', () => {
  const nonce = 'abcdefghij0123456789';

  test('finds the key in a line that is torn anywhere after it', () => {
    fc.assert(
      fc.property(nonces, positions, fc.nat(60), (own, position, kept) => {
        const start = `{"id":"batch_req_1","custom_id":"${itemKey(own, position)}"`;
        const rest = ',"response":{"status_code":200,"body":{"text":"hello';
        expect(keyInText(own, `${start}${rest.slice(0, kept)}`)).toBe(position);
      }),
    );
  });

  test('never takes a key of which digits may be torn off for another position', () => {
    fc.assert(
      fc.property(nonces, positions, fc.nat(31), (own, position, kept) => {
        expect(keyInText(own, `{"custom_id":"${itemKey(own, position).slice(0, kept)}`)).toBeNull();
      }),
    );
  });

  test('takes the first of several keys', () => {
    expect(keyInText(nonce, `"${nonce}-7" "${nonce}-3"`)).toBe(7);
  });

  test.each([
    ['overflows', `"${nonce}-99999999999" "${nonce}-3"`],
    ['has a leading zero', `"${nonce}-03" "${nonce}-3"`],
    ['goes on with other characters', `"${nonce}-7x" "${nonce}-3"`],
    ['has no digits', `"${nonce}-" "${nonce}-3"`],
  ])('passes over what looks like a key but %s', (_, text) => {
    expect(keyInText(nonce, text)).toBe(3);
  });

  test('finds nothing in a line of another job', () => {
    expect(keyInText(nonce, '{"custom_id":"zbcdefghij0123456789-7"}')).toBeNull();
  });
});
