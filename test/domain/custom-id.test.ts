import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { customIdSchema, defaultCustomId, isPlainCustomId } from '../../src/domain/custom-id.ts';

const messagesFor = (value: unknown): string[] =>
  customIdSchema.safeParse(value).error?.issues.map((issue) => issue.message) ?? [];

describe('customIdSchema', () => {
  test('takes any text of 1 to 512 code points without NUL, and leaves it as it is', () => {
    const texts = fc.string({ unit: 'binary', minLength: 1, maxLength: 512 });
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(!text.includes('\0'));
        expect(customIdSchema.parse(text)).toBe(text);
      }),
    );
  });

  test('counts code points, not UTF-16 units', () => {
    expect(customIdSchema.safeParse('😀'.repeat(512)).success).toBe(true);
    expect(customIdSchema.safeParse('😀'.repeat(513)).success).toBe(false);
    expect(customIdSchema.safeParse(`${'😀'.repeat(511)}a`).success).toBe(true);
    expect(customIdSchema.safeParse(`${'😀'.repeat(511)}aa`).success).toBe(false);
  });

  test.each([
    ['an empty text', '', 'customId must be 1 to 512 characters long (Unicode code points).'],
    ['513 characters', 'a'.repeat(513), 'customId must be 1 to 512 characters long (Unicode code points).'],
    ['a megabyte', 'a'.repeat(2 ** 20), 'customId must be 1 to 512 characters long (Unicode code points).'],
    ['a NUL', 'a\0b', 'customId must not contain the character NUL (U+0000).'],
    ['a lone surrogate', 'a\uD800b', 'customId must be well-formed Unicode, without lone surrogates.'],
    ['a number', 7, 'customId must be a string.'],
    ['null', null, 'customId must be a string.'],
  ])('refuses %s with the rule it breaks', (_, value, message) => {
    expect(messagesFor(value)).toEqual([message]);
  });

  test('names every rule that a text breaks', () => {
    expect(messagesFor(`\0\uD800${'a'.repeat(600)}`)).toHaveLength(3);
  });
});

test('What is taken at a glance is a custom id by the rule, too', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 500, maxLength: 530 }),
    fc.string(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      if (isPlainCustomId(text)) expect(customIdSchema.safeParse(text).success).toBe(true);
    }),
  );
  expect(isPlainCustomId('a'.repeat(512))).toBe(true);
  expect(isPlainCustomId('a\n')).toBe(false);
});

describe('defaultCustomId', () => {
  test('is a valid custom id, and no two positions share one', () => {
    const positions = fc.integer({ min: 0, max: 2_147_483_646 });
    fc.assert(
      fc.property(positions, positions, (one, other) => {
        expect(customIdSchema.safeParse(defaultCustomId(one)).success).toBe(true);
        expect(defaultCustomId(one) === defaultCustomId(other)).toBe(one === other);
      }),
    );
  });

  test('counts from one, as lines do', () => {
    expect(defaultCustomId(0)).toBe('item-1');
  });
});
