/** What is true of whose credentials are used, at every commit. */
import { sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type Finding, judge } from './check.ts';

/** The credential of a batch is of its organization, its provider and its mode, and its jobs have the same. */
export const checkCredentials = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select b.id::text as id,
      (b.credential_id is not null and c.id is null) or exists (
        select 1 from jobs j where j.batch_id = b.id and j.credential_id is distinct from b.credential_id) as broken,
      format('credential %s, known %s', b.credential_id, c.id) as detail
    from batches b left join credentials c on c.id = b.credential_id and c.organization_id = b.organization_id
      and c.provider = b.provider and c.sandbox = b.sandbox`,
  );
