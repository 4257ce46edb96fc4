/** A file as the service shows it. Times of files are Unix seconds whatever the quirks. */
import type { KeptFile, Store } from './emulator-store.ts';

/** The vendor's file object. */
export interface FileObject {
  readonly id: string;
  readonly object: 'file';
  readonly bytes: number;
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: string;
  readonly status: string;
}

/** The object of an uploaded file. */
export const inputObject = (
  store: Store,
  { id, bytes, createdAt, filename, isAwaited }: KeptFile,
): FileObject => ({
  id,
  object: 'file',
  bytes,
  created_at: Math.floor(Date.parse(createdAt) / 1000),
  filename,
  purpose: store.service.quirks.purpose,
  status: isAwaited ? 'uploaded' : 'processed',
});
