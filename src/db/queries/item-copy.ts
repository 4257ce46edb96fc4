/**
 * Items by COPY, in the format of `binary-rows.ts`, written by hand: an upload's rows share their beginning and end, and
 * are the most that a service ever writes. Which rows, and when they count, is left to `batches/`.
 */
import type { Scope } from '../../domain/scope.ts';
import { copyRows, postgresEpoch, uuidBytes } from '../binary-rows.ts';
import type { Queryable } from '../client.ts';
import type { ItemRow } from '../tables/items.ts';

/** An item without what all of a copy share. */
export type CopiedItem = Omit<ItemRow, 'batchId' | 'createdAt'>;

/**
 * Adds items in one COPY, within the transaction. Rows are not checked against the scope: whoever copies holds a row
 * of the batch or upload by it. A `customId` that is there already violates the unique key, and nothing is added.
 */
export const copyItems = (_scope: Scope, tx: Queryable, rows: ItemRows): Promise<void> =>
  copyRows(tx, statement, rows.encoded);

const statement =
  'copy items (batch_id, position, custom_id, endpoint, model, agent_id, bytes, request, created_at) from stdin (format binary)';

/**
 * Items of a batch, written for COPY as they come: what an item was made of is garbage at once and never grows old, and
 * what waits to be stored is bytes outside of the heap.
 */
export class ItemRows {
  readonly #batch: { readonly id: string; readonly at: Date };
  readonly #before: Buffer;
  readonly #after: Buffer;
  #buffer = Buffer.alloc(0);
  #offset = 0;
  /** Where each row begins. */
  readonly #begins: number[] = [];

  constructor(batch: { readonly id: string; readonly at: Date }) {
    this.#batch = batch;
    this.#before = Buffer.alloc(2 + 4 + 16);
    this.#before.writeInt16BE(columns);
    this.#before.writeInt32BE(16, 2);
    uuidBytes(batch.id).copy(this.#before, 6);
    this.#after = Buffer.alloc(4 + 8);
    this.#after.writeInt32BE(8);
    this.#after.writeBigInt64BE(BigInt(batch.at.getTime() - postgresEpoch) * 1000n, 4);
  }

  /** How many rows there are. */
  get count(): number {
    return this.#begins.length;
  }

  /** The rows as `COPY … (FORMAT binary)` reads them, without header and trailer. */
  get encoded(): Buffer {
    return this.#buffer.subarray(0, this.#offset);
  }

  /** Adds an item behind the others. */
  add(item: CopiedItem): void {
    this.#makeRoom(fixedBytes + item.bytes + textBytes(item));
    this.#begins.push(this.#offset);
    this.#put(this.#before);
    this.#putInteger(item.position);
    this.#putText(item.customId);
    this.#putText(item.endpoint);
    this.#putText(item.model);
    this.#putText(item.agentId);
    this.#putInteger(item.bytes);
    this.#putText(item.request);
    this.#put(this.#after);
  }

  /** Takes all rows out, to be filled anew. Only where nobody reads them any more: their memory is written over. */
  clear(): void {
    this.#offset = 0;
    this.#begins.length = 0;
  }

  /** The rows without those at these places, counted from 0. */
  without(places: ReadonlySet<number>): ItemRows {
    const rest = new ItemRows(this.#batch);
    rest.#makeRoom(this.#offset);
    for (const [place, begin] of this.#begins.entries()) {
      if (places.has(place)) continue;
      rest.#begins.push(rest.#offset);
      rest.#put(this.#buffer.subarray(begin, this.#begins[place + 1] ?? this.#offset));
    }
    return rest;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#offset + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length, bytesAtFirst));
    this.encoded.copy(larger);
    this.#buffer = larger;
  }

  #put(bytes: Buffer): void {
    this.#buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  #putText(text: string | null): void {
    if (text === null) {
      this.#offset = this.#buffer.writeInt32BE(-1, this.#offset);
      return;
    }
    const bytes = this.#buffer.write(text, this.#offset + 4);
    this.#offset = this.#buffer.writeInt32BE(bytes, this.#offset) + bytes;
  }

  #putInteger(value: number): void {
    this.#offset = this.#buffer.writeInt32BE(4, this.#offset);
    this.#offset = this.#buffer.writeInt32BE(value, this.#offset);
  }
}

const bytesAtFirst = 64 * 1024;
const columns = 9;
/** The count of columns, and each one's length; a UUID, two integers and a moment. */
const fixedBytes = 2 + columns * 4 + 16 + 4 + 4 + 8;

/** At the most: no code unit takes more than three bytes. */
const textBytes = ({ customId, endpoint, model, agentId }: CopiedItem): number =>
  3 * (customId.length + endpoint.length + (model?.length ?? 0) + (agentId?.length ?? 0));
