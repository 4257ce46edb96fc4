/**
 * Items by COPY, in Postgres' binary format: the fastest way in, as nothing is quoted on the one side or parsed on the
 * other. Owns that format; which rows, and when they count, is left to `batches/`.
 */
import type pg from 'pg';
import copyStreams from 'pg-copy-streams';
import type { Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import type { ItemRow } from '../tables/items.ts';

/** An item without what all of a copy share. */
export type CopiedItem = Omit<ItemRow, 'batchId' | 'createdAt'>;

/**
 * Adds items in one COPY, within the transaction. Rows are not checked against the scope: whoever copies holds a row
 * of the batch or upload by it. A `customId` that is there already violates the unique key, and nothing is added.
 */
export async function copyItems(
  _scope: Scope,
  tx: Queryable,
  batch: { readonly id: string; readonly at: Date },
  rows: readonly CopiedItem[],
): Promise<void> {
  const { $client: client } = tx as Queryable & { readonly $client: pg.PoolClient };
  const stream = client.query(
    copyStreams.from(
      'copy items (batch_id, position, custom_id, endpoint, model, agent_id, bytes, request, created_at) from stdin (format binary)',
    ),
  );
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject).once('finish', resolve);
    stream.end(encodedRows(batch, rows));
  });
}

/** The rows as `COPY … (FORMAT binary)` reads them, header and trailer included. */
export function encodedRows(
  batch: { readonly id: string; readonly at: Date },
  rows: readonly CopiedItem[],
): Buffer {
  const id = Buffer.from(batch.id.replaceAll('-', ''), 'hex');
  const at = Buffer.alloc(8);
  at.writeBigInt64BE(BigInt(batch.at.getTime() - postgresEpoch) * 1000n);
  let size = header.length + 2;
  for (const row of rows) size += fixedBytes + row.bytes + textBytes(row);
  const buffer = Buffer.allocUnsafe(size);
  let offset = header.copy(buffer);
  const put = (bytes: Buffer) => {
    offset = buffer.writeInt32BE(bytes.length, offset);
    offset += bytes.copy(buffer, offset);
  };
  const putText = (text: string | null) => {
    if (text === null) {
      offset = buffer.writeInt32BE(-1, offset);
      return;
    }
    const bytes = buffer.write(text, offset + 4);
    offset = buffer.writeInt32BE(bytes, offset) + bytes;
  };
  const putInteger = (value: number) => {
    offset = buffer.writeInt32BE(4, offset);
    offset = buffer.writeInt32BE(value, offset);
  };
  for (const row of rows) {
    offset = buffer.writeInt16BE(columns, offset);
    put(id);
    putInteger(row.position);
    putText(row.customId);
    putText(row.endpoint);
    putText(row.model);
    putText(row.agentId);
    putInteger(row.bytes);
    putText(row.request);
    put(at);
  }
  offset = buffer.writeInt16BE(-1, offset);
  return buffer.subarray(0, offset);
}

const columns = 9;
/** The count of columns, and each one's length; a UUID, two integers and a moment. */
const fixedBytes = 2 + columns * 4 + 16 + 4 + 4 + 8;

/** At the most: no code unit takes more than three bytes. */
const textBytes = ({ customId, endpoint, model, agentId }: CopiedItem): number =>
  3 * (customId.length + endpoint.length + (model?.length ?? 0) + (agentId?.length ?? 0));

/** Signature, flags, and the length of an extension that there is not. */
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);

/** What Postgres counts moments from: the beginning of the year 2000. */
const postgresEpoch = Date.UTC(2000, 0, 1);
