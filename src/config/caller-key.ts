/** The key by which a command of this program signs in to a service that runs elsewhere. */

/** What is in `BATCHQL_API_KEY`; null where nothing is. From there alone: arguments are seen by everybody on the host. */
export function callerKey(): string | null {
  const key = process.env['BATCHQL_API_KEY']?.trim() ?? '';
  return key === '' ? null : key;
}
