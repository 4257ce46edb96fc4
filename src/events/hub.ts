/**
 * Wakes those who follow batches, or keys, in this process. A wake-up says "something moved" and nothing else: followers
 * read the database themselves, so a lost, doubled or late hint costs at most time. Each follower holds one
 * flag, never a queue, so one that does not read costs the same as one that does. Those who are paced are woken
 * together: at once by what comes after a quiet time, and then by all that came within an interval at its end.
 */
import { Pace, type SetTimer } from './pace.ts';

/** A change that was announced: of which batch, and whose; or of which key or upload. */
export type Hint =
  | { readonly organizationId: string; readonly batchId: string }
  | { readonly apiKeyId: string }
  | { readonly uploadId: string };

/** What a follower wants to be woken for. */
export type Interest =
  | { readonly batchId: string }
  | { readonly organizationId: string }
  | { readonly apiKeyId: string }
  | { readonly uploadId: string };

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
  /** Follows; `paced` is for subscribers, who are to be told no more often than the hub's pace. */
  follow(interest: Interest, how?: 'at once' | 'paced'): Follower;
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

/** How often subscribers are woken. */
export interface HubOptions {
  /** The time between two wake-ups of those who are paced; none where left out. */
  readonly intervalMilliseconds?: number;
  readonly setTimer?: SetTimer;
}

/** A hub without followers. */
export function createHub({ intervalMilliseconds = 0, setTimer }: HubOptions = {}): Hub {
  const byInterest = new Map<string, Peers>();
  const all = new Set<Waiter>();
  let closed = false;

  function begin(key: string): Peers {
    const atOnce = new Set<Waiter>();
    const paced = new Set<Waiter>();
    const forgetEmpty = () => {
      if (atOnce.size + paced.size === 0 && byInterest.get(key) === peers) {
        peers.pace.close();
        byInterest.delete(key);
      }
    };
    const peers: Peers = {
      'at once': atOnce,
      paced,
      pace: new Pace(() => wake(paced), intervalMilliseconds, setTimer),
      forgetEmpty,
    };
    byInterest.set(key, peers);
    return peers;
  }

  return {
    follow(interest, how = 'at once') {
      const key = keyOf(interest);
      const peers = byInterest.get(key) ?? begin(key);
      const waiter = new Waiter(interest, () => {
        all.delete(waiter);
        peers[how].delete(waiter);
        peers.forgetEmpty();
      });
      all.add(waiter);
      peers[how].add(waiter);
      if (closed) waiter.close();
      return waiter;
    },
    announce(hint) {
      for (const interest of interestsIn(hint)) tell(byInterest.get(keyOf(interest)));
    },
    announceAll() {
      for (const peers of byInterest.values()) tell(peers);
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

/** Those who follow one thing. */
interface Peers {
  readonly 'at once': Set<Waiter>;
  readonly paced: Set<Waiter>;
  readonly pace: Pace;
  forgetEmpty(): void;
}

function tell(peers: Peers | undefined): void {
  if (peers === undefined) return;
  wake(peers['at once']);
  if (peers.paced.size > 0) peers.pace.ask();
}

function wake(waiters: ReadonlySet<Waiter>): void {
  for (const waiter of waiters) waiter.wake();
}

const interestsIn = (hint: Hint): readonly Interest[] =>
  'apiKeyId' in hint || 'uploadId' in hint
    ? [hint]
    : [{ batchId: hint.batchId }, { organizationId: hint.organizationId }];

const keyOf = (interest: Interest): string => {
  if ('batchId' in interest) return `batch ${interest.batchId}`;
  if ('apiKeyId' in interest) return `key ${interest.apiKeyId}`;
  if ('uploadId' in interest) return `upload ${interest.uploadId}`;
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
