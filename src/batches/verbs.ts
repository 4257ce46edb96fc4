/** The verbs of a batch's life, as callers have them. */
export { addRequests } from './add-requests.ts';
export { adoptJob } from './adopt-job.ts';
export { cancelBatch, jobsGoingOn } from './cancel.ts';
export { createBatch } from './create.ts';
export { type CreatedUpload, createUpload } from './create-upload.ts';
export { deleteBatch } from './delete.ts';
export { deleteProviderFiles } from './delete-provider-files.ts';
export { dryRunBatch } from './dry-run.ts';
export { type JobOfBatch, resolveJob } from './resolve-job.ts';
export { type RetriedBatch, retryBatch } from './retry.ts';
export { submitBatch } from './submit.ts';
export { type SyncedBatch, syncBatch } from './sync.ts';
export { updateBatch } from './update.ts';
