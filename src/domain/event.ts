/** What can happen to a batch, as words. One event is one committed change. */

/** The kinds of event. `SNAPSHOT` is only ever sent, never stored: it opens a subscription. */
export const eventKinds = [
  'SNAPSHOT',
  'BATCH_CREATED',
  'REQUESTS_ADDED',
  'BATCH_UPDATED',
  'BATCH_CLOSED',
  'CLOSE_FAILED',
  'JOB_SENDING',
  'JOB_SUBMITTED',
  'JOB_POLLED',
  'JOB_DELAYED',
  'JOB_UNKNOWN',
  'JOB_FAILED',
  'JOB_RESOLVED',
  'JOB_ADOPTED',
  'RESULTS_ADDED',
  'CANCEL_REQUESTED',
  'BATCH_RETRIED',
  'BATCH_ENDED',
  'BATCH_DELETED',
  'BUDGET_WARNING',
  'RESULTS_REMOVED',
  'PROVIDER_FILES_DELETED',
] as const;
/** What happened. */
export type EventKind = (typeof eventKinds)[number];
