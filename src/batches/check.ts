/**
 * The promises of this service that can be read off its rows, asked of a live database. Owns their list and
 * names; each is one statement of a `db/queries/check-*.ts`. Repairs nothing.
 */
import type { Database, Queryable } from '../db/client.ts';
import type { Finding } from '../db/queries/check.ts';
import {
  checkCalls,
  checkCost,
  checkCounts,
  checkEnds,
  checkEvents,
  checkLeftovers,
  checkRemoved,
  checkTenants,
  checkTold,
  checkTotals,
  checkUploads,
  checkUsage,
} from '../db/queries/check-batches.ts';
import { checkAttempts, checkCallbacks, checkDeliveries } from '../db/queries/check-callbacks.ts';
import { checkCredentials } from '../db/queries/check-credentials.ts';
import {
  checkCollected,
  checkDue,
  checkEvidence,
  checkJobs,
  checkLeases,
  checkResults,
  checkRetries,
  checkStrays,
  checkSubmissions,
} from '../db/queries/check-jobs.ts';
import { checkReserved, checkSpend } from '../db/queries/check-spend.ts';
import { checkStatuses } from '../db/queries/check-status.ts';
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
    title: 'A closed batch is terminal exactly when every attempt of every request has a result.',
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
  {
    name: 'due',
    title: 'A job has a time for the work that is left, or waits for a person.',
    find: checkDue,
  },
  { name: 'results', title: 'Every result is of a request that its job holds.', find: checkResults },
  {
    name: 'leftovers',
    title: 'Nothing is left of deleted batches but the event that tells of it.',
    find: checkLeftovers,
  },
  {
    name: 'calls',
    title: "Every call that is remembered under a caller's key is of a batch that is there, or was deleted.",
    find: checkCalls,
  },
  {
    name: 'statuses',
    title: 'Every batch is what its jobs and requests make of it.',
    find: checkStatuses,
  },
  {
    name: 'told',
    title: 'The newest event gives the status, and the last of an ended batch tells its end.',
    find: checkTold,
  },
  {
    name: 'tenants',
    title: 'Jobs and events are of the organization of their batch.',
    find: checkTenants,
  },
  {
    name: 'collected',
    title: 'Every request of a collected job has a result, and the job is over.',
    find: checkCollected,
  },
  {
    name: 'evidence',
    title: 'A job whose fate is not known tells what is known of it.',
    find: checkEvidence,
  },
  {
    name: 'leases',
    title: 'Leases are numbered, and no sync is served before it is asked for.',
    find: checkLeases,
  },
  {
    name: 'strays',
    title: "Every line of nobody's is of the job that it came with.",
    find: checkStrays,
  },
  {
    name: 'retries',
    title: 'Only what had failed is tried again.',
    find: checkRetries,
  },
  {
    name: 'callbacks',
    title: 'Every batch that has ended and has a callback URL has a delivery of its newest end.',
    find: checkCallbacks,
  },
  {
    name: 'deliveries',
    title: 'Every delivery is of an end of its batch, and due exactly while it is pending.',
    find: checkDeliveries,
  },
  {
    name: 'attempts',
    title: 'The attempts of a delivery are numbered without a gap, as it counts them.',
    find: checkAttempts,
  },
  { name: 'cost', title: 'Cost and saving equal the sums of the results.', find: checkCost },
  {
    name: 'spend',
    title: 'What an organization spent by day and model is what the results of that day cost.',
    find: checkSpend,
  },
  {
    name: 'credentials',
    title: 'The credential of a batch is of its organization and provider, and its jobs have the same.',
    find: checkCredentials,
  },
  {
    name: 'reserved',
    title: 'A batch holds of a budget what it may still cost, and nothing unless it is under way.',
    find: checkReserved,
  },
  {
    name: 'uploads',
    title: "Requests beyond a batch's total are of the one file that is on its way into it.",
    find: checkUploads,
  },
  {
    name: 'removed',
    title: 'Nothing is left of bodies that were removed, as far as their removal has come.',
    find: checkRemoved,
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
