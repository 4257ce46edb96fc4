/**
 * One upload, followed: its state at the start, then the newest after each change. A subscriber that reads slowly skips
 * states in between, never the last one.
 */
import type { Database } from '../db/client.ts';
import { findUploads } from '../db/queries/uploads.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

/** The states of an upload. Ends when it is completed or removed. Throws `NotFoundError` where the scope has none. */
export async function followUpload(
  { db, hub }: Pick<Services, 'db' | 'hub'>,
  scope: Scope,
  id: string,
): Promise<Stream<UploadRow>> {
  if ((await find(db, scope, id)) === null) throw new NotFoundError('upload', id);
  return followed(hub, { uploadId: id }, (follower) => states(db, scope, id, follower));
}

async function* states(
  db: Database,
  scope: Scope,
  id: string,
  follower: Follower,
): AsyncGenerator<UploadRow, void, undefined> {
  let last = 0;
  for (;;) {
    const upload = await find(db, scope, id);
    if (upload === null) return;
    if (upload.version > last) yield upload;
    last = upload.version;
    // A failed one may begin anew.
    if (upload.status === 'COMPLETED') return;
    if ((await follower.next()) === 'closed') return;
  }
}

async function find(db: Database, scope: Scope, id: string): Promise<UploadRow | null> {
  const [row] = await db.read((q) => findUploads(scope, q, [id]));
  return row ?? null;
}
