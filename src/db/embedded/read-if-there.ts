/**
 * Reading a file that may not exist yet, or no more. A file that exists and cannot be read is still an error.
 */
import { readFile } from 'node:fs/promises';
import { hasCode } from './system-error.ts';

/** The file's text; undefined when there is no such file. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
