/**
 * When two readers of a stream may be handed the same answer: where nothing that an answer depends on differs. That is
 * the document, its variables, and whose eyes see it. What only says where to begin is told by the events themselves.
 */
import { createHash } from 'node:crypto';
import { type DocumentNode, type ExecutionArgs, getOperationAST, Kind, visit } from 'graphql';
import type { Context } from '../context.ts';
import { sightOf } from '../domain/scope.ts';

/**
 * A text that is equal for readers who are one and the same as far as an answer can tell: by the same key, or by tokens
 * of it that end together. What is signed in somebody's name is for them alone.
 */
export function personOfReader({ apiKeyId, grant }: Context['viewer']): string {
  return JSON.stringify([apiKeyId, grant && [grant.batchIds, grant.expiresAt.getTime()]]);
}

/** A text that is equal for readers of one kind, and for no others. */
export function kindOfReader({
  document,
  operationName,
  variableValues,
  contextValue,
}: ExecutionArgs): string {
  const { scope, sandbox, origin } = contextValue as Context;
  const start = startVariable(document, operationName);
  const variables = Object.entries(variableValues ?? {}).filter(([name]) => name !== start);
  const parts = [
    document.loc?.source.body ?? document,
    operationName ?? null,
    Object.fromEntries(variables),
    [sightOf(scope), scope.access, sandbox, origin],
  ];
  return createHash('sha256').update(JSON.stringify(parts, sorted)).digest('base64url');
}

/** Keys in one order, because JSON objects have none. */
const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** The variable that says after what a stream begins, where the document uses it for nothing else. */
function startVariable(document: DocumentNode, operationName?: string | null): string | null {
  const root = getOperationAST(document, operationName)?.selectionSet.selections[0];
  if (root?.kind !== Kind.FIELD) return null;
  const after = root.arguments?.find(({ name }) => name.value === 'after')?.value;
  if (after?.kind !== Kind.VARIABLE) return null;
  const name = after.name.value;
  let uses = 0;
  visit(document, {
    VariableDefinition: () => false,
    Variable: (variable) => {
      if (variable.name.value === name) uses += 1;
    },
  });
  return uses === 1 ? name : null;
}
