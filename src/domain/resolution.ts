/**
 * How a person settles a job of which it cannot be known whether it was created: when one is needed, what one may say,
 * and when. Owned here: the rules. What follows is `batches/resolve-job.ts`.
 */
import { z } from 'zod';
import type { JsonObject } from './json-line.ts';
import { providerJobIdSchema } from './provider-job.ts';
import { type PersonReason, personReasons, sentBy } from './recovery.ts';
import type { JobStatus } from './status.ts';

/**
 * What a person knows: the provider's batch that the job is; that it was never created, so that it is sent again; or
 * that it will not be known, so that nobody waits for it any more.
 */
export type JobResolution =
  | { readonly kind: 'PROVIDER_JOB'; readonly providerJobId: string }
  | { readonly kind: 'NOT_CREATED' }
  | { readonly kind: 'GIVEN_UP' };

const surely = (name: string) => z.literal(true, { error: `${name} must be true.` }).optional();

/** What `resolveJob` takes beside the job: exactly one of the three. */
export const resolveJobInput = z.strictObject({
  resolution: z
    .strictObject({
      providerJobId: providerJobIdSchema.optional(),
      notCreated: surely('notCreated'),
      giveUp: surely('giveUp'),
    })
    .refine(
      (said) => Object.values(said).filter((value) => value !== undefined).length === 1,
      'resolution must say exactly one of providerJobId, notCreated and giveUp.',
    )
    .transform(({ providerJobId, notCreated }): JobResolution => {
      if (providerJobId !== undefined) return { kind: 'PROVIDER_JOB', providerJobId };
      return { kind: notCreated === true ? 'NOT_CREATED' : 'GIVEN_UP' };
    }),
});

/** A job, as far as it depends on it whether a person is needed. */
export interface DoubtfulJob {
  readonly status: JobStatus;
  readonly dueAt: Date | null;
  readonly evidence: JsonObject | null;
}

/** Why nobody but a person can settle the job; null where it is settled, or still being looked for. */
export function personReasonOf({ status, dueAt, evidence }: DoubtfulJob): PersonReason | null {
  if (status !== 'UNKNOWN' || dueAt !== null) return null;
  return personReasons.find((reason) => reason === evidence?.['needsPerson']) ?? null;
}

/**
 * What stands against settling the job so, as a sentence; null where nothing does. A batch can be named, and a job given
 * up, as long as it is UNKNOWN: neither sends anything. That it was not created can be said only when no search will
 * tell any more, and nothing that was sent can still arrive.
 */
export function standsAgainst(
  job: DoubtfulJob & { readonly sendBefore: Date | null },
  { kind }: JobResolution,
  { now, requestTimeoutSeconds }: { now: Date; requestTimeoutSeconds: number },
): string | null {
  if (job.status !== 'UNKNOWN') {
    return `The job is ${job.status}; only one that is UNKNOWN can be resolved.`;
  }
  if (kind !== 'NOT_CREATED') return null;
  const reason = personReasonOf(job);
  if (reason === null)
    return 'The job is still being looked for, and may be found; name its batch or give it up.';
  if (reason === 'duplicates') {
    return "The provider shows more than one batch with the job's key, so that it was created; name one of them.";
  }
  const arrivesBefore = sentBy({ sendBefore: job.sendBefore ?? now, requestTimeoutSeconds });
  if (now >= arrivesBefore) return null;
  return `What was sent may still arrive before ${arrivesBefore.toISOString()}; only then can it be known that it did not.`;
}
