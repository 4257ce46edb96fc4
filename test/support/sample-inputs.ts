/** Inputs made from the schema, for tests that call every mutation that there is or will be. */
import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { schema } from '../../src/schema/index.ts';

/** An id that nothing has. */
export const nobodysId = '01900000-0000-7000-8000-000000000000';

/** The names of all mutations. */
export const mutationNames = Object.keys(schema.getMutationType()?.getFields() ?? {});

/** Those that a key which may only read may call: what it hands on is its reading. */
export const forEveryKey = ['createReadToken'];

/** The least that the mutation's input may be: what it requires, with ids that nothing has. */
export function leastInput(mutation: string): Record<string, unknown> {
  const type = schema.getMutationType()?.getFields()[mutation]?.args[0]?.type;
  if (type === undefined) throw new Error(`there is no mutation ${mutation}`);
  return sampleOf(type) as Record<string, unknown>;
}

function sampleOf(input: GraphQLInputType): unknown {
  const type = getNullableType(input);
  if (isListType(type)) return [sampleOf(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const [inJson] = fields.filter(({ type }) => getNamedType(type).name !== 'File');
    const needed = type.isOneOf ? [inJson ?? fields[0]] : fields.filter(({ type }) => isNonNullType(type));
    return Object.fromEntries(needed.flatMap((field) => (field ? [[field.name, sampleOf(field.type)]] : [])));
  }
  const scalars: Readonly<Record<string, unknown>> = {
    String: 'sample',
    ID: nobodysId,
    UUID: nobodysId,
    Int: 1,
    Boolean: true,
    JSON: {},
    BigInt: 1,
    DateTime: '2027-01-01T00:00:00Z',
    Date: '2027-01-01',
  };
  const value = scalars[type.toString()];
  if (value === undefined) throw new Error(`tests know no value of the type ${type}; add one here`);
  return value;
}
