/**
 * The complexity of an operation: the most fields that its answer can have, so that what it is refused for can be read
 * off its text. A connection is as long as `first` or `last` says, and what is inside of it counts that many times,
 * connections in connections included. Needs a document that GraphQL found valid.
 */
import {
  type DocumentNode,
  type FieldNode,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getOperationAST,
  isAbstractType,
  isCompositeType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { fragmentsOf } from './measure.ts';

/** How long a connection without `first` and `last` counts: as the longest of the usual pages. */
const usualPage = 50;
/** How long a list counts about which the schema says nothing. */
const usualList = 20;
/** What a mutation counts beside the fields of its answer: it writes. */
const mutationCost = 100;

/** What is executed: a document, which of its operations, and its variables. */
export interface Execution {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The complexity; of a subscription, that of one event. 0 where there is no such operation, which nobody executes. */
export function complexityOf({ schema, document, operationName, variableValues }: Execution): number {
  const operation = getOperationAST(document, operationName);
  if (operation === null || operation === undefined) return 0;
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();
  const numberIn = (node: FieldNode, names: readonly string[]): number | null =>
    lengthIn(node, names, operation, variableValues ?? {});

  /** `page`: how long the connection is that these selections are made on. */
  function costOf(selections: SelectionSetNode, typeName: string, page: number): number {
    let cost = 0;
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) cost += costOfField(selection, typeName, page);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        cost += costOf(selection.selectionSet, selection.typeCondition?.name.value ?? typeName, page);
      else cost += costOfFragment(selection.name.value, page);
    }
    return cost;
  }

  function costOfFragment(name: string, page: number): number {
    const key = `${name} ${page}`;
    const fragment = fragments.get(name);
    if (fragment === undefined) return 0;
    const cost = known.get(key) ?? costOf(fragment.selectionSet, fragment.typeCondition.name.value, page);
    known.set(key, cost);
    return cost;
  }

  function costOfField(node: FieldNode, typeName: string, page: number): number {
    const field = fieldOf(schema, typeName, node.name.value);
    const type = field === null ? null : getNamedType(field.type);
    if (node.selectionSet === undefined || field === null || !isCompositeType(type)) return 1;
    if (isConnection(field)) {
      return 1 + costOf(node.selectionSet, type.name, numberIn(node, ['first', 'last']) ?? usualPage);
    }
    return 1 + lengthOf(field, node, page) * costOf(node.selectionSet, type.name, usualPage);
  }

  function lengthOf(field: GraphQLField<unknown, unknown>, node: FieldNode, page: number): number {
    if (!isListType(getNullableType(field.type))) return 1;
    if (field.name === 'edges') return page;
    const said: unknown = field.extensions['listSize'];
    if (typeof said === 'number') return said;
    return typeof said === 'string' ? (numberIn(node, [said]) ?? usualList) : usualList;
  }

  const root = schema.getRootType(operation.operation);
  const written = operation.operation === 'mutation' ? operation.selectionSet.selections.length : 0;
  return root == null ? 0 : costOf(operation.selectionSet, root.name, usualPage) + written * mutationCost;
}

/** A field of the type; null for `__typename`, and for what asks for the schema itself, of which there is only one. */
function fieldOf(
  schema: GraphQLSchema,
  typeName: string,
  name: string,
): GraphQLField<unknown, unknown> | null {
  const type = schema.getType(typeName);
  const hasFields = isObjectType(type) || (isAbstractType(type) && 'getFields' in type);
  return hasFields ? (type.getFields()[name] ?? null) : null;
}

const isConnection = ({ args, type }: GraphQLField<unknown, unknown>): boolean => {
  const named = getNamedType(type);
  return (
    args.some(({ name }) => name === 'first') &&
    isObjectType(named) &&
    named.getFields()['edges'] !== undefined
  );
};

/** The largest number, or length of a list, that these arguments have; null where none of them says one. */
function lengthIn(
  { arguments: given = [] }: FieldNode,
  names: readonly string[],
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number | null {
  const lengths = given
    .filter(({ name }) => names.includes(name.value))
    .map(({ value }) => {
      if (value.kind !== Kind.VARIABLE) return lengthOfLiteral(value);
      const name = value.name.value;
      if (variables[name] !== undefined) return lengthOfValue(variables[name]);
      const usual = variableDefinitions.find(({ variable }) => variable.name.value === name)?.defaultValue;
      return usual === undefined ? null : lengthOfLiteral(usual);
    })
    .filter((length) => length !== null);
  return lengths.length === 0 ? null : Math.max(0, ...lengths);
}

function lengthOfLiteral(value: ValueNode): number | null {
  if (value.kind === Kind.INT) return Number(value.value);
  if (value.kind === Kind.LIST) return value.values.length;
  return value.kind === Kind.NULL ? null : 1;
}

/** What is neither a number nor a list is refused as soon as it is read. */
function lengthOfValue(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return value.length;
  return value === null ? null : 1;
}
