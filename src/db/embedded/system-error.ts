/**
 * What the operating system refuses: told apart by its code, or turned into the one sentence of a `StartError`.
 * Which refusals are expected, and what they mean, is known where the call stands.
 */
import { getSystemErrorMessage } from 'node:util';
import { StartError } from '../../errors.ts';

/** Whether this is the operating system's error with one of these codes, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}

/**
 * What `work` gives. A refusal of the operating system becomes a `StartError` that begins with `failure` and
 * ends with the system's own words: "The data directory /srv cannot be used: read-only file system." Every
 * other error passes as it is.
 */
export async function explained<T>(failure: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) throw error;
    throw new StartError(`${failure}: ${getSystemErrorMessage(error.errno)}.`);
  }
}
