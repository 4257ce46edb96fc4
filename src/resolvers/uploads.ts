/** Uploads: making one, and what is told of it. */
import { type CreatedUpload, createUpload as create } from '../batches/verbs.ts';
import { type Context, forgetLoaded } from '../context.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import { DryRun } from '../domain/dry-run.ts';
import type { UploadFailure } from '../domain/upload.ts';
import { followUpload } from '../events/follow-upload.ts';
import type { Stream } from '../events/stream.ts';
import { uuidOfArgument } from './arguments.ts';
import { type CreateUploadArgument, readCreateUpload } from './input.ts';

/** An upload, as the schema's type is backed. */
export type UploadModel = UploadRow;

/** Makes an upload. */
export const createUpload = (
  { input }: { input: CreateUploadArgument },
  { services, scope }: Context,
): Promise<CreatedUpload> => create(services, scope, readCreateUpload(input));

/** Where the file is sent. */
export const uploadUrl = ({ path }: CreatedUpload, { origin }: Context): string => `${origin}${path}`;

/** The batch that an upload goes to, or is checked for; null where there is none. */
export const batchOfUpload = async (
  { batchId }: UploadRow,
  { loaders }: Context,
): Promise<BatchRow | null> => (batchId === null ? null : loaders.batch.load(batchId));

/** What a checked file comes to; null while it is not known, and of files that are kept. */
export const dryRunOf = ({ findings }: UploadRow): DryRun | null =>
  findings === null ? null : new DryRun(findings);

/** Why an upload failed. */
export interface UploadFault {
  readonly code: UploadFailure;
  readonly message: string;
}

/** Why an upload failed; null where it has not. */
export const faultOf = ({ errorCode, errorMessage }: UploadRow): UploadFault | null =>
  errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' };

/** The newest upload of a batch; null where it has none. */
export const newestUpload = ({ id }: BatchRow, { loaders }: Context): Promise<UploadRow | null> =>
  loaders.newestUpload.load(id);

/** The states of one upload. */
export async function uploadUpdated(
  args: { id: string },
  { services, scope }: Context,
): Promise<Stream<UploadRow>> {
  return followUpload(services, scope, uuidOfArgument('Upload', 'id', args.id));
}

/** A state as `uploadUpdated` tells it. */
export function changedUpload(upload: UploadRow, context: Context): UploadRow {
  // What was loaded for the state before is old by now.
  forgetLoaded(context);
  return upload;
}
