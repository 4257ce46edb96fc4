/**
 * Calls mutations and answers whichever member of the union comes, in full: the document is made from the schema,
 * so that a test compares with every field that a typed error has, also with one that is new.
 */
import { type GraphQLObjectType, getNamedType, isLeafType, isObjectType, isUnionType } from 'graphql';
import { schema } from '../../src/schema/index.ts';
import { leavesOf } from './selections.ts';
import type { TestService } from './service.ts';

/** What a mutation is called with beside its input. */
export interface MutationOptions {
  readonly key?: string;
  /** What to select of the batch in a payload. */
  readonly batch?: string;
}

/** The member that the mutation answers, as plain data; throws where the answer has top-level errors. */
export async function mutate(
  service: TestService,
  name: string,
  input: Record<string, unknown>,
  { key, batch }: MutationOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
): Promise<any> {
  const { data, errors } = await service.query(mutationDocument(name, batch), { input }, key);
  if (errors !== undefined) throw new Error(`${name} answered errors: ${JSON.stringify(errors)}`);
  return data[name];
}

/** The document that `mutate` sends, for tests that send it their own way. */
export function mutationDocument(name: string, batch = 'id status'): string {
  const field = schema.getMutationType()?.getFields()[name];
  const result = field === undefined ? undefined : getNamedType(field.type);
  if (field === undefined || !isUnionType(result)) throw new Error(`there is no mutation ${name}`);
  const members = result.getTypes().map((member) => `... on ${member.name} { ${fieldsOf(member, batch)} }`);
  return `mutation($input: ${field.args[0]?.type}) { ${name}(input: $input) { __typename ${members.join(' ')} } }`;
}

/** Every field of a member: leaves as they are, one level of objects with their leaves, a batch as asked. */
function fieldsOf(type: GraphQLObjectType, batch: string): string {
  const selections = Object.values(type.getFields()).map((field) => {
    const inner = getNamedType(field.type);
    if (isLeafType(inner)) return field.name;
    if (inner.name === 'Batch') return `${field.name} { ${batch} }`;
    return `${field.name} { ${leavesOf(isObjectType(inner) ? inner : null)} }`;
  });
  return selections.join(' ');
}
