/**
 * Following batches in tests: the documents, the one form in which changes are compared whichever way they came,
 * and the question of all live tests: does what was told cover exactly what was committed?
 */
import { sql } from 'drizzle-orm';
import { expect } from 'vitest';
import type { TestService } from './service.ts';
import type { Subscriber } from './subscribers.ts';
import { batchNow } from './verbs.ts';

/** A change, as both `followBatch` and a subscription tell it. */
export interface Told {
  readonly fromSeq: number;
  readonly seq: number;
  readonly kind: string;
  readonly kinds: readonly string[];
  readonly resync: boolean;
  readonly batch: { readonly status: string } | null;
}

/** `batchUpdated` with everything that tests compare. */
export const batchUpdatedDocument = `subscription($id: ID!, $after: Int) { batchUpdated(id: $id, after: $after) {
  batchId fromSeq seq kind kinds resync at cursor
  batch { id status version counts { total pending submitted succeeded errored expired cancelled } } } }`;

/** 64 pairs of 512 characters: what makes a message of `heavyDocument` large. */
export const heavyMetadata = Object.fromEntries(
  Array.from({ length: 64 }, (_, at) => [`key ${at}`, 'x'.repeat(512)]),
);

/** `batchUpdated` that asks for the metadata 500 times: sixteen megabytes a message, more than sockets buffer. */
export const heavyDocument = `subscription($id: ID!) { batchUpdated(id: $id) { fromSeq seq kind kinds resync
  batch { status version ${Array.from({ length: 500 }, (_, at) => `m${at}: metadata`).join(' ')} } } }`;

/** `batchesUpdated` with everything that tests compare. */
export const batchesUpdatedDocument = `subscription($filter: BatchFilter, $after: String) {
  batchesUpdated(filter: $filter, after: $after) {
    batchId fromSeq seq kind kinds resync cursor batch { uuid name status } } }`;

/** The numbers that changes cover, in the order told; a number told twice stands there twice. */
export const numbersIn = (told: readonly Pick<Told, 'fromSeq' | 'seq'>[]): number[] =>
  told.flatMap(({ fromSeq, seq }) => Array.from({ length: seq - fromSeq + 1 }, (_, at) => fromSeq + at));

/** The committed events of a batch that are still kept, by number. */
export async function committedEvents(
  { app }: TestService,
  batchId: string,
): Promise<{ seq: number; kind: string }[]> {
  const { rows } = await app.services.db.read((q) =>
    q.execute<{ seq: number; kind: string }>(
      sql`select seq, kind from events where batch_id = ${batchId}::uuid order by seq`,
    ),
  );
  return rows;
}

/**
 * Fails unless each row of changes covers every committed event exactly once and in order, every change names
 * exactly the kinds of its range, and the last of a row is the newest state.
 */
export async function expectToldExactly(
  service: TestService,
  batchId: string,
  ...rows: (readonly Told[])[]
): Promise<void> {
  const committed = await committedEvents(service, batchId);
  const { status } = await batchNow(service.app.services, batchId);
  for (const told of rows) {
    expectExactly(told, committed);
    expect(told.at(-1)?.batch?.status).toBe(status);
  }
}

function expectExactly(told: readonly Told[], committed: readonly { seq: number; kind: string }[]): void {
  expect(numbersIn(told)).toEqual(committed.map(({ seq }) => seq));
  for (const { fromSeq, seq, kind, kinds } of told) {
    if (kind === 'SNAPSHOT') {
      expect({ fromSeq, kinds }).toEqual({ fromSeq: 1, kinds: ['SNAPSHOT'] });
      continue;
    }
    const range = committed.slice(fromSeq - 1, seq).map((event) => event.kind);
    expect({ kind, kinds }).toEqual({ kind: range.at(-1), kinds: [...new Set(range)] });
  }
}

/** A subscription to one field, read one message after the other. */
export function iterate<Value = Told>(subscriber: Subscriber, field: string): AsyncIterator<Value, void> {
  let at = 0;
  const stopped = Promise.withResolvers<{ done: true; value: undefined }>();
  const ended = { done: true, value: undefined } as const;
  return {
    next: () =>
      Promise.race([
        stopped.promise,
        subscriber
          .waitFor(() => subscriber.messages.length > at)
          .then(
            () => ({ done: false, value: answered(subscriber.messages[at++])[field] }),
            () => subscriber.done.then(() => ended),
          ),
      ]),
    async return() {
      await subscriber.stop();
      stopped.resolve(ended);
      return ended;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
function answered({ data, errors }: any): any {
  if (errors !== undefined) throw new Error(`a message carries errors: ${JSON.stringify(errors)}`);
  return data;
}

/** The values of a stream until it ends or, of one that does not, so many. */
export async function take<Value>(stream: AsyncIterator<Value, void>, countMax: number): Promise<Value[]> {
  const values: Value[] = [];
  while (values.length < countMax) {
    const { done, value } = await stream.next();
    if (done) break;
    values.push(value as Value);
  }
  return values;
}
