/**
 * Who did what: every call that can change something is done inside `audited`, which writes one row for it. The row of a
 * call that did something commits with what it did, so that there is none without the other; the row of one that was
 * refused, failed, or had been made before is written after it. Owns how that comes about without a verb knowing; which
 * calls are made so is left to the schema's plugin and to the command line.
 */
import type { Database, Queryable } from '../db/client.ts';
import { recordCall, recordUnlessKnown } from '../db/queries/audit.ts';
import type { AuditRow } from '../db/tables/audit.ts';
import type { Scope } from '../domain/scope.ts';
import { AppError } from '../errors.ts';
import { newId, type Services } from '../services.ts';

/** What a call was about, by the ids that it named or made; null for what it was not about. */
export interface AuditTarget {
  readonly batchId: string | null;
  readonly jobId: string | null;
  readonly subjectKeyId: string | null;
  readonly credentialId: string | null;
}

/** A call that is about nothing that it names. */
export const noTarget: AuditTarget = {
  batchId: null,
  jobId: null,
  subjectKeyId: null,
  credentialId: null,
};

/** A call, as it is known before it is done. */
export interface AuditedCall {
  /** The mutation, or what would be one: `cancelBatch`. */
  readonly verb: string;
  readonly organizationId: string;
  readonly target: AuditTarget;
}

type Parts = Pick<Services, 'db' | 'clock' | 'log'>;

/** What a call comes to that is not one of our typed errors: a fault of the service, as callers see it. */
const fault = 'INTERNAL_SERVER_ERROR';

/** Does the call, on a database that writes it down. Answers and throws what `work` does. */
export async function audited<T>(
  { db, clock, log }: Parts,
  scope: Scope,
  call: AuditedCall,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const { target } = call;
  const entry = entryOf({ clock }, scope, call);
  const record = (q: Queryable, outcome: string, made: AuditTarget) =>
    recordCall(scope, q, { ...entry, outcome, ...made });
  let isWritten = false;
  const writing: Database = {
    ...db,
    async transaction(act) {
      const result = await db.transaction(async (tx) => {
        const done = await act(tx);
        await record(tx, entry.outcome, withMade(target, done));
        return done;
      });
      isWritten = true;
      return result;
    },
  };
  try {
    const result = await work(writing);
    if (!isWritten) await db.read((q) => record(q, entry.outcome, withMade(target, result)));
    return result;
  } catch (error) {
    const writeDown = (q: Queryable) =>
      error instanceof AppError
        ? record(q, error.code, target)
        : // The call may have been done although nobody heard of it; what was written with it is true then.
          recordUnlessKnown(scope, q, { ...entry, outcome: fault });
    // Nothing was done without its row; and the caller is to hear why.
    await db
      .read(writeDown)
      .catch((failure: unknown) =>
        log.error({ err: failure }, 'a call that failed could not be written down'),
      );
    throw error;
  }
}

/** The row of a call that came to what it was made for; for what commits in one transaction of its own. */
export const entryOf = (
  { clock }: Pick<Parts, 'clock'>,
  scope: Scope,
  { verb, organizationId, target }: AuditedCall,
): AuditRow => ({
  id: newId(clock),
  organizationId,
  at: clock.now(),
  apiKeyId: scope.kind === 'organization' ? scope.apiKeyId : null,
  verb,
  outcome: 'OK',
  ...target,
});

/** What a call made, or what was found by what it named, as verbs answer it. */
function withMade(target: AuditTarget, result: unknown): AuditTarget {
  return {
    batchId: target.batchId ?? idIn(result, 'batch'),
    jobId: target.jobId ?? idIn(result, 'job'),
    subjectKeyId: target.subjectKeyId ?? idIn(result, 'apiKey'),
    credentialId: target.credentialId ?? idIn(result, 'credential'),
  };
}

function idIn(result: unknown, name: string): string | null {
  const part = propertyOf(result, name);
  const id = propertyOf(part, 'id');
  return typeof id === 'string' ? id : null;
}

const propertyOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
