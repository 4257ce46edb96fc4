/**
 * Closes a batch: from then on it takes no requests, its items are split into jobs, and the jobs are due. Done
 * in the transaction of whatever closes it (a call, or the timer), so a batch is either open or fully planned.
 */
import type { Queryable } from '../db/client.ts';
import { itemMeasures } from '../db/queries/items.ts';
import type { NewJob } from '../db/queries/jobs.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { SubmitRule } from '../domain/accumulation.ts';
import type { Scope } from '../domain/scope.ts';
import { createPlanner, type PlannedJob, type PlanRefusal } from '../domain/splitting.ts';
import { type Issue, ProviderNotConfiguredError, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import { newId, newNonce, type Services } from '../services.ts';
import { lineBytesOf } from './line-bytes.ts';
import { transition } from './transition.ts';

/** Closes the locked, non-empty batch. Throws `ValidationError` where its items cannot be split for the provider. */
export async function closeBatch(
  services: Services,
  scope: Scope,
  tx: Queryable,
  batchId: string,
): Promise<BatchRow> {
  return transition(services, scope, tx, batchId, async ({ batch, seq, now }) => {
    const entry = configured(services, batch);
    const planned = await plan(scope, tx, batch, entry);
    const newJobs = planned.map((job, index) =>
      toJob(services, batch, entry, job, { number: index + 1, seq, now }),
    );
    return {
      event: 'BATCH_CLOSED',
      data: { jobs: newJobs.length },
      batch: { closedAt: now, dueAt: null, errorCode: null, errorMessage: null },
      newJobs,
    };
  });
}

/** The rule of a batch, as the domain asks for it. */
export const ruleOf = (batch: BatchRow): SubmitRule =>
  batch.submitMode === 'WHEN'
    ? { kind: 'WHEN', requests: batch.whenRequests, bytes: batch.whenBytes, seconds: batch.whenSeconds }
    : { kind: batch.submitMode };

/** The provider of a batch, ready to be called the way the batch was made for: emulated or real. */
export function configured(services: Services, batch: Pick<BatchRow, 'provider' | 'sandbox'>): ProviderEntry {
  const entry = services.providers.find(batch.provider);
  if (entry === null || entry.mode === 'UNCONFIGURED' || (entry.mode === 'SANDBOX') !== batch.sandbox) {
    throw new ProviderNotConfiguredError(
      batch.provider,
      batch.sandbox ? 'SANDBOX' : (entry?.provider.settings.apiKey ?? 'it'),
    );
  }
  return entry;
}

const measuresPerReading = 10_000;

async function plan(
  scope: Scope,
  tx: Queryable,
  batch: BatchRow,
  { provider }: ProviderEntry,
): Promise<readonly PlannedJob[]> {
  const { limits, encoding, unmixable, distinct } = provider;
  const planner = createPlanner({ limits, frameBytes: encoding.frameBytes, unmixable, distinct });
  for (let from = 0; from < batch.total; from += measuresPerReading) {
    const range = { from, total: batch.total, limit: measuresPerReading };
    for (const item of await itemMeasures(scope, tx, batch.id, range)) {
      planner.add({ ...item, encodedBytes: lineBytesOf(provider, item) });
    }
  }
  const result = planner.finish();
  if (result.kind === 'refused') {
    throw new ValidationError(
      result.refusals.map((refusal) => issueOf(refusal, provider.title)),
      result.total,
    );
  }
  return result.jobs;
}

function issueOf(refusal: PlanRefusal, title: string): Issue {
  if (refusal.kind === 'line-too-large') {
    return {
      path: ['requests', refusal.position],
      line: null,
      message: `Request ${refusal.position + 1} takes ${refusal.encodedBytes} bytes as a line; ${title} allows ${refusal.limit}.`,
    };
  }
  const group = [refusal.model, refusal.endpoint, refusal.agentId].filter((part) => part !== null).join(', ');
  return {
    path: ['requests'],
    line: null,
    message: `${title} takes at least ${refusal.minimum} requests in a job; a job${group === '' ? '' : ` for ${group}`} would have only ${refusal.requestCount}.`,
  };
}

function toJob(
  services: Services,
  batch: BatchRow,
  entry: ProviderEntry,
  planned: PlannedJob,
  { number, seq, now }: { number: number; seq: number; now: Date },
): NewJob {
  return {
    id: newId(services.clock),
    batchId: batch.id,
    organizationId: batch.organizationId,
    number,
    attempt: 1,
    provider: batch.provider,
    sandbox: batch.sandbox,
    credential: entry.credential ?? 'none',
    nonce: newNonce(),
    endpoint: planned.endpoint ?? batch.endpoint,
    model: planned.model,
    agentId: planned.agentId,
    completionWindow: batch.completionWindow,
    positions: planned.positions.toMultirange(),
    requestCount: planned.requestCount,
    bytes: planned.bytes + entry.provider.encoding.frameBytes(planned.requestCount),
    status: 'CREATED',
    version: seq,
    createdAt: now,
    updatedAt: now,
    dueAt: now,
  };
}
