/**
 * What a document asks for, worked out once: each field with the function that answers it, and what is made of the
 * answer. An executor finds that out for each field of each row anew; a page of batches has three thousand. Covers what
 * answers are usually made of; where an operation has anything else there is no plan, and nothing is lost but time.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getOperationAST,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { fragmentsOf } from '../defences/measure.ts';

/** A query, ready to be run with any variables. */
export interface Plan {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly fields: readonly PlannedField[];
  /** How many fields there are in all, each with an `index` below. */
  readonly size: number;
}

/** A field of a selection. */
export interface PlannedField {
  readonly index: number;
  /** What it is called in the answer. */
  readonly key: string;
  readonly node: FieldNode;
  readonly parentType: GraphQLObjectType;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly resolve: GraphQLFieldResolver<unknown, unknown>;
  /** The property of its object that it shows as it is, where that is all that answering it takes. */
  readonly property: string | null;
  /** Whether its function looks at where in the answer it is called. */
  readonly wantsInfo: boolean;
  readonly shape: Shape;
}

/** What is made of a field's answer. */
export type Shape =
  | { readonly kind: 'leaf'; readonly nullable: boolean; readonly type: GraphQLLeafType }
  | { readonly kind: 'object'; readonly nullable: boolean; readonly fields: readonly PlannedField[] }
  | { readonly kind: 'list'; readonly nullable: boolean; readonly of: Shape };

/**
 * How many characters of its document each field has at the least. Fragments that are opened in many places make more
 * fields than text, and whoever keeps documents reckons with their text.
 */
const charactersOfField = 4;

const nothing = (_parent: unknown) => undefined;

/** Thrown where an operation has something that is not planned. */
class Unplanned extends Error {}

/** The plan of an operation that GraphQL found valid; null where it has something that plans have not. */
export function planOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
): Plan | null {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== 'query') return null;
  const root = schema.getQueryType();
  if (root == null) return null;
  const fragments = fragmentsOf(document);
  const sizeMax = (document.loc?.source.body.length ?? 0) / charactersOfField;
  let size = 0;

  function fieldsOf(type: GraphQLObjectType, selections: SelectionSetNode): readonly PlannedField[] {
    const fields = new Map<string, PlannedField>();
    for (const node of nodesOf(type, selections)) {
      const key = (node.alias ?? node.name).value;
      // A value that is asked for twice is one; objects would have to be put together of both selections.
      if (fields.has(key) && node.selectionSet === undefined) continue;
      // No object can have a property of this name.
      if (fields.has(key) || key === '__proto__') throw new Unplanned();
      fields.set(key, fieldOf(type, node, key));
    }
    return [...fields.values()];
  }

  function nodesOf(type: GraphQLObjectType, { selections }: SelectionSetNode): FieldNode[] {
    return selections.flatMap((selection) => {
      if ((selection.directives ?? []).length > 0) throw new Unplanned();
      if (selection.kind === Kind.FIELD) return selection;
      const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
      if (inner === undefined) throw new Unplanned();
      const condition = inner.typeCondition?.name.value;
      return condition === undefined || isOf(type, condition) ? nodesOf(type, inner.selectionSet) : [];
    });
  }

  function isOf(type: GraphQLObjectType, name: string): boolean {
    const condition = schema.getType(name);
    return condition === type || (isAbstractType(condition) && schema.isSubType(condition, type));
  }

  function fieldOf(parentType: GraphQLObjectType, node: FieldNode, key: string): PlannedField {
    const definition = schema.getField(parentType, node.name.value);
    if (definition === undefined) throw new Unplanned();
    const { type } = definition;
    const resolve = resolverOf(parentType, definition);
    size += 1;
    if (size > sizeMax) throw new Unplanned();
    return {
      index: size - 1,
      key,
      node,
      parentType,
      definition,
      resolve: resolve ?? nothing,
      property: resolve === undefined ? definition.name : null,
      // Whoever wants it names it, and it is the fourth; of a function that names none nobody knows.
      wantsInfo: resolve !== undefined && (resolve.length === 0 || resolve.length > 3),
      shape: shapeOf(type, node),
    };
  }

  function shapeOf(type: GraphQLOutputType, node: FieldNode, nullable = true): Shape {
    if (isNonNullType(type)) return shapeOf(type.ofType, node, false);
    if (isListType(type)) return { kind: 'list', nullable, of: shapeOf(type.ofType, node) };
    if (isLeafType(type)) return { kind: 'leaf', nullable, type };
    if (!isObjectType(type) || type.isTypeOf != null || node.selectionSet === undefined)
      throw new Unplanned();
    return { kind: 'object', nullable, fields: fieldsOf(type, node.selectionSet) };
  }

  function resolverOf(parentType: GraphQLObjectType, { name, resolve }: GraphQLField<unknown, unknown>) {
    if (name === '__typename') return (_parent: unknown) => parentType.name;
    // What asks for the schema itself is asked once, and not by pages.
    if (name.startsWith('__')) throw new Unplanned();
    return resolve;
  }

  try {
    const fields = fieldsOf(root, operation.selectionSet);
    return { operation, fragments: Object.fromEntries(fragments), fields, size };
  } catch (error) {
    if (error instanceof Unplanned) return null;
    throw error;
  }
}
