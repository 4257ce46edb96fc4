/** Operations made from the schema whose arguments have values of any kind: a new field is tried without anybody adding it. */
import fc from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLInputType,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
} from 'graphql';
import { schema } from '../../src/schema/index.ts';
import { oddJson, oddTexts } from './fuzz.ts';

type Operation = 'query' | 'mutation' | 'subscription';

/** An operation of these kinds on one root field whose arguments have any values whatever. */
export function anyOperation(...kinds: readonly Operation[]): fc.Arbitrary<{
  query: string;
  variables: Record<string, unknown>;
}> {
  const fields = kinds.flatMap((operation) =>
    Object.values(schema.getRootType(operation)?.getFields() ?? {})
      .filter(({ args }) => args.length > 0)
      .map((field) => ({ operation, field })),
  );
  return fc.constantFrom(...fields).chain(({ operation, field }) => {
    const head = field.args.map(({ name, type }) => `$${name}: ${type}`).join(', ');
    const call = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
    const inner = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }';
    const query = `${operation}(${head}) { ${field.name}(${call}) ${inner} }`;
    return fc
      .record(Object.fromEntries(field.args.map((argument) => [argument.name, valuesOf(argument)])), {
        requiredKeys: [],
      })
      .map((variables) => ({ query, variables }));
  });
}

const valuesOf = ({ type }: Pick<GraphQLArgument, 'type'>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 1, arbitrary: oddJson }, { weight: 4, arbitrary: typed(type) });

/** Values that GraphQL takes for the type, so that what stands behind it gets to see them; with odd ones inside. */
function typed(type: GraphQLInputType, depth = 0): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return typed(type.ofType, depth);
  if (isListType(type)) return fc.array(typed(type.ofType, depth + 1), { maxLength: 3 });
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(({ type }) => depth < 4 || isNonNullType(type));
    const values = fields.map((field) => [field.name, typed(field.type, depth + 1)] as const);
    if (type.isOneOf)
      return fc.oneof(...values.map(([name, value]) => value.map((one) => ({ [name]: one }))));
    const required = fields.filter((field) => isNonNullType(field.type)).map(({ name }) => name);
    return fc.record(Object.fromEntries(values), { requiredKeys: required });
  }
  const named = getNamedType(type);
  if ('getValues' in named) return fc.constantFrom(...named.getValues().map(({ name }) => name));
  return leaves[named.name] ?? fc.constantFrom(...oddTexts);
}

const leaves: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Int: fc.constantFrom(0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 1000),
  Float: fc.constantFrom(0, -1.5, 1e308),
  Boolean: fc.boolean(),
  BigInt: fc.constantFrom('0', '-1', '9'.repeat(30), 1, 2 ** 53),
  DateTime: fc.constantFrom('2026-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', 'x'),
  Date: fc.constantFrom('2026-01-01', '0000-01-01', '9999-12-31', '2026-02-30', 'x'),
  JSON: oddJson,
  ID: fc.oneof(fc.constantFrom(...oddTexts), fc.constant('01900000-0000-7000-8000-000000000000')),
};
