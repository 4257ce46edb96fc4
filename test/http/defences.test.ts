/** What operations are measured to be: figures that a reader of the operation can check by hand. */
import { buildSchema, getIntrospectionQuery, parse, Source } from 'graphql';
import { describe, expect, it } from 'vitest';
import { usualQueryLimits } from '../../src/domain/query-limits.ts';
import { complexityOf } from '../../src/http/defences/complexity.ts';
import { createDocumentCache } from '../../src/http/defences/document-cache.ts';
import { introspects, measure } from '../../src/http/defences/measure.ts';
import { nestingOf, unparsable } from '../../src/http/defences/nesting.ts';
import { schema } from '../../src/schema/index.ts';

const measured = (text: string) => measure(parse(text));
const complexity = (text: string, variableValues: Record<string, unknown> = {}, operationName?: string) =>
  complexityOf({ schema, document: parse(text), variableValues, operationName });

describe('The measures of a document', () => {
  it.each<[string, Record<string, number>]>([
    ['{ a }', { depth: 1, breadth: 1, fields: 1, aliases: 0, directives: 0 }],
    ['{ a { b { c } } d }', { depth: 3, breadth: 2, fields: 4 }],
    ['{ x: a y: b @skip(if: true) }', { aliases: 2, directives: 1, fields: 2 }],
    ['{ a ... { b ... { c } } }', { depth: 1, breadth: 3, fields: 3 }],
    [
      '{ ...F a { ...F } } fragment F on Query { x: b { c } }',
      { depth: 3, fields: 5, breadth: 2, aliases: 2 },
    ],
    ['query One { a } query Two { a { b { c } } }', { depth: 3, fields: 3 }],
    ['query ($x: Int @a) @b { a @c }', { directives: 3 }],
    ['fragment F on Query { a { b } }', { depth: 0, fields: 0 }],
  ])('of %s are what one counts by hand', (text, expected) => {
    expect(measured(text)).toMatchObject(expected);
  });

  it('are counted of documents that are wrong, too: fragments that are missing or go in circles', () => {
    expect(measured('{ ...Nothing a }')).toMatchObject({ fields: 1 });
    expect(measured('{ ...A } fragment A on Query { a ...B } fragment B on Query { b ...A }')).toMatchObject({
      fields: 2,
    });
  });

  it('grow with fragments that double themselves, in the time of their text', () => {
    const doubling = Array.from(
      { length: 200 },
      (_, at) => `fragment F${at} on Query { a { ...F${at + 1} } b { ...F${at + 1} } }`,
    ).join('\n');
    const { fields = 0, depth } = measured(`{ ...F0 } ${doubling} fragment F200 on Query { c }`);
    expect(fields).toBeGreaterThan(2 ** 200);
    expect(depth).toBe(201);
  });

  it('know an introspection from __typename', () => {
    expect(introspects(parse('{ viewer { __typename } }'))).toBe(false);
    expect(introspects(parse('{ a: __type(name: "Batch") { name } }'))).toBe(true);
    expect(introspects(parse(getIntrospectionQuery()))).toBe(true);
  });
});

describe('The complexity of an operation', () => {
  it.each<[string, number, Record<string, unknown>?]>([
    ['{ viewer { sandbox } }', 2],
    ['{ batches(first: 10) { totalCount edges { node { id } } } }', 1 + 1 + 1 + 10 * (1 + 1)],
    ['{ batches(last: 10) { edges { cursor } } }', 1 + 1 + 10],
    ['{ batches { edges { cursor } } }', 1 + 1 + 50],
    [
      '{ batches(first: 10) { edges { node { items(first: 100) { edges { cursor } } } } } }',
      2 + 10 * (1 + 1 + 1 + 100),
    ],
    ['query($n: Int) { batches(first: $n) { edges { cursor } } }', 1 + 1 + 7, { n: 7 }],
    ['query($n: Int = 8) { batches(first: $n) { edges { cursor } } }', 1 + 1 + 8],
    ['query($n: Int) { batches(first: $n, last: 9) { edges { cursor } } }', 1 + 1 + 9, { n: null }],
    ['query($n: Int) { batches(first: $n) { edges { cursor } } }', 1 + 1 + 50, {}],
    ['{ batches(first: 3) { ...Page } } fragment Page on BatchConnection { edges { cursor } }', 1 + 1 + 3],
    [
      '{ a: batches(first: 3) { ...Page } b: batches(first: 4) { ...Page } } fragment Page on BatchConnection { edges { cursor } }',
      2 + 3 + 2 + 4,
    ],
    ['{ nodes(ids: ["a", "b", "c"]) { id } }', 1 + 3],
    ['query($ids: [ID!]!) { nodes(ids: $ids) { id } }', 1 + 2, { ids: ['a', 'b'] }],
    ['{ node(id: "a") { id ... on Batch { name errorGroups { code } } } }', 1 + 1 + 1 + 1 + 100],
    ['subscription { batchItemsFinished(batchId: "a") { items { id } } }', 1 + 1 + 1000],
    ['mutation { deleteBatch(input: { batchId: "a" }) { __typename } }', 100 + 1 + 1],
    ['{ batches(first: -5) { edges { cursor } } }', 1 + 1],
  ])('of %s is the number of fields that the answer can have', (text, expected, variables) => {
    expect(complexity(text, variables)).toBe(expected);
  });

  it('is that of the operation that is named, and 0 of one that is not there', () => {
    const text = 'query One { viewer { sandbox } } query Two { batches(first: 5) { edges { cursor } } }';
    expect(complexity(text, {}, 'Two')).toBe(7);
    expect(complexity(text, {}, 'Three')).toBe(0);
  });

  it('of fragments that double themselves is known in the time of their text', () => {
    const doubling = Array.from(
      { length: 100 },
      (_, at) =>
        `fragment F${at} on Batch { a: jobs(first: 9) { edges { node { batch { ...F${at + 1} } } } } b: jobs(first: 9) { edges { node { batch { ...F${at + 1} } } } } }`,
    ).join('\n');
    const text = `{ batch(id: "a") { ...F0 } } ${doubling} fragment F100 on Batch { id }`;
    expect(complexity(text)).toBeGreaterThan(18 ** 100);
  });

  it('counts a list as twenty where nobody said how long it is', () => {
    const small = buildSchema('type Query { things: [Thing!]! } type Thing { name: String }');
    expect(complexityOf({ schema: small, document: parse('{ things { name } }') })).toBe(21);
  });
});

describe('What is not even parsed', () => {
  const limits = { ...usualQueryLimits, tokens: 100, depth: 5, nesting: 5 };
  const codeOf = (text: string) => unparsable(new Source(text), limits)?.extensions;

  it('is a document of too many tokens, counted no further than the limit', () => {
    expect(codeOf(`{ ${'a '.repeat(98)} }`)).toBeUndefined();
    expect(codeOf(`{ ${'a '.repeat(99)} }`)).toMatchObject({
      code: 'QUERY_TOO_LONG',
      limit: 100,
      value: 101,
    });
  });

  it('is one with more brackets inside of each other than depth and values together may have', () => {
    const nested = (levels: number) => `{ a(b: ${'['.repeat(levels)}1${']'.repeat(levels)}) }`;
    expect(codeOf(nested(8))).toBeUndefined();
    expect(codeOf(nested(9))).toMatchObject({ code: 'QUERY_TOO_DEEP', limit: 10, value: 11 });
  });

  it('is no document that only the parser can judge', () => {
    expect(codeOf('{ a ? }')).toBeUndefined();
    expect(codeOf('')).toBeUndefined();
  });
});

it('The nesting of a value is counted as deep as the limit, however deep it is', () => {
  expect(nestingOf({}, 10)).toBe(1);
  expect(nestingOf({ a: [1, { b: null }] }, 10)).toBe(3);
  let deep: unknown = 0;
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  expect(nestingOf(deep, 10)).toBe(11);
});

describe('The cache of parsed documents', () => {
  const document = parse('{ a }');

  it('forgets what was asked for the longest ago, and holds no more than its measure', () => {
    const cache = createDocumentCache();
    const text = (at: number) => `${at}`.padEnd(10_000, ' ');
    for (let at = 0; at < 50; at += 1) cache.set(text(at), document);
    expect(cache.get(text(0))).toBe(document);
    cache.set(text(50), document);
    expect(cache.get(text(1))).toBeUndefined();
    expect(cache.get(text(0))).toBe(document);
  });

  it('does not hold a large document', () => {
    const cache = createDocumentCache();
    cache.set('a'.repeat(20_001), document);
    expect(cache.get('a'.repeat(20_001))).toBeUndefined();
  });
});
