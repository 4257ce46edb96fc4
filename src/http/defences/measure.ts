/**
 * What an operation asks for, measured by its text and the schema alone, before GraphQL's own rules look at it: they
 * take longer the larger a document is. So nothing here may trust that a document is valid: fragments may be missing
 * or go in circles, and fields may not exist.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Measured } from './refusal.ts';

interface Shape {
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  /** Side by side in this selection, fragments opened. */
  readonly side: number;
  /** The most of them in any selection of it. */
  readonly breadth: number;
}

const nothing: Shape = { depth: 0, fields: 0, aliases: 0, side: 0, breadth: 0 };

/** The measures of a document: of several operations, the largest of each. */
export function measure(document: DocumentNode): Measured {
  const fragments = fragmentsOf(document);
  // Each fragment is measured once, so that one that doubles itself through others costs no more than its text.
  const measured = new Map<string, Shape>();

  function shapeOf(selections: SelectionSetNode | undefined): Shape {
    let whole = nothing;
    for (const selection of selections?.selections ?? []) {
      if (selection.kind === Kind.INLINE_FRAGMENT) whole = beside(whole, shapeOf(selection.selectionSet));
      else if (selection.kind === Kind.FRAGMENT_SPREAD)
        whole = beside(whole, shapeOfFragment(selection.name.value));
      else {
        const inner = shapeOf(selection.selectionSet);
        whole = beside(whole, {
          depth: inner.depth + 1,
          fields: inner.fields + 1,
          aliases: inner.aliases + (selection.alias === undefined ? 0 : 1),
          side: 1,
          breadth: inner.breadth,
        });
      }
    }
    return { ...whole, breadth: Math.max(whole.breadth, whole.side) };
  }

  function shapeOfFragment(name: string): Shape {
    const known = measured.get(name);
    if (known !== undefined) return known;
    // A circle is GraphQL's to refuse; here it counts as nothing within itself.
    measured.set(name, nothing);
    const shape = shapeOf(fragments.get(name)?.selectionSet);
    measured.set(name, shape);
    return shape;
  }

  const shapes = operationsOf(document).map(({ selectionSet }) => shapeOf(selectionSet));
  const most = (of: (shape: Shape) => number): number => Math.max(0, ...shapes.map(of));
  return {
    depth: most(({ depth }) => depth),
    breadth: most(({ breadth }) => breadth),
    fields: most(({ fields }) => fields),
    aliases: most(({ aliases }) => aliases),
    directives: directivesIn(document),
  };
}

/** The fragments of a document by name. */
export const fragmentsOf = ({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((definition) => [definition.name.value, definition]),
  );

/** Whether a document asks for the schema itself, which `__typename` does not. */
export function introspects(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    Field({ name }) {
      if (name.value === '__schema' || name.value === '__type') found = true;
    },
  });
  return found;
}

const beside = (a: Shape, b: Shape): Shape => ({
  depth: Math.max(a.depth, b.depth),
  fields: a.fields + b.fields,
  aliases: a.aliases + b.aliases,
  side: a.side + b.side,
  breadth: Math.max(a.breadth, b.breadth),
});

const operationsOf = ({ definitions }: DocumentNode): OperationDefinitionNode[] =>
  definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);

function directivesIn(document: DocumentNode): number {
  let count = 0;
  visit(document, {
    Directive() {
      count += 1;
    },
  });
  return count;
}
