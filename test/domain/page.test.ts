import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageWindow } from '../../src/domain/page.ts';
import { ArgumentError } from '../../src/errors.ts';

const size = { max: 100, default: 20 };

/** The argument error that a call throws; fails where it throws nothing or anything else. */
const argumentErrorOf = (call: () => unknown): { argument: string; message: string } => {
  try {
    call();
  } catch (error) {
    if (error instanceof ArgumentError) return { argument: error.argument, message: error.message };
    throw error;
  }
  throw new Error('threw nothing');
};

describe('pageWindow', () => {
  const limits = fc.integer({ min: 0, max: 100 });
  const cursors = fc.option(fc.string(), { nil: undefined });

  test('reads forward by first, backward by last, and bounds both by the cursors', () => {
    fc.assert(
      fc.property(limits, cursors, cursors, (limit, after, before) => {
        const between = { after: after ?? null, before: before ?? null };
        expect(pageWindow({ first: limit, after, before }, size)).toEqual({
          direction: 'forward',
          limit,
          ...between,
        });
        expect(pageWindow({ last: limit, after, before }, size)).toEqual({
          direction: 'backward',
          limit,
          ...between,
        });
      }),
    );
  });

  test('reads the default number forward where none is asked for', () => {
    const window = { direction: 'forward', limit: 20, after: null, before: null };
    expect(pageWindow({}, size)).toEqual(window);
    expect(pageWindow({ first: null, after: null, last: null, before: null }, size)).toEqual(window);
  });

  test.each(['first', 'last'] as const)(
    'refuses a "%s" that is negative, fractional or above the limit',
    (argument) => {
      const outside = fc.oneof(
        fc.integer({ max: -1 }),
        fc.integer({ min: 101 }),
        fc.constantFrom(0.5, Number.NaN),
      );
      fc.assert(
        fc.property(outside, (asked) => {
          expect(argumentErrorOf(() => pageWindow({ [argument]: asked }, size))).toEqual({
            argument,
            message: `"${argument}" must be a whole number from 0 to 100; it is ${asked}.`,
          });
        }),
      );
    },
  );

  test('refuses first together with last', () => {
    expect(argumentErrorOf(() => pageWindow({ first: 1, last: 1 }, size))).toEqual({
      argument: 'last',
      message: '"first" and "last" cannot be used together.',
    });
  });
});

describe('cursors', () => {
  const schema = z.tuple([z.string(), z.int()]);
  const keys = fc.tuple(fc.string({ unit: 'binary' }), fc.maxSafeInteger());
  const decode = (text: string) => decodeCursor('batches', 'after', text, schema);
  const refusal = { argument: 'after', message: '"after" is not a cursor of this list.' };

  test('give back the keys they were made of, from a text that is safe in a URL', () => {
    fc.assert(
      fc.property(keys, (any) => {
        fc.pre(!Object.is(any[1], -0));
        const cursor = encodeCursor('batches', any);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decode(cursor)).toEqual(any);
      }),
    );
  });

  test('of one list are not cursors of another', () => {
    expect(argumentErrorOf(() => decode(encodeCursor('jobs', ['a', 1])))).toEqual(refusal);
  });

  test('are refused by the name of the argument that carried them', () => {
    expect(argumentErrorOf(() => decodeCursor('batches', 'before', 'x', schema))).toEqual({
      argument: 'before',
      message: '"before" is not a cursor of this list.',
    });
  });

  const cursorOf = (json: string): string => Buffer.from(json).toString('base64url');

  test.each([
    ['an empty text', ''],
    ['what is not base64url', 'not a cursor!'],
    ['standard base64 with padding', Buffer.from('["batches","a",1]').toString('base64')],
    ['a blank at the end', `${encodeCursor('batches', ['a', 1])} `],
    ['what is not JSON', cursorOf('["batches","a",1')],
    ['JSON that is no list', cursorOf('{"0":"batches","1":"a","2":1}')],
    ['an empty list', cursorOf('[]')],
    ['too few keys', encodeCursor('batches', ['a'])],
    ['too many keys', encodeCursor('batches', ['a', 1, 2])],
    ['keys of wrong types', encodeCursor('batches', [1, 'a'])],
    ['a number that is none', encodeCursor('batches', ['a', Number.NaN])],
    ['a nested key', cursorOf('["batches",["a"],1]')],
    ['another spelling of the same JSON', cursorOf('["batches", "a", 1.0]')],
    ['bytes that are not UTF-8', Buffer.from('["batches","\xff",1]', 'latin1').toString('base64url')],
  ])('that are %s are refused', (_, text) => {
    expect(argumentErrorOf(() => decode(text))).toEqual(refusal);
  });

  test('that anyone makes up are refused or read as keys of the right types, and nothing else happens', () => {
    const json = fc.array(fc.jsonValue()).map((values) => cursorOf(JSON.stringify(['batches', ...values])));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), json), (text) => {
        try {
          expect(encodeCursor('batches', decode(text))).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ArgumentError);
        }
      }),
    );
  });

  test('can be read into other values, such as dates', () => {
    const dated = z.tuple([z.iso.datetime().transform((text) => new Date(text)), z.uuid()]);
    const id = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
    const cursor = encodeCursor('jobs', ['2026-01-01T00:00:00.000Z', id]);
    expect(decodeCursor('jobs', 'after', cursor, dated)).toEqual([new Date('2026-01-01T00:00:00Z'), id]);
  });
});
