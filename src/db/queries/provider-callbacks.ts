/** Statements on providers' calls: remembering each once, and finding the job that one is about. */
import { and, eq, inArray, isNull, lt } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type JobRow, jobs } from '../tables/jobs.ts';
import { providerCallbacks } from '../tables/provider-callbacks.ts';
import { isPolled, oneMoreSync } from './jobs.ts';

/** Remembers a call; false where it came before. */
export async function rememberCallback(
  _worker: WorkerScope,
  tx: Queryable,
  call: { provider: string; digest: string; at: Date },
): Promise<boolean> {
  const rows = await tx
    .insert(providerCallbacks)
    .values(call)
    .onConflictDoNothing()
    .returning({ digest: providerCallbacks.digest });
  return rows.length === 1;
}

/** Forgets calls that came before a moment. */
export async function forgetCallbacks(_worker: WorkerScope, db: Queryable, before: Date): Promise<void> {
  await db.delete(providerCallbacks).where(lt(providerCallbacks.at, before));
}

/** A job that a provider may call about. */
export type CalledJob = Pick<
  JobRow,
  | 'id'
  | 'batchId'
  | 'lastSyncedAt'
  | 'organizationId'
  | 'provider'
  | 'sandbox'
  | 'credential'
  | 'credentialId'
>;

/** The jobs of a provider that were told this path, or that have this id there. */
export async function jobsCalledAbout(
  _worker: WorkerScope,
  db: Queryable,
  provider: string,
  by: { readonly callbackToken: string } | { readonly providerJobId: string },
): Promise<CalledJob[]> {
  return db
    .select({
      id: jobs.id,
      batchId: jobs.batchId,
      lastSyncedAt: jobs.lastSyncedAt,
      organizationId: jobs.organizationId,
      provider: jobs.provider,
      sandbox: jobs.sandbox,
      credential: jobs.credential,
      credentialId: jobs.credentialId,
    })
    .from(jobs)
    .where(
      and(
        eq(jobs.provider, provider),
        'callbackToken' in by
          ? eq(jobs.callbackToken, by.callbackToken)
          : eq(jobs.providerJobId, by.providerJobId),
      ),
    );
}

/** Notes what a call told of a job that is being looked for, and makes it due; false where it is not looked for. */
export async function hintJob(
  _worker: WorkerScope,
  tx: Queryable,
  id: string,
  hint: { hintedJobId: string; now: Date },
): Promise<boolean> {
  const rows = await tx
    .update(jobs)
    .set({ hintedJobId: hint.hintedJobId, dueAt: hint.now })
    .where(and(eq(jobs.id, id), inArray(jobs.status, ['UNKNOWN', 'PENDING']), isNull(jobs.providerJobId)))
    .returning({ id: jobs.id });
  return rows.length === 1;
}

/** Asks for a poll of one job that its provider is working on; false where there is nothing to ask. */
export async function wantPoll(_worker: WorkerScope, tx: Queryable, id: string, now: Date): Promise<boolean> {
  const rows = await tx
    .update(jobs)
    .set({ syncRequested: oneMoreSync, dueAt: now })
    .where(and(eq(jobs.id, id), isPolled))
    .returning({ id: jobs.id });
  return rows.length === 1;
}
