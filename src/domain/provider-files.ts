/**
 * What becomes of that which a provider keeps of a job, its requests and results: kept there until the provider itself
 * drops it, or deleted at a caller's asking, once every result is here. Owns these states and rules; doing it is
 * `batches/delete-job-files.ts`.
 */
import type { BatchStatus } from './status.ts';
import { isTerminalBatch } from './status.ts';

/** What becomes of what a provider keeps of a job. */
export const providerFilesStates = ['KEPT', 'DELETING', 'DELETED', 'FAILED'] as const;
/** What becomes of what a provider keeps of a job. */
export type ProviderFilesState = (typeof providerFilesStates)[number];

/** Why the files of a batch in this state cannot be deleted; null where they can. */
export const deletionRefusal = (status: BatchStatus): string | null =>
  isTerminalBatch(status)
    ? null
    : "The batch is not over: what its provider keeps is needed. Ask again at its end, or with createBatch's deleteProviderFiles.";

/**
 * What becomes of a job's files when it is collected. Where its results could not be had, nothing is deleted by itself:
 * what is there may be all that is left of them.
 */
export const filesOnceCollected = (
  state: ProviderFilesState,
  { isLost }: { readonly isLost: boolean },
): ProviderFilesState => (state === 'DELETING' && isLost ? 'KEPT' : state);

/** With pauses of up to five minutes, for about a day. */
const triesMax = 300;

/** What a failed deletion comes to: another try where it may pass, and the end of them where it will not. */
export const afterFailedDeletion = ({
  mayPass,
  failures,
}: {
  readonly mayPass: boolean;
  readonly failures: number;
}): Extract<ProviderFilesState, 'DELETING' | 'FAILED'> =>
  mayPass && failures < triesMax ? 'DELETING' : 'FAILED';
