/** What the schema promises before anybody asks it: that it is written down, described, bounded and one shape. */
import { readFileSync } from 'node:fs';
import {
  type GraphQLNamedType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { printedSchema } from '../../src/cli/printed-schema.ts';
import { schema } from '../../src/schema/index.ts';
import { fieldsOf, nodeTypeOf } from '../support/selections.ts';

const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);
const objects = types.filter((type) => isObjectType(type));
const outputFields = objects.flatMap((type) => fieldsOf(type).map((field) => ({ type, field })));
const nameOf = ({ type, field }: (typeof outputFields)[number]) => `${type.name}.${field.name}`;

/** Everything in a type that can be described, by name. */
function described(type: GraphQLNamedType): [name: string, description: string][] {
  const own: [string, string][] = [[type.name, type.description ?? '']];
  const add = (name: string, { description }: { description?: string | null | undefined }) =>
    own.push([`${type.name}.${name}`, description ?? '']);
  if (isEnumType(type)) for (const value of type.getValues()) add(value.name, value);
  if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) add(field.name, field);
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      add(field.name, field);
      for (const arg of field.args) add(`${field.name}(${arg.name}:)`, arg);
    }
  }
  return own;
}

describe('The schema', () => {
  it('stands in schema.graphql as the code prints it (else: npm run schema)', () => {
    const file = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    expect(file).toBe(printedSchema());
  });

  it('describes every type, field, argument, input field and enum value in a few words', () => {
    const all = types.flatMap(described);
    expect(all.length).toBeGreaterThan(300);
    const short = all.filter(([, description]) => !/^\S+(\s+\S+){2,}$/.test(description.trim()));
    expect(short).toEqual([]);
  });

  it('names for each of its own scalars where it is specified', () => {
    const scalars = types.filter((type) => isScalarType(type));
    expect(scalars.map(({ name }) => name).sort()).toEqual([
      'BigInt',
      'Date',
      'DateTime',
      'Decimal',
      'File',
      'JSON',
      'URL',
      'UUID',
    ]);
    for (const scalar of scalars) expect(URL.canParse(scalar.specifiedByURL ?? ''), scalar.name).toBe(true);
  });

  it('says of every list of rows that is not a connection how long it can be', () => {
    const lists = outputFields.filter(({ field }) => {
      const type = getNullableType(field.type);
      return isListType(type) && !isLeafType(getNamedType(type)) && field.name !== 'edges';
    });
    expect(lists.map(nameOf)).toContain('Query.nodes');
    // What this version of the service consists of, not what callers fill.
    const unbounded = lists.filter(
      (list) =>
        !/^(?:Query\.providers|Provider\.)/.test(nameOf(list)) &&
        !/(at most|up to) [\d,]+/.test(list.field.description ?? ''),
    );
    expect(unbounded.map(nameOf)).toEqual([]);
  });

  it('has no null in a list but where a node is missing', () => {
    const withNulls = outputFields.filter(({ field }) => {
      const type = getNullableType(field.type);
      return isListType(type) && !isNonNullType(type.ofType);
    });
    expect(withNulls.map(nameOf)).toEqual(['Query.nodes']);
  });

  it('says of every field of Query that can be null when it is', () => {
    const nullable = outputFields.filter(
      ({ type, field }) => type.name === 'Query' && !isNonNullType(field.type),
    );
    expect(nullable.map(nameOf).sort()).toEqual(['Query.batch', 'Query.node']);
    for (const { field } of nullable) expect(field.description).toMatch(/\bnull where\b/);
  });

  it('answers every mutation with a union of one payload and errors that have a code and a message', () => {
    const errorInterface = schema.getType('Error');
    for (const field of fieldsOf(schema.getMutationType())) {
      const result = getNamedType(field.type);
      const name = `${field.name[0]?.toUpperCase()}${field.name.slice(1)}`;
      if (!isUnionType(result)) throw new Error(`${field.name} answers no union`);
      const [errors, payloads] = [true, false].map((isError) =>
        result
          .getTypes()
          .filter((member) => member.getInterfaces().some((own) => own === errorInterface) === isError),
      );
      const further = field.name === 'createBatch' ? ['DryRunPayload'] : [];
      expect(payloads?.map((member) => member.name).sort()).toEqual([`${name}Payload`, ...further]);
      expect(errors?.map((member) => member.name)).toContain('ValidationError');
      expect(field.args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${name}Input!`]);
    }
  });

  it('gives every connection the same shape, with a total', () => {
    const connections = outputFields.filter(({ field }) => nodeTypeOf(field) !== null);
    expect(connections.map(nameOf).sort()).toEqual([
      'Batch.audit',
      'Batch.events',
      'Batch.items',
      'Batch.jobs',
      'BatchCallback.attempts',
      'BatchItem.attempts',
      'Organization.apiKeys',
      'Organization.audit',
      'Organization.credentials',
      'Query.batches',
      'Query.jobs',
    ]);
    for (const { field } of connections) {
      const type = getNamedType(field.type);
      const shape = isObjectType(type) ? fieldsOf(type).map(({ name }) => name) : [];
      expect(shape.sort()).toEqual(['edges', 'pageInfo', 'totalCount']);
      expect(field.args.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['first', 'after', 'last', 'before']),
      );
    }
  });

  it('deprecates nothing and calls nothing by an abbreviation', () => {
    const names = types.flatMap(described).map(([name]) => name);
    expect(names.filter((name) => /(?:Cnt|Num|Ts|Msg|Err|Cfg|Req|Resp)(?![a-z])/.test(name))).toEqual([]);
    expect(printedSchema()).not.toContain('@deprecated');
  });
});
