import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type JsonLine, memberTexts, readJsonLine } from '../../src/domain/json-line.ts';

const lineOf = (text: string): JsonLine => {
  const line = readJsonLine(text);
  if ('problem' in line) throw new Error(`unreadable: ${line.problem}`);
  return line;
};

/** Any well-formed text, escapes and control characters included. */
const anyText = fc.string({ unit: 'binary' });
const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });
/** JSON text as a human or another program may write it: blanks anywhere, escapes where none are needed. */
const writtenString = anyText.chain((text) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((escaped) =>
      text
        .split('')
        .map((unit, at) =>
          escaped[at]
            ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
            : JSON.stringify(unit).slice(1, -1),
        )
        .join(''),
    )
    // A pair of which one half is written raw and the other escaped would not be well-formed text.
    .map((inside) => (inside.isWellFormed() ? `"${inside}"` : JSON.stringify(text))),
);
const writtenNumber = fc.oneof(
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom('0', '-0', '-0.0', '1E5', '1e+5', '10000000000000000000001', '1.10', '1e999'),
);
const { written } = fc.letrec<{ written: string; list: string; object: string }>((tie) => ({
  written: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false'),
    writtenNumber,
    writtenString,
    tie('list'),
    tie('object'),
  ),
  list: fc
    .array(fc.tuple(blank, tie('written'), blank), { maxLength: 4 })
    .map((entries) => `[${entries.map((entry) => entry.join('')).join(',')}]`),
  object: fc
    .array(fc.tuple(blank, writtenString, blank, blank, tie('written'), blank), { maxLength: 4 })
    .map(
      (members) =>
        `{${members.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`).join(',')}}`,
    ),
}));
const writtenMembers = fc.array(
  fc.record({ key: writtenString, value: written, before: blank, after: blank }),
  {
    maxLength: 6,
  },
);

describe('memberTexts', () => {
  test('gives, for any JSON object, one slice per member that parses to the member', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.jsonValue()), fc.constantFrom(0, 1, '\t'), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const members = memberTexts(text);
        expect([...members.keys()].sort()).toEqual(Object.keys(parsed).sort());
        for (const [key, slice] of members) expect(JSON.parse(slice)).toEqual(parsed[key]);
      }),
    );
  });

  test('gives back the very characters of each value, whatever blanks and escapes stand around and in it', () => {
    fc.assert(
      fc.property(writtenMembers, blank, blank, (members, before, after) => {
        const inside = members
          .map(
            (member) =>
              `${member.before}${member.key}${member.after}:${member.before}${member.value}${member.after}`,
          )
          .join(',');
        const expected = new Map(members.map(({ key, value }) => [JSON.parse(key) as string, value]));
        expect(memberTexts(`${before}{${inside}}${after}`)).toEqual(expected);
      }),
    );
  });

  test('has no members for an empty object', () => {
    expect(memberTexts(' { \t} ').size).toBe(0);
  });
});

describe('readJsonLine', () => {
  test.each([
    ['an integer of twenty digits', '12345678901234567890'],
    ['a fraction with its zeros', '1.10'],
    ['a number beyond any double', '1e999'],
    ['minus zero', '-0'],
    ['escaped quotes and backslashes', String.raw`"a \"quoted\" \\ word\\"`],
    ['an escaped NUL', String.raw`"\u0000"`],
    ['an escaped lone surrogate', String.raw`"\ud800 and \uDFFF"`],
    ['a solidus escaped for no reason', String.raw`"\/"`],
    ['brackets, braces and commas inside strings', String.raw`["]", "}", {"{": "[,\"]"}, ","]`],
    ['blanks inside an object', '{ "b" :\t1 ,\r\n "a": [ ] }'],
    ['duplicate keys inside an object', '{"a":1,"a":2}'],
    ['a character outside the basic plane', '"😀"'],
  ])('keeps %s as it was written', (_, value) => {
    const line = lineOf(`{"before": 1, "body" : ${value} ,"after":2}`);
    expect(line.text('body')).toBe(value);
    expect(line.text('before')).toBe('1');
    expect(line.text('after')).toBe('2');
    expect(line.value).toEqual({ before: 1, body: JSON.parse(value), after: 2 });
  });

  test.each(['', ' ', '\t', ' \r\n'])(
    'keeps the whole object as it was written, without the blanks around it: %j',
    (blanks) => {
      const object = '{ "b" : 12345678901234567890, "a" :\t"\\u00e9" , "a": [ ] }';
      expect(lineOf(blanks + object + blanks).raw).toBe(object);
    },
  );

  test('takes the last of several members of the same name, as JSON.parse does, however each is escaped', () => {
    const line = lineOf(String.raw`{"a": 1, "b": 2, "\u0061": 3}`);
    expect(line.text('a')).toBe('3');
    expect(line.value).toEqual({ a: 3, b: 2 });
  });

  test('knows only the members that stand at the top, by their exact names', () => {
    const line = lineOf('{"a": {"inner": 1}, "__proto__": 2, "": 3}');
    expect(line.text('inner')).toBeNull();
    expect(line.text('toString')).toBeNull();
    expect(line.text('__proto__')).toBe('2');
    expect(line.text('')).toBe('3');
  });

  test('reads members inside ten thousand brackets', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    expect(lineOf(`{"a":${deep},"b":1}`).text('a')).toBe(deep);
  });

  test('knows what the text of a member says without parsing it again, and of no other text', () => {
    fc.assert(
      fc.property(writtenMembers, (members) => {
        const line = lineOf(`{${members.map(({ key, value }) => `${key}:${value}`).join(',')}}`);
        expect(line.parsed(line.raw)).toBe(line.value);
        for (const key of Object.keys(line.value)) {
          const text = line.text(key) ?? '';
          const value: unknown = JSON.parse(text);
          if (text !== line.raw) expect(line.parsed(text)).toEqual(isJsonObject(value) ? value : null);
        }
        expect(line.parsed('{"no":"member"}')).toBeNull();
      }),
    );
  });

  test.each([
    ['a text that is not JSON', '{"a":1', 'is not JSON'],
    ['an empty line', '', 'is not JSON'],
    ['two values', '{} {}', 'is not JSON'],
    ['a byte order mark', '\uFEFF{}', 'is not JSON'],
    ['a list', '[{}]', 'is not a JSON object'],
    ['null', 'null', 'is not a JSON object'],
    ['a string', '"{}"', 'is not a JSON object'],
    ['a raw lone surrogate', '{"a":"\uD800"}', 'is not well-formed Unicode'],
  ])('refuses %s', (_, text, problem) => {
    expect(readJsonLine(text)).toEqual({ problem });
  });

  test('never throws, and reads exactly what JSON.parse reads as an object', () => {
    const cut = fc.tuple(written, fc.nat(40)).map(([text, length]) => text.slice(0, length));
    fc.assert(
      fc.property(fc.oneof(anyText, written, cut), (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expected = undefined;
        }
        const line = readJsonLine(text);
        expect('problem' in line).toBe(!text.isWellFormed() || !isJsonObject(expected));
        if (!('problem' in line)) expect(line.value).toEqual(expected);
      }),
    );
  });
});
