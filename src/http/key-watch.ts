/**
 * Ends what stays open once its key, or the read token of a key, no longer signs in: a stream of events, a WebSocket
 * connection. Woken by what is announced of the key; that an end has come is seen by a look at the clock each second. A key that cannot be
 * asked about keeps what it has until the database answers. What ending means is left to those who watch.
 */
import { isLiveKey } from '../db/queries/api-keys.ts';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';

/** The keys of everything that is open in this process. */
export interface KeyWatch {
  /** Calls `end`, once, when the key no longer signs in, unless the function that it answers is called before. */
  watch(viewer: SignedInKey, end: () => void): () => void;
  close(): void;
}

/** How often it is looked whether a key's own end has come, and whether what could not be asked can be. */
const usualRoundMilliseconds = 1000;

interface WatchedKey {
  readonly expiresAt: Date | null;
  /** What to call, and when to call it at the latest: the end of the token by which the key signed in. */
  readonly ends: Map<() => void, Date | null>;
  /** Whether it has to be asked about once more. */
  isUnsure: boolean;
  /** Stops following what is announced of it. */
  unfollow(): void;
}

/** A watch over no keys yet. */
export function watchKeys(
  { db, clock, hub }: Pick<Services, 'db' | 'clock' | 'hub'>,
  roundMilliseconds = usualRoundMilliseconds,
): KeyWatch {
  const watched = new Map<string, WatchedKey>();

  function forget(id: string, key: WatchedKey): void {
    if (watched.get(id) === key) watched.delete(id);
    key.unfollow();
  }

  async function look(id: string, key: WatchedKey): Promise<void> {
    let isLive: boolean;
    try {
      isLive = await db.read((q) => isLiveKey(workerScope, q, id, clock.now()));
    } catch {
      key.isUnsure = true;
      return;
    }
    key.isUnsure = false;
    if (isLive) return;
    forget(id, key);
    const ends = [...key.ends.keys()];
    key.ends.clear();
    for (const end of ends) end();
  }

  /** Ends what was opened by tokens that are over by now. */
  function endTokens(id: string, key: WatchedKey, now: Date): void {
    const over = [...key.ends].filter(([, at]) => at !== null && at <= now);
    for (const [end] of over) key.ends.delete(end);
    if (key.ends.size === 0) forget(id, key);
    for (const [end] of over) end();
  }

  function begin(id: string, { apiKey }: SignedInKey): WatchedKey {
    const follower = hub.follow({ apiKeyId: id });
    const key: WatchedKey = {
      expiresAt: apiKey.expiresAt,
      ends: new Map(),
      isUnsure: false,
      unfollow: () => follower.close(),
    };
    const following = async () => {
      // It may have been taken back after it had signed in and before anybody followed.
      await look(id, key);
      while ((await follower.next()) === 'moved') await look(id, key);
    };
    void following();
    watched.set(id, key);
    return key;
  }

  const timer = setInterval(() => {
    const now = clock.now();
    for (const [id, key] of watched) {
      endTokens(id, key, now);
      if (key.isUnsure || (key.expiresAt !== null && key.expiresAt <= now)) void look(id, key);
    }
  }, roundMilliseconds);

  return {
    watch(viewer, end) {
      const id = viewer.apiKeyId;
      const key = watched.get(id) ?? begin(id, viewer);
      key.ends.set(end, viewer.grant?.expiresAt ?? null);
      return () => {
        key.ends.delete(end);
        if (key.ends.size === 0) forget(id, key);
      };
    },
    close() {
      clearInterval(timer);
      for (const [id, key] of watched) forget(id, key);
    },
  };
}
