/** Who did what: every mutation is done by `auditedMutation`, and what was written of it is read back. */
import { type AuditTarget, audited } from '../audit/audited.ts';
import type { Context } from '../context.ts';
import { type AuditPage, auditPage, countAudit } from '../db/queries/audit.ts';
import type { AuditRow } from '../db/tables/audit.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { type PageArguments, type PageWindow, pageWindow } from '../domain/page.ts';
import { pageSizes, uuidIn } from './arguments.ts';
import { creationCursor } from './batch.ts';
import { type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** An entry, as the schema's type is backed. */
export type AuditModel = AuditRow;

/** Does a mutation, and writes down who did it, to what, and what it came to. A dry run does nothing, and leaves nothing. */
export async function auditedMutation<T>(
  verb: string,
  args: { readonly input?: Readonly<Record<string, unknown>> },
  context: Context,
  mutate: (context: Context) => Promise<T>,
): Promise<T> {
  const { services, scope } = context;
  // A token can do nothing; what a page tries with it is not the key's doing.
  if (args.input?.['dryRun'] === true || scope.grant !== null) return mutate(context);
  const call = { verb, organizationId: scope.organizationId, target: targetOf(args.input ?? {}) };
  return audited(services, scope, call, (db) => mutate({ ...context, services: { ...services, db } }));
}

/** What the caller says that it is about. */
const targetOf = ({
  batchId,
  jobId,
  apiKeyId,
  credentialId,
}: Readonly<Record<string, unknown>>): AuditTarget => ({
  batchId: typeof batchId === 'string' ? uuidIn('Batch', batchId) : null,
  jobId: typeof jobId === 'string' ? uuidIn('Job', jobId) : null,
  subjectKeyId: typeof apiKeyId === 'string' ? apiKeyId : null,
  credentialId: typeof credentialId === 'string' ? credentialId : null,
});

/** Everything that was done in the organization, newest first. */
export async function listAudit(
  args: PageArguments,
  { services: { db }, scope }: Context,
): Promise<Connection<AuditRow>> {
  const window = pageWindow(args, pageSizes.batches);
  const rows = await db.read((q) => auditPage(scope, q, pageOf(window)));
  return connectionOf(window, rows, cursorOf, () => db.read((q) => countAudit(scope, q)));
}

/** What was done to the batch, newest first. */
export async function batchAudit(
  batch: BatchRow,
  args: PageArguments,
  { loaders }: Context,
): Promise<Connection<AuditRow>> {
  const window = pageWindow(args, pageSizes.batches);
  const rows = await loaders.audit(pageOf(window)).load(batch.id);
  return connectionOf(window, rows, cursorOf, () => loaders.auditCount.load(batch.id));
}

/** The batch that it was about; null where it was about none, or there is none any more. */
export const auditedBatch = async ({ batchId }: AuditRow, { loaders }: Context): Promise<BatchRow | null> =>
  batchId === null ? null : loaders.batch.load(batchId);

const cursor = creationCursor('audit');
const cursorOf = ({ at, id }: AuditRow): string => cursor.of({ createdAt: at, id });

const pageOf = (window: PageWindow): AuditPage => ({
  limit: readingLimit(window),
  order: readingOrder(window, 'descending'),
  beyond: cursor.read(window),
});
