/** The enums of uploads, made from the domain's words. */
import { uploadFailures, uploadStatuses } from '../domain/upload.ts';
import { builder } from './builder.ts';
import { described } from './enums.ts';

/** Where an upload is. */
export const UploadStatusType = builder.enumType('UploadStatus', {
  description: 'Where an upload is.',
  values: described(uploadStatuses, {
    WAITING: 'Its file has not begun to come.',
    RECEIVING: 'Its file is coming.',
    COMPLETED: 'Its file was taken: the requests are in the batch, or the check is done. The end.',
    FAILED: 'Its file was not taken, and nothing of it is kept. It can be sent again while the URL lives.',
  }),
});

/** Why an upload failed. */
export const UploadFailureType = builder.enumType('UploadFailure', {
  description: 'Why an upload failed.',
  values: described(uploadFailures, {
    ABORTED: 'Its sender went away before the file was whole.',
    STALLED: 'Its sender fell silent.',
    BAD_GZIP: 'It was said to be gzip and is not, or not whole.',
    INVALID: 'Lines of it cannot be taken: see issues.',
    QUOTA_EXCEEDED: 'It is beyond a quota of your organization.',
    BATCH_CLOSED: 'Its batch was closed or deleted meanwhile.',
    KEY_REVOKED: 'The key that asked for its URL was revoked meanwhile.',
    LOST: 'The service stopped, or lost the database, before the file was in.',
  }),
});
