/**
 * Reads the schema for tests that are made from it: which types lie below the lists of rows, how to ask for many
 * of each, and what to select of a field. A field that is new is selected without anybody adding it to a test.
 */
import {
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { schema } from '../../src/schema/index.ts';

type Field = GraphQLField<unknown, unknown>;

/** A type of which many can be asked for at once, one below each of so many rows of a list. */
export interface Place {
  readonly type: GraphQLObjectType;
  /** How it is reached, for titles: `batches › items`. */
  readonly path: string;
  /** The query that makes this selection on each of them. */
  query(selection: string, rows: number): string;
}

/** Every object type that lies below a list of rows, at the place that is nearest to the root. */
export function placesBelowLists(): Place[] {
  const found = new Map<string, Place>();
  const queue: Place[] = fieldsOf(schema.getQueryType()).flatMap((field) => {
    const type = nodeTypeOf(field);
    const query = (selection: string, rows: number) =>
      `{ ${field.name}(first: ${rows}) { edges { node { ${selection} } } } }`;
    return type === null ? [] : [{ type, path: field.name, query }];
  });
  for (const place of queue) {
    if (found.has(place.type.name)) continue;
    found.set(place.type.name, place);
    for (const field of fieldsOf(place.type)) {
      const node = nodeTypeOf(field);
      const type = node ?? objectTypeOf(field);
      if (type === null) continue;
      const head = `${field.name}${callOf(field, node === null ? [] : ['first: 1'])}`;
      const query = (selection: string, rows: number) => {
        const inner = node === null ? selection : `edges { node { ${selection} } }`;
        return place.query(`${head} { ${inner} }`, rows);
      };
      queue.push({ type, path: `${place.path} › ${field.name}`, query });
    }
  }
  return [...found.values()];
}

/** Every way to select a field: as it is, and with each of its arguments that is not about pages. */
export function selectionsOf(field: Field): string[] {
  const node = nodeTypeOf(field);
  const type = node ?? objectTypeOf(field);
  const inner = node === null ? leavesOf(type) : connectionOf(leavesOf(node));
  const optional = field.args.filter((arg) => !isRequiredArgument(arg) && !pageArguments.includes(arg.name));
  const variants = optional.flatMap((arg) => samplesOf(arg.type).map((sample) => `${arg.name}: ${sample}`));
  return [[], ...variants.map((variant) => [variant])].map(
    (given) => `${field.name}${callOf(field, given)} ${inner === '' ? '' : `{ ${inner} }`}`,
  );
}

/** The fields of a type. */
export const fieldsOf = (type: GraphQLObjectType | null | undefined): Field[] =>
  Object.values(type?.getFields() ?? {});

/** All leaves of a type that need no argument, as a selection; empty for no type. */
export const leavesOf = (type: GraphQLObjectType | null): string =>
  fieldsOf(type)
    .filter((field) => isLeafType(getNamedType(field.type)) && !field.args.some(isRequiredArgument))
    .map(({ name }) => name)
    .join(' ');

/** Everything below a type, lists with their cursors; of a type that lies below itself again, only the leaves. */
export function everythingOf(type: GraphQLObjectType, above: readonly GraphQLObjectType[] = []): string {
  if (above.includes(type)) return `__typename ${leavesOf(type)}`;
  const selections = fieldsOf(type).map((field) => {
    const node = nodeTypeOf(field);
    const below = node ?? objectTypeOf(field);
    const head = `${field.name}${callOf(field, [])}`;
    if (below === null) return head;
    const everything = everythingOf(below, [...above, type]);
    return `${head} { ${node === null ? everything : connectionOf(everything)} }`;
  });
  return `__typename ${selections.join(' ')}`;
}

/** What there is to a connection, with this selection on its nodes. */
export const connectionOf = (node: string): string =>
  `totalCount pageInfo { hasNextPage endCursor } edges { cursor node { ${node} } }`;

/** The type of the nodes of a connection; null for any other field. */
export function nodeTypeOf(field: Field): GraphQLObjectType | null {
  const edges = objectTypeOf(field)?.getFields()['edges'];
  const node = edges === undefined ? undefined : objectTypeOf(edges)?.getFields()['node'];
  return node === undefined ? null : objectTypeOf(node);
}

/** The object type of a field, through lists; null for leaves and abstract types. */
export function objectTypeOf(field: Field): GraphQLObjectType | null {
  const type = getNamedType(field.type);
  return isObjectType(type) ? type : null;
}

const pageArguments = ['first', 'last', 'after', 'before'];

function callOf(field: Field, given: readonly string[]): string {
  const required = field.args
    .filter(isRequiredArgument)
    .map((arg) => `${arg.name}: ${samplesOf(arg.type)[0] ?? 'null'}`);
  const all = [...required, ...given];
  return all.length === 0 ? '' : `(${all.join(', ')})`;
}

/** Values of an input type as GraphQL literals; of an input object one for each of its fields. */
function samplesOf(input: GraphQLInputType): string[] {
  const type = getNullableType(input);
  if (isListType(type)) return samplesOf(type.ofType).map((sample) => `[${sample}]`);
  if (isEnumType(type))
    return type
      .getValues()
      .slice(0, 1)
      .map(({ name }) => name);
  if (isInputObjectType(type)) {
    return Object.values(type.getFields()).flatMap((field) =>
      samplesOf(field.type).map((sample) => `{ ${field.name}: ${sample} }`),
    );
  }
  const scalars: Readonly<Record<string, string>> = {
    String: '"item-1"',
    ID: '"01900000-0000-7000-8000-000000000000"',
    Int: '1',
    DateTime: '"2026-01-01T00:00:00Z"',
    Date: '"2026-01-01"',
  };
  const sample = scalars[type.toString()];
  if (sample === undefined) throw new Error(`tests know no value of the type ${type}; add one here`);
  return [sample];
}
