/**
 * The whole background life on one page: every task by name, what it does, and which lane it runs in. A task's
 * payload is the id of a row; the row decides whether there is anything to do, so a task that is doubled, late
 * or lost harms nothing, and a task never throws in order to be retried.
 */
import { closeDueBatch } from '../batches/close-due.ts';
import { type LeasedWork, withLease } from '../batches/lease.ts';
import { removeResults } from '../batches/remove-results.ts';
import { discardUpload } from '../batches/upload-end.ts';
import type { TaskName } from '../batches/work.ts';
import { workOnJob } from '../batches/work-on-job.ts';
import { deliverTask } from '../callbacks/announce.ts';
import { deliverCallback } from '../callbacks/deliver.ts';
import type { Services } from '../services.ts';

/** Lanes have their own concurrency, so that long work never keeps short work waiting. */
export const lanes = {
  /** Polls and timers: one short call each. */
  short: 8,
  /** Submissions: long uploads. */
  submit: 2,
  /** Ingestion: long downloads and much writing. */
  ingest: 2,
  /** Calls to callback URLs: short, unless a receiver is slow, and then that is its own affair. */
  callback: 8,
  /** Removing what was kept long enough: much writing that nobody waits for. */
  removal: 1,
} as const;
/** A lane's name. */
export type Lane = keyof typeof lanes;

/** One kind of background work. */
export interface CatalogEntry {
  readonly lane: Lane;
  readonly title: string;
  run(services: Services, id: string, stop: AbortSignal): Promise<void>;
}

/** Every task. */
export const catalog = {
  'batch.close': {
    lane: 'short',
    title: 'Closes an open batch whose timer has run out.',
    run: (services, id) => closeDueBatch(services, id),
  },
  'job.submit': {
    lane: 'submit',
    title: 'Sends a job to its provider, or looks for one whose answer was lost.',
    run: onJob(['submit', 'recover']),
  },
  'job.poll': {
    lane: 'short',
    title: 'Asks a provider how a job is doing, or to stop it.',
    run: onJob(['poll']),
  },
  'job.collect': {
    lane: 'ingest',
    title: "Copies a finished job's results.",
    run: onJob(['collect']),
  },
  'job.delete-files': {
    lane: 'short',
    title: 'Has a provider delete what it keeps of a job whose results are all here.',
    run: onJob(['delete']),
  },
  'upload.discard': {
    lane: 'short',
    title: 'Removes what is left of an upload that failed, or that a process left when it died.',
    run: discardUpload,
  },
  'batch.remove-results': {
    lane: 'removal',
    title: 'Removes the bodies of requests and results that were kept long enough.',
    run: removeResults,
  },
  [deliverTask]: {
    lane: 'callback',
    title: "Tells a batch's callback URL that it has ended.",
    run: deliverCallback,
  },
} as const satisfies Record<TaskName, CatalogEntry>;

type JobWorks = Parameters<typeof workOnJob>[1];

/** Work under the job's lease. A job that needs other work by now is left to the task of that name. */
function onJob(works: JobWorks): CatalogEntry['run'] {
  return (services, id, stop) => {
    const work: LeasedWork = (job, lease) => workOnJob(services, works, job, lease);
    return withLease(services, id, stop, work);
  };
}
