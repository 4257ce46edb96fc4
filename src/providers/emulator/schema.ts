/**
 * A JSON value that fits a JSON Schema, as a model with structured output would give. Pure. Covers what such
 * requests use (types, enums, const, required properties, arrays, references within the schema, the first branch
 * of a union); a keyword beyond these is ignored.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { createDice, seedOf } from './chance.ts';

/** A value for the schema; the same for the same schema and prompt. */
export function fulfilSchema(schema: JsonObject, prompt: string): JsonValue {
  const throwDice = createDice(seedOf(`${prompt}${JSON.stringify(schema)}`));

  const fulfil = (part: JsonValue | undefined, depth: number): JsonValue => {
    if (!isJsonObject(part) || depth > depthMax) return null;
    const { $ref: reference, const: constant, enum: choices, anyOf, oneOf, allOf } = part;
    if (typeof reference === 'string') return fulfil(resolve(schema, reference), depth + 1);
    if (constant !== undefined) return constant;
    if (Array.isArray(choices)) return choices[throwDice(choices.length)] ?? null;
    const union = [anyOf, oneOf, allOf].find((branches) => Array.isArray(branches));
    if (union !== undefined) return fulfil(union[0], depth + 1);
    return fulfilType[typeOf(part)](part, (inner) => fulfil(inner, depth + 1), throwDice);
  };
  return fulfil(schema, 0);
}

/** A schema may refer to itself; an answer must end. */
const depthMax = 12;

type TypeName = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
type Fulfil = (
  part: JsonObject,
  fulfil: (inner: JsonValue | undefined) => JsonValue,
  throwDice: (sides: number) => number,
) => JsonValue;

const fulfilType: Record<TypeName, Fulfil> = {
  object: ({ properties, required }, fulfil) => {
    const known = isJsonObject(properties) ? properties : {};
    const names = Array.isArray(required) ? required : Object.keys(known);
    return Object.fromEntries(
      names
        .filter((name) => typeof name === 'string')
        .map((name) => [name, fulfil(known[name] ?? { type: 'string' })]),
    );
  },
  array: ({ minItems, maxItems, items }, fulfil, throwDice) => {
    const least = numberOr(minItems, 1);
    const most = numberOr(maxItems, Math.max(least, 3));
    const length = least + throwDice(Math.max(1, most - least + 1));
    return Array.from({ length: Math.min(length, most) }, () => fulfil(items ?? { type: 'string' }));
  },
  string: ({ minLength, maxLength }, _, throwDice) => {
    const word = words[throwDice(words.length)] ?? '';
    const long = word.padEnd(numberOr(minLength, 0), '.');
    return long.slice(0, numberOr(maxLength, long.length));
  },
  number: (part, _, throwDice) => inRange(part, throwDice, 1000) / 1000,
  integer: (part, _, throwDice) => inRange(part, throwDice, 1),
  boolean: (_part, _, throwDice) => throwDice(2) === 1,
  null: () => null,
};

const words = ['clear', 'steady', 'useful', 'plain', 'bright', 'careful', 'simple', 'sound'];

const typeOf = ({ type, properties }: JsonObject): TypeName => {
  const named = Array.isArray(type) ? type[0] : type;
  if (typeof named === 'string' && Object.hasOwn(fulfilType, named)) return named as TypeName;
  return properties === undefined ? 'string' : 'object';
};

/** A whole number between the schema's bounds times `scale`. */
const inRange = (
  { minimum, maximum }: JsonObject,
  throwDice: (sides: number) => number,
  scale: number,
): number => {
  const least = Math.ceil(numberOr(minimum, Math.min(0, numberOr(maximum, 0))) * scale);
  const most = Math.floor(numberOr(maximum, least / scale + 100) * scale);
  return least + throwDice(Math.max(1, most - least + 1));
};

const numberOr = (value: JsonValue | undefined, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;

const resolve = (root: JsonObject, reference: string): JsonValue | undefined => {
  let at: JsonValue | undefined = root;
  for (const key of reference.split('/').filter((part) => part !== '' && part !== '#')) {
    at = isJsonObject(at) ? at[key] : undefined;
  }
  return at;
};
