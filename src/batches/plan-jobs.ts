/**
 * Splits requests of a batch into jobs: all of them when it closes, those that are tried again later. Owns what a
 * planned job's row is; how requests are grouped and jobs are filled is `domain/splitting.ts`.
 */
import type { ItemMeasure } from '../db/queries/items.ts';
import type { NewJob } from '../db/queries/jobs.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { fitsIntoRoom } from '../domain/queue-room.ts';
import { createPlanner, type PlannedJob, type Planner, type PlanRefusal } from '../domain/splitting.ts';
import { type Issue, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Provider } from '../providers/provider.ts';
import { newId, newNonce, type Services } from '../services.ts';
import { lineBytesOf } from './line-bytes.ts';
import { roomLimits } from './room-limits.ts';

/** How many requests are measured in one reading. */
export const measuresPerReading = 10_000;

/** Readings of requests in the caller's order, each until the next is asked for. */
export type MeasureReadings = AsyncIterable<readonly ItemMeasure[]>;

/** The jobs for these requests. Throws `ValidationError` where they cannot be split for the provider. */
export async function planJobs(
  services: Settings,
  provider: Provider,
  readings: MeasureReadings,
): Promise<readonly PlannedJob[]> {
  const result = (await filled(services, provider, readings)).finish();
  if (result.kind === 'planned') return result.jobs;
  throw new ValidationError(
    result.refusals.map((refusal) => issueOf(refusal, provider.title)),
    result.total,
  );
}

/** The jobs for those of these requests that can be split for the provider. */
export const planPossibleJobs = async (
  services: Settings,
  provider: Provider,
  readings: MeasureReadings,
): Promise<readonly PlannedJob[]> => (await filled(services, provider, readings)).finishPossible();

type Settings = Pick<Services, 'settings'>;

async function filled(services: Settings, provider: Provider, readings: MeasureReadings): Promise<Planner> {
  const { limits, encoding, unmixable, distinct } = provider;
  const room = roomLimits(services, provider);
  const planner = createPlanner({
    limits,
    frameBytes: encoding.frameBytes,
    unmixable,
    distinct,
    findsRoom: (job) => fitsIntoRoom(room, job),
  });
  for await (const items of readings) {
    for (const item of items) planner.add({ ...item, encodedBytes: lineBytesOf(provider, item) });
  }
  return planner;
}

/** The exact bytes of a planned job as it is sent, what is around and between its lines included. */
export const bytesOf = ({ encoding }: Provider, job: PlannedJob): number =>
  job.bytes + encoding.frameBytes(job.requestCount);

/** What the jobs of one plan share. */
export interface JobsOrigin {
  /** The number of the first of them; those after it go on from there. */
  readonly number: number;
  readonly attempt: number;
  readonly seq: number;
  readonly now: Date;
  /** When they are sent. */
  readonly dueAt: Date;
}

/** Whom jobs are for, and as whom they are sent; null where that is told only then. */
export type Sender = Pick<ProviderEntry, 'provider' | 'credential'>;

/** The rows of planned jobs. */
export const toJobs = (
  services: Pick<Services, 'clock'>,
  batch: BatchRow,
  { provider, credential }: Sender,
  planned: readonly PlannedJob[],
  origin: JobsOrigin,
): NewJob[] =>
  planned.map((job, index) => ({
    id: newId(services.clock),
    batchId: batch.id,
    organizationId: batch.organizationId,
    number: origin.number + index,
    attempt: origin.attempt,
    provider: batch.provider,
    sandbox: batch.sandbox,
    credential: credential ?? 'none',
    credentialId: batch.credentialId,
    nonce: newNonce(),
    endpoint: job.endpoint ?? batch.endpoint,
    model: job.model,
    agentId: job.agentId,
    completionWindow: batch.completionWindow,
    positions: job.positions.toMultirange(),
    requestCount: job.requestCount,
    bytes: bytesOf(provider, job),
    status: 'CREATED',
    version: origin.seq,
    createdAt: origin.now,
    updatedAt: origin.now,
    dueAt: origin.dueAt,
    ...(batch.deleteProviderFiles ? { providerFiles: 'DELETING' as const } : {}),
  }));

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
