/**
 * Calls under the caller's own key: however often one is made, it is done once, and each of them gets the answer. The
 * key is claimed first, in the transaction of what the call does, so that there is a key exactly where there is an
 * effect: calls at the same time wait for the first, a crash after the commit is answered when the call is made again,
 * and one that was refused or failed did nothing and leaves no key. Left to others: what counts as the same call
 * (`domain/idempotency.ts`), and what a call does.
 */
import { createHash } from 'node:crypto';
import type { Queryable } from '../db/client.ts';
import { findBatch } from '../db/queries/batches.ts';
import { claimCall, findCall, keepAnswer } from '../db/queries/idempotency.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { askedFor, type CallInput, forgottenBefore } from '../domain/idempotency.ts';
import type { JsonObject } from '../domain/json-line.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { IdempotencyConflictError, NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';

/** A call that can be made again. */
export interface Call {
  /** The mutation: `createBatch`. */
  readonly verb: string;
  /** The caller's key; null or undefined where it gave none, and then the call is simply done. */
  readonly key: string | null | undefined;
  /** Everything else that the caller said, ids included. */
  readonly input: CallInput;
  /** The batch that the call makes or changes. */
  readonly batchId: string;
}

/** What a call did: the batch, and what else it answers, which is kept for those who call again. */
export interface Done<Answer extends JsonObject = Record<string, never>> {
  readonly batch: BatchRow;
  readonly answer: Answer;
}

/** What a call answers. A call that was made before answers its batch as that now is, and the rest as it was. */
export interface Called<Answer extends JsonObject = Record<string, never>> extends Done<Answer> {
  /** Whether it was made before, so that it did nothing now. */
  readonly replayed: boolean;
}

/**
 * Does the call, unless it was made before. `prepare` reads and checks what needs no lock and answers what is then to
 * be done in a transaction; it is not asked at all where the call was made before. Throws what these throw,
 * `IdempotencyConflictError` where the key was used for something else, and `NotFoundError` where the batch of a call
 * that was made before has been deleted.
 */
export async function callOnce<Answer extends JsonObject>(
  services: Services,
  scope: OrganizationScope,
  { key, ...call }: Call,
  prepare: (q: Queryable) => Promise<(tx: Queryable) => Promise<Done<Answer>>>,
): Promise<Called<Answer>> {
  const { db } = services;
  if (key === null || key === undefined) {
    const act = await db.read(prepare);
    return { ...(await db.transaction(act)), replayed: false };
  }
  const at = services.clock.now();
  const keyed = { key, at, verb: call.verb, batchId: call.batchId, fingerprint: fingerprintOf(call) };
  const before = await db.read((q) => madeBefore<Answer>(scope, q, keyed));
  if (before !== null) return before;
  return db.transaction(async (tx) => {
    while (!(await claim(scope, tx, keyed))) {
      const meanwhile = await madeBefore<Answer>(scope, tx, keyed);
      if (meanwhile !== null) return meanwhile;
    }
    // Only now, so that of calls at the same time one alone reads and checks a large input.
    const act = await prepare(tx);
    const done = await act(tx);
    if (Object.keys(done.answer).length > 0) await keepAnswer(scope, tx, key, done.answer);
    return { ...done, replayed: false };
  });
}

interface KeyedCall extends Pick<Call, 'verb' | 'batchId'> {
  readonly key: string;
  readonly fingerprint: string;
  readonly at: Date;
}

const claim = (scope: OrganizationScope, tx: Queryable, { verb, ...call }: KeyedCall): Promise<boolean> =>
  claimCall(scope, tx, { ...call, operation: verb }, forgottenBefore(call.at));

/** The answer of the call under the same key; null where none is remembered. */
async function madeBefore<Answer extends JsonObject>(
  scope: OrganizationScope,
  q: Queryable,
  { key, verb, fingerprint, at }: KeyedCall,
): Promise<Called<Answer> | null> {
  const made = await findCall(scope, q, key, forgottenBefore(at));
  if (made === null) return null;
  if (made.operation !== verb || made.fingerprint !== fingerprint) {
    throw new IdempotencyConflictError(key, { verb, usedFor: made.operation });
  }
  const batch = await findBatch(scope, q, made.batchId);
  if (batch === null) throw new NotFoundError('batch', made.batchId);
  // The same verb wrote it.
  return { batch, answer: made.answer as Answer, replayed: true };
}

function fingerprintOf({ verb, input }: Pick<Call, 'verb' | 'input'>): string {
  const hash = createHash('sha256');
  for (const piece of askedFor(verb, input)) hash.update(piece);
  return hash.digest('hex');
}
