/**
 * The status words of batch, job, item and delivery, and the questions asked of them. Words only: what moves a job is
 * `job.ts`, what jobs make of a batch is `batch.ts`.
 */

/** The states of a batch, in the order in which it usually passes them. */
export const batchStatuses = [
  'ACCUMULATING',
  'SUBMITTED',
  'VALIDATING',
  'IN_PROGRESS',
  'FINALIZING',
  'CANCELLING',
  'COMPLETED',
  'FAILED',
  'EXPIRED',
  'CANCELLED',
] as const;
/** What a batch is doing. */
export type BatchStatus = (typeof batchStatuses)[number];

/** The states of a job: Letta's seven, and CANCELLING and UNKNOWN. */
export const jobStatuses = [
  'CREATED',
  'PENDING',
  'UNKNOWN',
  'RUNNING',
  'CANCELLING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'EXPIRED',
] as const;
/** What a job is doing, whatever its provider calls it. */
export type JobStatus = (typeof jobStatuses)[number];

/** The states of an item. */
export const itemStatuses = ['PENDING', 'SUBMITTED', 'SUCCEEDED', 'ERRORED', 'EXPIRED', 'CANCELLED'] as const;
/** What became of one request. */
export type ItemStatus = (typeof itemStatuses)[number];

/** The states a result can give an item. */
export const resultStatuses = ['SUCCEEDED', 'ERRORED', 'EXPIRED', 'CANCELLED'] as const;
/** The outcome of one item in one attempt. */
export type ResultStatus = (typeof resultStatuses)[number];

/** What can become of telling a callback URL that a batch has ended. */
export const deliveryStatuses = ['PENDING', 'DELIVERED', 'FAILED'] as const;
/** Still to be told, told, or given up. */
export type DeliveryStatus = (typeof deliveryStatuses)[number];

const terminalBatch = {
  ACCUMULATING: false,
  SUBMITTED: false,
  VALIDATING: false,
  IN_PROGRESS: false,
  FINALIZING: false,
  CANCELLING: false,
  COMPLETED: true,
  FAILED: true,
  EXPIRED: true,
  CANCELLED: true,
} as const satisfies Record<BatchStatus, boolean>;

/** Whether a batch in this state has every result it will get, short of a retry. */
export const isTerminalBatch = (status: BatchStatus): boolean => terminalBatch[status];

/** Whether any request of a batch in this state is under way: it is closed, and not over. */
export const isUnderWay = (status: BatchStatus): boolean =>
  status !== 'ACCUMULATING' && !isTerminalBatch(status);

const overAtProvider = {
  CREATED: false,
  PENDING: false,
  UNKNOWN: false,
  RUNNING: false,
  CANCELLING: false,
  COMPLETED: true,
  FAILED: true,
  CANCELLED: true,
  EXPIRED: true,
} as const satisfies Record<JobStatus, boolean>;

/** A state in which the provider does no more work on a job; its results may still have to be copied. */
export type FinalJobStatus = {
  [S in JobStatus]: (typeof overAtProvider)[S] extends true ? S : never;
}[JobStatus];

/** Whether the provider does no more work on a job in this state. */
export const isFinalJob = (status: JobStatus): status is FinalJobStatus => overAtProvider[status];
