/**
 * A provider's call to us: verified, taken once, and turned into a poll of the job that it is about. A call only says
 * "look now": what it tells is never believed, and polling goes on as if there were no calls. Of a job whose answer
 * was lost it may tell the id; then that is a hint for the search. Owns what a call does; what it says is the
 * provider's (`Webhook.read`).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ownEntry, reachFor } from '../credentials/reach.ts';
import type { Queryable } from '../db/client.ts';
import { lockBatch } from '../db/queries/batches.ts';
import { credentialsCalled } from '../db/queries/credentials.ts';
import {
  type CalledJob,
  hintJob,
  jobsCalledAbout,
  rememberCallback,
  wantPoll,
} from '../db/queries/provider-callbacks.ts';
import { addTask } from '../db/queries/tasks.ts';
import { workerScope } from '../domain/scope.ts';
import { CredentialUnusableError, ProviderNotConfiguredError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Webhook } from '../providers/provider.ts';
import type { Services } from '../services.ts';

/** A call as it arrived. */
export interface ProviderCall {
  readonly provider: string;
  /** The end of the path that was called. */
  readonly token: string;
  readonly headers: Pick<Headers, 'get'>;
  readonly body: string;
}

/**
 * What became of a call: `taken`, and something is looked at now; `nothing-to-do`, where it came before, is about no
 * job of ours, or tells nothing new; `refused`, where it is not genuine; `unknown`, where nobody was given that path.
 */
export type CallFate =
  | { readonly fate: 'taken' | 'nothing-to-do' | 'unknown' }
  | { readonly fate: 'refused'; readonly reason: string };

/** Takes a call. Throws only where the database fails; a provider then calls again, or is polled. */
export async function takeProviderCall(services: Services, call: ProviderCall): Promise<CallFate> {
  const { db, clock, log } = services;
  const entry = services.providers.find(call.provider);
  const definition = entry?.provider.webhook ?? null;
  if (entry === null || definition === null) return { fate: 'unknown' };
  const addressee = await addresseeOf(services, entry, definition, call);
  if (addressee === null) return { fate: 'unknown' };
  const { secret, whose } = addressee;
  if (secret === null && !definition.unsignedAsHint) {
    log.warn(
      { provider: call.provider },
      'a call to a callback was refused, because no secret is set for it',
    );
    return { fate: 'refused', reason: 'no secret is set here that its signature could be checked with' };
  }
  const reading = definition.read({ headers: call.headers, body: call.body, now: clock.now() }, secret);
  if (reading.kind !== 'event') {
    if (reading.kind === 'ignored') return { fate: 'nothing-to-do' };
    log.warn({ provider: call.provider, reason: reading.reason }, 'a call to a callback was refused');
    return { fate: 'refused', reason: reading.reason };
  }
  const providerJobId = reading.providerJobId === null ? null : idIn(reading.providerJobId);
  // The same words on another path are another call: they may be somebody's who was never told this one.
  const digest = createHash('sha256').update(`${call.token}\n${reading.id}`).digest('hex');
  return db.transaction(async (tx) => {
    const remembered = { provider: call.provider, digest, at: clock.now() };
    if (!(await rememberCallback(workerScope, tx, remembered))) return { fate: 'nothing-to-do' };
    const jobs =
      typeof whose === 'function' ? (await jobsNamed(tx, call.provider, providerJobId)).filter(whose) : whose;
    let woken = false;
    for (const job of jobs) {
      if (secret === null && isFresh(job, clock.now())) continue;
      woken = (await wake(services, tx, job, providerJobId)) || woken;
    }
    return { fate: woken ? 'taken' : 'nothing-to-do' };
  });
}

/** Whom a call's path names. */
interface Addressee {
  /** What signs calls to it; null where none is set, or the vendor signs nothing. */
  readonly secret: string | null;
  /** The jobs that were told the path, whatever job the call names; else which of those that it names it may be about. */
  readonly whose: readonly CalledJob[] | ((job: CalledJob) => boolean);
}

/** The one job that was told the path, or the account that it was made for; null for nobody. */
async function addresseeOf(
  services: Services,
  { provider, webhook }: ProviderEntry,
  definition: Webhook,
  call: ProviderCall,
): Promise<Addressee | null> {
  const { db } = services;
  if (definition.registration === 'JOB') {
    const jobs = await db.read((q) =>
      jobsCalledAbout(workerScope, q, call.provider, { callbackToken: call.token }),
    );
    const [job] = jobs;
    if (job === undefined) return null;
    const reached = await unlessUnusable(() => db.read((q) => reachFor(services, q, job, 'READ')));
    return reached?.webhook ? { secret: reached.webhook.secret, whose: jobs } : null;
  }
  if (webhook !== null && webhook.token !== null && isSame(webhook.token, call.token)) {
    return { secret: webhook.secret, whose: ({ credentialId }) => credentialId === null };
  }
  const called = { provider: provider.name, token: call.token };
  const rows = await db.read((q) => credentialsCalled(workerScope, q, called));
  const secrets: (string | null)[] = [];
  for (const row of rows) {
    const own = await unlessUnusable(async () => ownEntry(services, row, null, 'READ'));
    if (own?.webhook) secrets.push(own.webhook.secret);
  }
  const [row] = rows;
  if (row === undefined || secrets.length === 0) return null;
  // Of several that are the same account the newest says how its calls are signed.
  return {
    secret: secrets.findLast((secret) => secret !== null) ?? null,
    whose: ({ credentialId, organizationId }) =>
      credentialId !== null && organizationId === row.organizationId,
  };
}

async function unlessUnusable<T>(reach: () => Promise<T>): Promise<T | null> {
  try {
    return await reach();
  } catch (error) {
    if (error instanceof CredentialUnusableError || error instanceof ProviderNotConfiguredError) return null;
    throw error;
  }
}

const jobsNamed = async (
  tx: Queryable,
  provider: string,
  providerJobId: string | null,
): Promise<readonly CalledJob[]> =>
  providerJobId === null ? [] : jobsCalledAbout(workerScope, tx, provider, { providerJobId });

const idLengthMax = 512;

/** An id that can be kept and asked for; anything else names nothing. */
const idIn = (id: string): string | null =>
  id.length <= idLengthMax && id.isWellFormed() && !id.includes('\0') ? id : null;

/** How long an answer counts as new, in seconds: a mere hint asks nobody twice in that time. */
const freshSeconds = 10;

const isFresh = ({ lastSyncedAt }: CalledJob, now: Date): boolean =>
  lastSyncedAt !== null && now.getTime() - lastSyncedAt.getTime() < freshSeconds * 1000;

const isSame = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** Makes the job due now; false where there is nothing to look at. */
async function wake(
  { clock }: Services,
  tx: Queryable,
  job: CalledJob,
  providerJobId: string | null,
): Promise<boolean> {
  // The batch before its jobs, as everywhere.
  await lockBatch(workerScope, tx, job.batchId);
  const now = clock.now();
  if (await wantPoll(workerScope, tx, job.id, now)) {
    await addTask(tx, 'job.poll', job.id);
    return true;
  }
  if (providerJobId === null) return false;
  if (!(await hintJob(workerScope, tx, job.id, { hintedJobId: providerJobId, now }))) return false;
  await addTask(tx, 'job.submit', job.id);
  return true;
}
