/** The names of background tasks, shared by those who ask for work and those who do it (`worker/catalog.ts`). */
import { deliverTask } from '../callbacks/announce.ts';
import type { JobWork } from '../domain/job.ts';

/** Every task by name. Its payload is the id of a row. */
export const taskNames = [
  'batch.close',
  'job.submit',
  'job.poll',
  'job.collect',
  'job.delete-files',
  'upload.discard',
  'batch.remove-results',
  deliverTask,
] as const;
/** A task's name. */
export type TaskName = (typeof taskNames)[number];

/** Which task does which work on a job; looking for a lost submission is part of submitting. */
export const taskFor = {
  submit: 'job.submit',
  recover: 'job.submit',
  poll: 'job.poll',
  collect: 'job.collect',
  delete: 'job.delete-files',
} as const satisfies Record<JobWork, TaskName>;
