/** How long an announcement takes to those who follow, measured by one that nobody else follows. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { notifyApiKey } from '../db/queries/api-keys.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';

/** How long one is waited for, in seconds. */
export const lagSecondsMax = 2;

/** Its way from here through the database back to the hub, in seconds; the most where it does not come. */
export async function measureEventLag({
  db,
  hub,
  settings: { notifies },
}: Pick<Services, 'db' | 'hub' | 'settings'>): Promise<number> {
  const apiKeyId = randomUUID();
  const follower = hub.follow({ apiKeyId });
  const over = new AbortController();
  const began = performance.now();
  try {
    const told = follower.next();
    // Where nothing is announced, whoever follows is woken by the clock.
    if (notifies) await db.read((q) => notifyApiKey(workerScope, q, apiKeyId));
    const late = pause(lagSecondsMax * 1000, 'late' as const, { signal: over.signal }).catch(() => 'late');
    const seconds = () => (performance.now() - began) / 1000;
    return (await Promise.race([told, late])) === 'moved'
      ? Math.min(seconds(), lagSecondsMax)
      : lagSecondsMax;
  } finally {
    over.abort();
    follower.close();
  }
}
