/**
 * Runs a plan. It knows one end only, the good one: where anything at all is wrong (a variable, a function that throws, a
 * null that must not be) it gives up, and nothing of it is shown. Whoever then asks the library's executor learns what is
 * wrong as GraphQL wants it told; a query changes nothing, so that it can be executed twice.
 */
import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLResolveInfo,
  getArgumentValues,
  getVariableValues,
  type ResponsePath,
} from 'graphql';
import type { Context } from '../../context.ts';
import type { Plan, PlannedField, Shape } from './plan.ts';

/** The answer; null where the plan cannot tell it. */
export async function run(
  { operation, fragments, fields, size }: Plan,
  { schema, rootValue, contextValue, variableValues: asked }: ExecutionArgs,
): Promise<ExecutionResult | null> {
  const { variableValues } = getVariableValues(schema, operation.variableDefinitions ?? [], asked ?? {});
  if (variableValues === undefined) return null;
  const context = contextValue as Context;
  /** The arguments of each field, which are the same whatever object it is of. */
  const given = new Array<Readonly<Record<string, unknown>> | undefined>(size);
  const arrived = Promise.withResolvers<void>();
  let awaited = 0;

  function objectOf(selected: readonly PlannedField[], source: unknown, path: ResponsePath | undefined) {
    const object: Record<string, unknown> = {};
    for (const field of selected) {
      const value = answerOf(field, source, path);
      if (isPromise(value)) {
        // Its place among the others is kept.
        object[field.key] = null;
        later(value, field.shape, object, field.key, path, field.parentType.name);
      } else {
        object[field.key] = shaped(value, field.shape, path, field.key, field.parentType.name);
      }
    }
    return object;
  }

  function answerOf(field: PlannedField, source: unknown, path: ResponsePath | undefined): unknown {
    if (field.property === null)
      return field.resolve(source, argumentsOf(field), context, infoOf(field, path) as GraphQLResolveInfo);
    const value = (source as Record<string, unknown>)[field.property];
    if (typeof value === 'function') throw new GivenUp();
    return value;
  }

  function argumentsOf({ definition, node, index }: PlannedField): Readonly<Record<string, unknown>> {
    if (definition.args.length === 0) return none;
    const known = given[index];
    if (known !== undefined) return known;
    const values = Object.freeze(getArgumentValues(definition, node, variableValues));
    given[index] = values;
    return values;
  }

  function infoOf(field: PlannedField, path: ResponsePath | undefined): GraphQLResolveInfo | undefined {
    if (!field.wantsInfo) return undefined;
    const { definition, node, parentType, key } = field;
    return {
      fieldName: definition.name,
      fieldNodes: [node],
      returnType: definition.type,
      parentType,
      path: { prev: path, key, typename: parentType.name },
      schema,
      fragments,
      rootValue,
      operation,
      variableValues: variableValues as GraphQLResolveInfo['variableValues'],
      getAbortSignal: () => undefined,
      getAsyncHelpers: () => ({ promiseAll: (all) => Promise.all(all), track: () => undefined }),
    };
  }

  function shaped(
    value: unknown,
    shape: Shape,
    prev: ResponsePath | undefined,
    key: string | number,
    typename: string | undefined,
  ): unknown {
    if (value === null || value === undefined) {
      if (shape.nullable) return null;
      throw new GivenUp();
    }
    if (value instanceof Error) throw value;
    if (shape.kind === 'leaf') {
      const told = shape.type.coerceOutputValue(value);
      if (told === null || told === undefined) throw new GivenUp();
      return told;
    }
    const path = { prev, key, typename };
    if (shape.kind === 'object') return objectOf(shape.fields, value, path);
    return listOf(value, shape.of, path);
  }

  function listOf(value: unknown, shape: Shape, path: ResponsePath): unknown[] {
    if (!Array.isArray(value)) throw new GivenUp();
    const list: unknown[] = [];
    for (const [index, item] of value.entries()) {
      list.push(null);
      if (isPromise(item)) later(item, shape, list, index, path, undefined);
      else list[index] = shaped(item, shape, path, index, undefined);
    }
    return list;
  }

  /** Puts what comes later in its place. */
  function later(
    promise: PromiseLike<unknown>,
    shape: Shape,
    place: Place,
    key: string | number,
    path: ResponsePath | undefined,
    typename: string | undefined,
  ): void {
    awaited += 1;
    promise.then((value) => {
      try {
        (place as Record<string | number, unknown>)[key] = shaped(value, shape, path, key, typename);
      } catch (error) {
        return arrived.reject(error);
      }
      awaited -= 1;
      if (awaited === 0) arrived.resolve();
    }, arrived.reject);
  }

  // Also where nobody waits for it any more.
  arrived.promise.catch(() => undefined);
  try {
    const data = objectOf(fields, rootValue, undefined);
    if (awaited > 0) await arrived.promise;
    return { data };
  } catch {
    return null;
  }
}

/** What has room for what comes later. */
type Place = Record<string, unknown> | unknown[];

/** Thrown where a plan goes no further. */
class GivenUp extends Error {}

const none = Object.freeze({});

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
