/**
 * The lines of downloads, made by Postgres around the verbatim texts: bodies and the provider's lines stand in
 * them byte for byte, never re-serialised.
 */
import { sql } from 'drizzle-orm';
import type { DownloadKind } from '../../domain/grant.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { isOutcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** A line and the position of its item. */
export interface DownloadLine {
  readonly position: number;
  readonly line: string;
}

const inputLine = sql`'{"customId":' || to_json(i.custom_id) || ',"endpoint":' || to_json(i.endpoint) || ',"body":' || i.request || '}'`;

// A line that the provider tore is not JSON; it stands as text then, so that the download itself stays JSON.
const resultLine = sql`'{"position":' || i.position || ',"customId":' || to_json(i.custom_id) || ',"status":"' || r.status
  || '","result":' || case when r.error_code = 'malformed_result' then to_json(r.response)::text else coalesce(r.response, 'null') end
  || case when r.error_code is null then '' else ',"error":' || json_build_object('code', r.error_code, 'message', r.error_message) end || '}'`;

/** The next lines of a batch after a position, in the caller's order. An item that is tried again shows nothing until then. */
export async function downloadLines(
  scope: Scope,
  db: Queryable,
  batchId: string,
  kind: DownloadKind,
  page: { after: number; limit: number },
): Promise<DownloadLine[]> {
  const inBatch = sql`i.batch_id = ${batchId}::uuid and i.position > ${page.after} and ${batchInScope(scope, sql`i.batch_id`)}`;
  const { rows } =
    kind === 'input'
      ? await db.execute<{ position: number; line: string }>(sql`
          select i.position, ${inputLine} as line
          from items i join batches b on b.id = i.batch_id and i.position < b.total
          where ${inBatch} order by i.position limit ${page.limit}`)
      : await db.execute<{ position: number; line: string }>(sql`
          ${withHeldOf([batchId])}
          select i.position, ${resultLine} as line
          from batches bt join results r on r.batch_id = bt.id
          join items i on i.batch_id = r.batch_id and i.position = r.position
          where bt.id = ${batchId}::uuid and r.position > ${page.after} and ${inBatch}
            and r.status ${kind === 'output' ? sql`=` : sql`<>`} 'SUCCEEDED' and ${isOutcome}
          order by r.position limit ${page.limit}`);
  return rows;
}
