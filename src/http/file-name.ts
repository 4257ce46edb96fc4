/** What a browser calls a download when it keeps it. */
import { create } from 'content-disposition';
import type { DownloadKind } from '../domain/download.ts';

/** A name that is longer is cut: file systems take 255 bytes, and a character may have four. */
const charactersMax = 50;

/** The header for a batch's download: the batch's own name, where it has one, and what is in the file. */
export function attachmentHeader(
  batch: { readonly id: string; readonly name: string | null },
  kind: DownloadKind,
  extension: string,
): string {
  const words = (batch.name ?? '').replace(unsafe, ' ').replace(misleading, '').replace(/\s+/g, ' ');
  const name = [...words].slice(0, charactersMax).join('').trim();
  return create(`${name === '' ? batch.id : name}-${kind}.${extension}`);
}

/** What some file system gives a meaning to, and what turns a text around. */
const unsafe = /[\p{C}\p{Zl}\p{Zp}<>:"/\\|?*%]/gu;
/** A dot would hide the file, and a dash would make it an option of whatever is told its name. */
const misleading = /^[\s.-]+/;
