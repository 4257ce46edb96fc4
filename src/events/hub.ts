/**
 * Wakes those who follow batches, or keys, in this process. A wake-up says "something moved" and nothing else: followers
 * read the database themselves, so a lost, doubled or late hint costs at most time. Each follower holds one
 * flag, never a queue, so one that does not read costs the same as one that does.
 */

/** A change that was announced: of which batch, and whose; or of which key. */
export type Hint =
  | { readonly organizationId: string; readonly batchId: string }
  | { readonly apiKeyId: string };

/** What a follower wants to be woken for. */
export type Interest =
  | { readonly batchId: string }
  | { readonly organizationId: string }
  | { readonly apiKeyId: string };

/** One follower's end. */
export interface Follower {
  /**
   * Resolves to `moved` at the next wake-up, at once if one came since the last call; to `closed` when the
   * follower or the hub is. One call waits at a time.
   */
  next(): Promise<'moved' | 'closed'>;
  close(): void;
}

/** The meeting point of announcements and followers. */
export interface Hub {
  follow(interest: Interest): Follower;
  /** Announces a change to those interested. */
  announce(hint: Hint): void;
  /** Wakes everybody, because hints may have been lost. */
  announceAll(): void;
  /** Ends every follower; for shutdown. */
  close(): void;
  /** How many follow batches now. */
  readonly size: number;
  /** Whether nobody follows anything, keys included. */
  readonly isEmpty: boolean;
}

/** A hub without followers. */
export function createHub(): Hub {
  const byInterest = new Map<string, Set<Waiter>>();
  const all = new Set<Waiter>();
  let closed = false;

  return {
    follow(interest) {
      const key = keyOf(interest);
      const waiter = new Waiter(interest, () => {
        all.delete(waiter);
        const peers = byInterest.get(key);
        peers?.delete(waiter);
        if (peers?.size === 0) byInterest.delete(key);
      });
      if (closed) {
        waiter.close();
        return waiter;
      }
      all.add(waiter);
      const peers = byInterest.get(key) ?? new Set();
      byInterest.set(key, peers.add(waiter));
      return waiter;
    },
    announce(hint) {
      for (const interest of interestsIn(hint)) {
        for (const waiter of byInterest.get(keyOf(interest)) ?? []) waiter.wake();
      }
    },
    announceAll() {
      for (const waiter of all) waiter.wake();
    },
    close() {
      closed = true;
      for (const waiter of [...all]) waiter.close();
    },
    get size() {
      return [...all].filter(({ interest }) => !('apiKeyId' in interest)).length;
    },
    get isEmpty() {
      return all.size === 0;
    },
  };
}

const interestsIn = (hint: Hint): readonly Interest[] =>
  'apiKeyId' in hint ? [hint] : [{ batchId: hint.batchId }, { organizationId: hint.organizationId }];

const keyOf = (interest: Interest): string => {
  if ('batchId' in interest) return `batch ${interest.batchId}`;
  if ('apiKeyId' in interest) return `key ${interest.apiKeyId}`;
  return `organization ${interest.organizationId}`;
};

class Waiter implements Follower {
  readonly interest: Interest;
  readonly #onClose: () => void;
  #moved = false;
  #closed = false;
  #resolve: ((what: 'moved' | 'closed') => void) | null = null;

  constructor(interest: Interest, onClose: () => void) {
    this.interest = interest;
    this.#onClose = onClose;
  }

  next(): Promise<'moved' | 'closed'> {
    if (this.#closed) return Promise.resolve('closed');
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (this.#moved) this.#deliver();
    });
  }

  wake(): void {
    this.#moved = true;
    this.#deliver();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    this.#resolve?.('closed');
    this.#resolve = null;
  }

  #deliver(): void {
    if (this.#resolve === null) return;
    this.#moved = false;
    this.#resolve('moved');
    this.#resolve = null;
  }
}
