/** Why an upload ended without its file being taken, and what its sender is told. */

import type { UploadFailure } from '../domain/upload.ts';

/** Why a file is not taken: what its upload failed by, or that another one comes first. */
export type UploadRefusal = UploadFailure | 'BUSY';

/** The messages by reason; public. */
const messages = {
  ABORTED: 'The file ended before it was whole; nothing of it was kept. Send it again.',
  STALLED: 'Nothing came for too long; nothing of the file was kept. Send it again.',
  BAD_GZIP: 'The file is not whole gzip, as its Content-Encoding says; nothing of it was kept.',
  QUOTA_EXCEEDED: 'The file is beyond a quota of the organization; nothing of it was kept.',
  BATCH_CLOSED: 'The batch takes no requests any more; nothing of the file was kept.',
  KEY_REVOKED: 'The key that asked for this URL was revoked; nothing of the file was kept.',
  BUSY: 'Another file is on its way into the batch, or what came of one is being removed; try again later.',
  INVALID: 'Lines of the file cannot be taken; nothing of it was kept.',
  LOST: 'The service stopped before the file was in; nothing of it was kept. Send it again.',
} as const satisfies Record<UploadRefusal, string>;

/** The upload is over and nothing of it is kept. The message is public. */
export class UploadBroken extends Error {
  readonly reason: UploadRefusal;
  constructor(reason: UploadRefusal, message: string = messages[reason]) {
    super(message);
    this.name = 'UploadBroken';
    this.reason = reason;
  }
}
