/** How much of something each key has open at once in this process: connections, subscriptions. */

/** What is open, by key. */
export interface OpenLimit {
  /** The most that one key may have open. */
  readonly limit: number;
  /** How much the key has open. */
  openOf(apiKeyId: string): number;
  /** Opens one more; null where the key has as many as it may. What it answers closes it again, once. */
  open(apiKeyId: string): (() => void) | null;
}

/** A limit with nothing open. */
export function createOpenLimit(limit: number): OpenLimit {
  const open = new Map<string, number>();
  const openOf = (apiKeyId: string): number => open.get(apiKeyId) ?? 0;
  return {
    limit,
    openOf,
    open(apiKeyId) {
      if (openOf(apiKeyId) >= limit) return null;
      open.set(apiKeyId, openOf(apiKeyId) + 1);
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        const left = openOf(apiKeyId) - 1;
        if (left === 0) open.delete(apiKeyId);
        else open.set(apiKeyId, left);
      };
    },
  };
}
