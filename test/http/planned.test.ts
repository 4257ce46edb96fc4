/** What is executed by a plan is what GraphQL's own executor tells, or nothing. */
import fc from 'fast-check';
import {
  execute,
  GraphQLID,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  parse,
  responsePathAsArray,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/http/planned/plan.ts';
import { run } from '../../src/http/planned/run.ts';

const must = <Type extends ConstructorParameters<typeof GraphQLNonNull>[0]>(type: Type) =>
  new GraphQLNonNull(type);
const numbers = { of: { type: must(GraphQLInt), defaultValue: 3 }, more: { type: GraphQLInt } };

const Named = new GraphQLInterfaceType({ name: 'Named', fields: { name: { type: must(GraphQLString) } } });

interface ThingModel {
  readonly name: string;
}
const things: readonly ThingModel[] = [
  { name: 'one "of" three' },
  { name: '' },
  { name: 'drei\u2028\ud83d\ude00' },
];

/** A type with everything that a field can be, and can come to. */
const Thing: GraphQLObjectType<ThingModel> = new GraphQLObjectType<ThingModel>({
  name: 'Thing',
  interfaces: [Named],
  fields: () => ({
    name: { type: must(GraphQLString) },
    missing: { type: GraphQLString },
    id: { type: must(GraphQLID), resolve: ({ name }) => name.length },
    late: { type: must(GraphQLString), resolve: async ({ name }) => name },
    sum: { type: GraphQLInt, args: numbers, resolve: (_thing, { of, more }) => of + (more ?? 0) },
    where: {
      type: must(GraphQLString),
      resolve: (_thing, _args, _context, { path, fieldName }) =>
        `${fieldName} ${responsePathAsArray(path).join('/')}`,
    },
    itself: { type: must(Thing), resolve: (thing) => thing },
    later: { type: Thing, resolve: async (thing) => thing },
    nobody: { type: Thing, resolve: async () => null },
    all: { type: must(new GraphQLList(must(Thing))), resolve: () => things },
    some: {
      type: new GraphQLList(Thing),
      resolve: async () => [things[0], null, Promise.resolve(things[1]), undefined],
    },
    named: { type: Named, resolve: (thing) => ({ ...thing, __typename: 'Thing' }) },
    throws: {
      type: GraphQLString,
      resolve: () => {
        throw new Error('thrown');
      },
    },
    rejects: { type: must(GraphQLString), resolve: async () => Promise.reject(new Error('rejected')) },
    lacks: { type: must(GraphQLString), resolve: () => null },
    badly: { type: GraphQLInt, resolve: () => 'no number' },
    faulty: { type: new GraphQLList(GraphQLString), resolve: () => ['well', new Error('not well')] },
  }),
});
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      thing: { type: Thing, resolve: () => things[0] },
      things: { type: must(new GraphQLList(must(Thing))), resolve: async () => things },
    },
  }),
});

/** What both tell of a document: the plan's null where it tells nothing. */
async function both(text: string, variableValues: Record<string, unknown> = {}, operationName?: string) {
  const document = parse(text);
  expect(validate(schema, document)).toEqual([]);
  const args = { schema, document, variableValues, operationName, contextValue: {} };
  const plan = planOf(schema, document, operationName);
  return {
    isPlanned: plan !== null,
    planned: plan === null ? null : JSON.stringify(await run(plan, args)),
    executed: JSON.stringify(await execute(args)),
  };
}

describe('A query that is executed by its plan', () => {
  it.each<[string, Record<string, unknown>?, string?]>([
    ['{ thing { name missing id late sum where } }'],
    ['{ things { where itself { where all { where later { where } } } } }'],
    ['{ things { some { name late } nobody { name } } }'],
    ['{ x: thing { second: sum(of: 1, more: 2) first: sum(more: 1) __typename } __typename }'],
    ['query ($n: Int = 7) { thing { all { sum(of: $n) } } }'],
    ['query ($n: Int = 7, $m: Int) { thing { sum(of: $n, more: $m) } }', { n: 1, m: 2 }],
    ['query One { thing { name } } query Two { thing { late } }', {}, 'Two'],
    ['{ thing { ...F ... on Named { name } ... { id } } } fragment F on Thing { name late }'],
    ['{ thing { constructor: name toString: id hasOwnProperty: late } }'],
  ])('answers %s as GraphQL does', async (text, variables, operationName) => {
    const { planned, executed } = await both(text, variables, operationName);
    expect(planned).toBe(executed);
  });

  it.each<[string, Record<string, unknown>?]>([
    ['{ thing { name throws } }'],
    ['{ things { later { rejects } } }'],
    ['{ things { all { lacks } } }'],
    ['{ thing { badly late } }'],
    ['{ thing { faulty } }'],
    ['query ($n: Int!) { thing { sum(of: $n) } }', { n: 'x' }],
    ['query ($n: Int) { thing { sum(of: $n) } }', { n: null }],
  ])('tells nothing of %s, in which something is wrong', async (text, variables) => {
    const { isPlanned, planned, executed } = await both(text, variables);
    expect(isPlanned).toBe(true);
    expect(planned).toBe('null');
    expect(executed).toContain('"errors"');
  });

  it.each([
    ['{ thing { named { name } } }', 'what a type is shows only in the answer'],
    ['{ thing { name @skip(if: false) } }', 'a directive'],
    ['{ thing { itself { name } itself { id } } }', 'one object of two selections'],
    ['{ thing { __proto__: name } }', 'a name that no object can have'],
    ['{ __schema { queryType { name } } }', 'the schema itself'],
    ['{ ...A ...A } fragment A on Query { a: thing { id } }', 'one object of two fragments'],
  ])('has no plan where there is %s: %s', async (text) => {
    expect(await both(text)).toMatchObject({ isPlanned: false });
  });

  it('has no plan with more fields than its text has room for, which fragments could make', () => {
    const doubling = Array.from(
      { length: 12 },
      (_, at) => `fragment F${at} on Thing { a: itself { ...F${at + 1} } b: itself { ...F${at + 1} } }`,
    ).join('\n');
    const document = parse(`{ thing { ...F0 } } ${doubling} fragment F12 on Thing { id }`);
    expect(planOf(schema, document, null)).toBeNull();
  });

  it('answers every query as GraphQL does, or gives up where that tells of errors', async () => {
    const leaf = fc.constantFrom(
      ...['name', 'missing', 'id', 'late', 'where', '__typename', 'sum', 'sum(of: 1)', 'sum(more: $n)'],
      ...['throws', 'rejects', 'lacks', 'badly', 'faulty'],
    );
    const { selection } = fc.letrec<{ selection: string; field: string }>((tie) => ({
      selection: fc.array(tie('field'), { minLength: 1, maxLength: 4 }).map(
        // Aliases, so that no two of them meet.
        (fields) => `{ ${fields.map((field, at) => `f${at}: ${field}`).join(' ')} }`,
      ),
      field: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc
          .tuple(fc.constantFrom('itself', 'later', 'nobody', 'all', 'some'), tie('selection'))
          .map(([name, inner]) => `${name} ${inner}`),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(selection, fc.option(fc.integer({ min: 0, max: 9 })), async (inner, n) => {
        const { isPlanned, planned, executed } = await both(
          `query ($n: Int) { thing { sum(more: $n) } things ${inner} }`,
          n === null ? {} : { n },
        );
        expect(isPlanned).toBe(true);
        expect(planned).toBe(executed.includes('"errors"') ? 'null' : executed);
      }),
    );
  });
});
