/** What becomes of a provider's files once a job is collected: deleted at once where that was asked for, else nothing. */
import type { JobPatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { filesOnceCollected } from '../domain/provider-files.ts';

/** The part of a job's change that says so, and when its next work is due; `isLost`: results were not to be had. */
export function filesAfter(
  { providerFiles: asked }: Pick<JobRow, 'providerFiles'>,
  now: Date,
  { isLost }: { readonly isLost: boolean },
): Pick<JobPatch, 'providerFiles' | 'dueAt'> {
  const providerFiles = filesOnceCollected(asked, { isLost });
  return { providerFiles, dueAt: providerFiles === 'DELETING' ? now : null };
}
