/**
 * `adoptJob`: takes over a provider's batch that was made elsewhere, as a closed batch with this one job, whatever the
 * sizes that jobs of ours keep to. Its results name the requests by the caller's own ids; it is never sent. From then
 * on it is polled, stopped and collected like any other.
 */
import { findJob } from '../db/queries/jobs.ts';
import type { AdoptJobInput } from '../domain/batch-input.ts';
import { JobDraft } from '../domain/job-draft.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { type Issue, ValidationError } from '../errors.ts';
import type { Provider } from '../providers/provider.ts';
import { newId, type Services } from '../services.ts';
import type { PlacedItem } from './accept.ts';
import { appendItems } from './add-requests.ts';
import { patchFromFound } from './job-report.ts';
import { lineBytesOf } from './line-bytes.ts';
import { askForNamed, refuseTaken } from './named-batch.ts';
import { draftBatch, insertNewBatch } from './new-batch.ts';
import { toJobs } from './plan-jobs.ts';
import { bytesBrought, quotasOf, refuseHoldings, refuseSize } from './quotas.ts';
import { describe, subject } from './request-drafts.ts';
import type { JobOfBatch } from './resolve-job.ts';
import { transition } from './transition.ts';

/**
 * The batch and its job. Throws `ValidationError` for any bad field or line, `QuotaExceededError`, and what
 * `chooseCredential`, `askForNamed` and `refuseTaken` throw; nothing is stored then.
 */
export async function adoptJob(
  services: Services,
  scope: OrganizationScope,
  { providerJobId, ...input }: AdoptJobInput,
): Promise<JobOfBatch> {
  const isNamedById = services.providers.find(input.provider)?.provider.itemsNamedBy !== 'AGENT';
  const wish = { ...input, submit: { kind: 'NOW' } } as const;
  const draft = await services.db.read((q) =>
    draftBatch(services, scope, q, wish, { needsCustomIds: isNamedById }),
  );
  const { entry, accepted } = draft;
  const { organizationId } = scope;
  const { quotas } = await services.db.read((q) => quotasOf(services, scope, q, organizationId));
  const provider = entry.provider.name;
  const requests = accepted.length;
  const bytes = bytesBrought(input.requests, accepted);
  refuseSize(quotas, { provider, requests, bytes, before: 0 });
  const names = namesOf(entry.provider, accepted);
  const asked = { providerJobId, requestCount: requests, checkpoint: null };
  const named = await askForNamed(services, scope, entry, asked, async (lines) =>
    lines.some(({ read }) => read.kind === 'result' && names.has(read.key)),
  );
  const batchId = newId(services.clock);
  const jobId = newId(services.clock);
  return services.db.transaction(async (tx) => {
    await refuseTaken(scope, tx, provider, named);
    await insertNewBatch(services, scope, tx, batchId, draft);
    await appendItems(services, scope, tx, batchId, accepted);
    await transition(services, scope, tx, batchId, ({ batch, seq, now }) => {
      const origin = { number: 1, attempt: 1, seq, now, dueAt: now };
      const planned = toJobs(services, batch, entry, [planOf(entry.provider, accepted)], origin);
      const there = { id: jobId, status: 'PENDING', itemKeys: 'CALLERS', providerJobId } as const;
      return {
        event: 'BATCH_CLOSED',
        data: { jobs: 1 },
        batch: { closedAt: now, dueAt: null },
        newJobs: planned.map((job) => ({ ...job, ...there })),
      };
    });
    const batch = await transition(services, scope, tx, batchId, ({ jobs, now }) => ({
      event: 'JOB_ADOPTED',
      data: { job: 1 },
      jobs: jobs.map((job) => ({
        job,
        set: patchFromFound(services, job, named, { now, random: Math.random() }),
      })),
    }));
    const job = await findJob(scope, tx, jobId);
    if (job === null) throw new Error('the job was made just now');
    // Its requests are at the provider, where none of them waits to be sent; and all of them may have ended.
    await refuseHoldings(scope, tx, quotas, {
      provider,
      batches: isTerminalBatch(batch.status) ? 0 : 1,
      waiting: 0,
    });
    return { job, batch };
  });
}

/** What the provider's results name the requests by: the callers' ids, or agents, of which each must be there once. */
function namesOf({ itemsNamedBy, title }: Provider, accepted: readonly PlacedItem[]): ReadonlySet<string> {
  if (itemsNamedBy === 'KEY') return new Set(accepted.map(({ item }) => item.customId));
  const placeOf = new Map<string, PlacedItem['place']>();
  const issues: Issue[] = [];
  for (const { item, place } of accepted) {
    const earlier = placeOf.get(item.agentId ?? '');
    if (earlier === undefined) placeOf.set(item.agentId ?? '', place);
    else {
      const message = `${subject(place)} is for the same agent as ${describe(earlier)}; a batch of ${title} has each agent once.`;
      issues.push({ ...place, message });
    }
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return new Set(placeOf.keys());
}

/** All requests as one job. */
const planOf = (provider: Provider, accepted: readonly PlacedItem[]) =>
  new JobDraft(
    accepted.map(({ item }) => ({ ...item, encodedBytes: lineBytesOf(provider, item) })),
    0,
  ).toJob();
