/**
 * The promises of this service that can be read off its rows, asked of a live database. Owns their list and
 * names; each is one statement of a `db/queries/check-*.ts`. Repairs nothing.
 */
import type { Database, Queryable } from '../db/client.ts';
import type { Finding } from '../db/queries/check.ts';
import {
  checkCounts,
  checkEnds,
  checkEvents,
  checkLeftovers,
  checkTotals,
  checkUsage,
} from '../db/queries/check-batches.ts';
import { checkDue, checkJobs, checkResults, checkSubmissions } from '../db/queries/check-jobs.ts';
import { type Scope, workerScope } from '../domain/scope.ts';

/** Something that is true at every commit. */
export interface Invariant {
  /** A short word for it, which does not change. */
  readonly name: string;
  /** What holds, as a sentence. */
  readonly title: string;
  /** Looks at every row that it speaks of. */
  find(worker: Scope, db: Queryable): Promise<Finding>;
}

/** All of them; a new one stands at the end. */
export const invariants: readonly Invariant[] = [
  { name: 'totals', title: "Every batch's total and bytes are those of its requests.", find: checkTotals },
  {
    name: 'counts',
    title: 'The six counts sum to the total and equal what the rows say.',
    find: checkCounts,
  },
  { name: 'usage', title: 'Token sums equal those of the results.', find: checkUsage },
  {
    name: 'ends',
    title: 'A closed batch is terminal exactly when every request has a result.',
    find: checkEnds,
  },
  {
    name: 'events',
    title: "Events are numbered up to the batch's version without a gap.",
    find: checkEvents,
  },
  {
    name: 'jobs',
    title: 'Jobs share no request within an attempt and cover every closed batch.',
    find: checkJobs,
  },
  {
    name: 'submissions',
    title: "Every provider's batch belongs to one job, which names it.",
    find: checkSubmissions,
  },
  { name: 'due', title: 'A job with work left has a time for it, or waits for a person.', find: checkDue },
  { name: 'results', title: 'Every result is of a request that its job holds.', find: checkResults },
  {
    name: 'leftovers',
    title: 'Nothing is left of deleted batches but the event that tells of it.',
    find: checkLeftovers,
  },
];

/** An invariant, and what was found. */
export interface CheckedInvariant extends Finding {
  readonly invariant: Invariant;
}

/** Every invariant in order, each asked of one moment of the whole database. Throws `DatabaseError`. */
export async function checkInvariants(db: Database): Promise<readonly CheckedInvariant[]> {
  const checked: CheckedInvariant[] = [];
  for (const invariant of invariants) {
    const finding = await db.read((q) => invariant.find(workerScope, q));
    checked.push({ invariant, ...finding });
  }
  return checked;
}
