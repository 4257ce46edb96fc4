/**
 * Brings the announcements of all processes to this one's hub: one LISTEN per process, or, where notifications
 * are not wanted, a wake-up each second. NOTIFY is a hint about latency; the truth is in the tables, so whenever
 * listening begins (again) everybody is woken. A connection can be dead without anybody being told, so that
 * notifications arrive is proven by one of our own every few seconds; while it stays away, everybody is woken
 * each second, and the connection is replaced now and then.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { eventChannel, feedMark, keyWord, notifyProof, uploadWord } from '../db/queries/events.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import type { Hint } from './hub.ts';

/** A running connection between the database and the hub. */
export interface EventSource {
  /** Whether announcements are arriving; false while only the clock wakes followers. */
  readonly listening: () => boolean;
  close(): Promise<void>;
}

/** How announcements reach this process. */
export type EventMode = 'notify' | 'poll';

/** How long a round is: a wake-up where there are only those. */
const roundMilliseconds = 1000;
/** After how many rounds in silence a notification of our own is due, and after how many more it has not come. */
const proofRounds = 5;
const silentRoundsMax = 10;

/** Connects the hub, and gives notifications one round to arrive. Throws `DatabaseError` where LISTEN is refused. */
export async function connectHub(
  parts: Pick<Services, 'db' | 'hub' | 'log'>,
  mode: EventMode,
  milliseconds = roundMilliseconds,
): Promise<EventSource> {
  return mode === 'poll' ? wakeEachRound(parts, milliseconds) : listenAndProve(parts, milliseconds);
}

async function listenAndProve(
  { db, hub, log }: Pick<Services, 'db' | 'hub' | 'log'>,
  milliseconds: number,
): Promise<EventSource> {
  const proof = `proof ${randomUUID()}`;
  const proven = Promise.withResolvers<void>();
  let isProven = false;
  let silentRounds = 0;
  let closed = false;
  const listening = () => isProven && silentRounds < silentRoundsMax;
  const hear = (payload: string) => {
    const hint = readHint(payload);
    if (hint !== null) hub.announce(hint);
    if (payload !== proof) return;
    if (silentRounds >= silentRoundsMax) log.info('notifications of the database arrive again');
    isProven = true;
    silentRounds = 0;
    proven.resolve();
  };
  const open = () => db.listen(eventChannel, hear, () => hub.announceAll());
  let listener = await open();

  const prove = oneAtATime(async () => {
    await db.read((q) => notifyProof(workerScope, q, proof));
    // The database answers, so what is not announced can be read.
    if (!listening()) hub.announceAll();
  });
  const replace = oneAtATime(async () => {
    await listener.close();
    if (!closed) listener = await open();
  });
  const timer = setInterval(() => {
    silentRounds += 1;
    if (silentRounds === silentRoundsMax) log.warn('notifications of the database stay away');
    if (!listening() || silentRounds >= proofRounds) prove();
    if (silentRounds % silentRoundsMax === 0) replace();
  }, milliseconds);
  prove();
  await Promise.race([proven.promise, pause(milliseconds, undefined, { ref: false })]);
  return {
    listening: () => !closed && listening(),
    async close() {
      closed = true;
      clearInterval(timer);
      await listener.close();
    },
  };
}

function wakeEachRound({ db, hub }: Pick<Services, 'db' | 'hub'>, milliseconds: number): EventSource {
  const wake = oneAtATime(async () => {
    if (hub.isEmpty) return;
    // Followers that cannot read end their streams; while the database is away they had better sleep.
    await db.read((q) => feedMark(workerScope, q));
    hub.announceAll();
  });
  const timer = setInterval(wake, milliseconds);
  return { listening: () => false, close: async () => clearInterval(timer) };
}

/** `work`, unless it is still running. Where it fails, the next round tries again. */
function oneAtATime(work: () => Promise<void>): () => void {
  let running = false;
  return () => {
    if (running) return;
    running = true;
    work()
      .catch(() => undefined)
      .finally(() => {
        running = false;
      });
  };
}

/** The hint in a notification's payload; null for what is not one. */
function readHint(payload: string): Hint | null {
  const [subject, id, seq] = payload.split(' ');
  if (subject === undefined || id === undefined) return null;
  if (subject === keyWord) return { apiKeyId: id };
  if (subject === uploadWord) return { uploadId: id };
  return seq === undefined ? null : { organizationId: subject, batchId: id };
}
