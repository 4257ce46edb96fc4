/**
 * Which columns of its rows a page is asked for, so that it reads no others: a list of batches shows a dozen of their
 * seventy columns. Each field of a row's type says in its `extensions` what it is made of; where one that is asked for
 * says nothing, the rows are read whole.
 */
import {
  type FieldNode,
  type GraphQLResolveInfo,
  getNamedType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { BatchModel } from '../resolvers/batch.ts';
import type { JobModel } from '../resolvers/job.ts';

type Named<Row> = keyof Row & string;

/** The columns of a row that hold moments. */
export type MomentOf<Row> = {
  [Key in Named<Row>]: Date extends Row[Key] ? (Row[Key] extends Date | null ? Key : never) : never;
}[Named<Row>];

/** The `extensions` of a field of batches: the columns that it looks at. */
export const ofBatch = (...columns: Named<BatchModel>[]) => ({ columns });
/** The same of a field of jobs. */
export const ofJob = (...columns: Named<JobModel>[]) => ({ columns });

/** The columns of batches that a connection of them is asked for; null for all. */
export const batchColumns = (info: GraphQLResolveInfo) => columnsAsked<BatchModel>(info);
/** The same of jobs. */
export const jobColumns = (info: GraphQLResolveInfo) => columnsAsked<JobModel>(info);

/** Documents are kept, and asked again and again. */
const known = new WeakMap<SelectionSetNode, readonly string[] | null>();

function columnsAsked<Row>(info: GraphQLResolveInfo): readonly Named<Row>[] | null {
  const [first, ...others] = info.fieldNodes;
  // The same field twice is merged by whoever executes it; nobody writes that.
  if (first?.selectionSet === undefined || others.length > 0) return null;
  const before = known.get(first.selectionSet);
  const columns = before === undefined ? read(info, first.selectionSet) : before;
  known.set(first.selectionSet, columns);
  return columns as readonly Named<Row>[] | null;
}

function read(info: GraphQLResolveInfo, selection: SelectionSetNode): readonly string[] | null {
  const inside = (sets: SelectionSetNode[], name: string) =>
    sets
      .flatMap((set) => fieldsOf(info, set))
      .filter((field) => field.name.value === name)
      .flatMap((field) => field.selectionSet ?? []);
  const edge = fieldType(info.returnType, 'edges');
  const fields = fieldType(edge, 'node')?.getFields() ?? {};
  const columns = new Set<string>();
  for (const { name } of inside(inside([selection], 'edges'), 'node').flatMap((set) => fieldsOf(info, set))) {
    const field = fields[name.value];
    // Of `__typename`, which is made of nothing.
    if (field === undefined) continue;
    const { columns: own, pothosExposedField: exposed } = field.extensions as FieldExtensions;
    const madeOf = own ?? (exposed === undefined ? null : [exposed]);
    if (madeOf === null) return null;
    for (const column of madeOf) columns.add(column);
  }
  return [...columns].sort();
}

interface FieldExtensions {
  readonly columns?: readonly string[];
  readonly pothosExposedField?: string;
}

/** Every field of a selection, those of fragments among them; what a directive leaves out is one too many. */
function fieldsOf(info: GraphQLResolveInfo, { selections }: SelectionSetNode): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection;
    if (selection.kind === Kind.INLINE_FRAGMENT) return fieldsOf(info, selection.selectionSet);
    const fragment = info.fragments[selection.name.value];
    return fragment === undefined ? [] : fieldsOf(info, fragment.selectionSet);
  });
}

function fieldType(type: Parameters<typeof getNamedType>[0], name: string) {
  const named = getNamedType(type);
  const found = isObjectType(named) ? getNamedType(named.getFields()[name]?.type) : undefined;
  return isObjectType(found) ? found : undefined;
}
