/**
 * Readings that followers share. All who ask in one turn of the event loop are answered by one reading, and those who
 * ask for the same get the very same object, by which later stages know that nothing has to be done twice. A
 * reading begins after everybody it answers has asked, so nobody is told less than was committed by then.
 * Nothing is kept once it begins.
 */
import { type Scope, sightOf } from '../domain/scope.ts';

/** Asks for the value of a key, together with whoever else asks in this turn. */
export type Gathered<Key, Value> = (key: Key) => Promise<Value>;

/** How many keys are read at once, at the most: a reading of any number would be held whole in memory. */
const keysPerReading = 500;

/** Gathers keys, told apart by `textOf`, and reads them with `read`, which answers in the order of the keys. */
export function gathered<Key, Value>(
  textOf: (key: Key) => string,
  read: (keys: readonly Key[]) => Promise<readonly Value[]>,
): Gathered<Key, Value> {
  let gathering: Gathering<Key, Value> | null = null;
  return (key) => {
    if (gathering === null || gathering.keys.length >= keysPerReading) {
      const begun: Gathering<Key, Value> = { keys: [], answers: new Map(), asked: [] };
      gathering = begun;
      setImmediate(() => {
        if (gathering === begun) gathering = null;
        answer(begun, read);
      });
    }
    const text = textOf(key);
    const known = gathering.answers.get(text);
    if (known !== undefined) return known;
    const asked = Promise.withResolvers<Value>();
    gathering.keys.push(key);
    gathering.asked.push(asked);
    gathering.answers.set(text, asked.promise);
    return asked.promise;
  };
}

/** Splits keys by what those who ask may see, so that each statement is kept to what all of them may. */
export function ofEachSight<Key extends { readonly scope: Scope }, Value>(
  read: (scope: Scope, keys: readonly Key[]) => Promise<readonly Value[]>,
): (keys: readonly Key[]) => Promise<readonly Value[]> {
  return async (keys) => {
    const values = new Map<Key, Value>();
    const groups = Map.groupBy(keys, ({ scope }) => sightOf(scope));
    await Promise.all(
      groups.values().map(async ([first, ...others]) => {
        if (first === undefined) return;
        const group = [first, ...others];
        for (const [at, value] of (await read(first.scope, group)).entries()) {
          const key = group[at];
          if (key !== undefined) values.set(key, value);
        }
      }),
    );
    return keys.map((key) => values.get(key) as Value);
  };
}

interface Gathering<Key, Value> {
  readonly keys: Key[];
  readonly asked: PromiseWithResolvers<Value>[];
  /** By the text of each key. */
  readonly answers: Map<string, Promise<Value>>;
}

async function answer<Key, Value>(
  { keys, asked }: Gathering<Key, Value>,
  read: (keys: readonly Key[]) => Promise<readonly Value[]>,
): Promise<void> {
  try {
    const values = await read(keys);
    if (values.length !== keys.length) throw new Error('a reading answers every key');
    for (const [at, { resolve }] of asked.entries()) resolve(values[at] as Value);
  } catch (error) {
    for (const { reject } of asked) reject(error);
  }
}
