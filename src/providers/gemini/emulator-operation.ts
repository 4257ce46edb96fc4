/** The operation that a batch job is shown as: the job in its metadata, and how it ended beside it. */
import type { JsonObject } from '../../domain/json-line.ts';
import { tally } from '../emulator/endings.ts';
import { isOver, type Life, lifeAt, type Phase } from '../emulator/life.ts';
import { inlinedResults, outputId, resultsAt } from './emulator-lines.ts';
import type { KeptBatch, Store, Switches } from './emulator-store.ts';
import { timeOf } from './emulator-wire.ts';

/** The word that the vendor shows for a job now. */
export const stateOf = ({ clock, switches }: Store, batch: KeptBatch): string =>
  `${switches.stateWords}_${wordFor(batch, lifeAt(batch, clock.now()))}`;

/** The operation as it is now. */
export async function operationOf(store: Store, batch: KeptBatch): Promise<JsonObject> {
  const { clock, switches } = store;
  const name = `batches/${batch.id}`;
  const life = lifeAt(batch, clock.now());
  const output = await outputOf(store, batch);
  const createTime = timeOf(new Date(batch.createdAt));
  // What the vendor shows of a job that did not complete it can show in one place only.
  const inMetadata = output !== null && (switches.outputPlace === 'both' || life.phase !== 'completed');
  const metadata: JsonObject = {
    '@type': `${typePrefix}${types[batch.kind]}`,
    model: batch.model,
    ...(batch.displayName === null ? {} : { displayName: batch.displayName }),
    ...(batch.inputFile === null ? {} : { inputConfig: { fileName: batch.inputFile } }),
    ...(inMetadata ? { output } : {}),
    createTime,
    ...(life.endedAt === null ? {} : { endTime: timeOf(life.endedAt) }),
    updateTime: timeOf(life.endedAt ?? life.runningAt ?? new Date(batch.createdAt)),
    batchStats: statsOf(batch, clock.now(), switches),
    state: stateOf(store, batch),
    name,
  };
  return { name, metadata, ...(isOver(life) ? ending(batch, life, output) : {}) };
}

const typePrefix = 'type.googleapis.com/google.ai.generativelanguage.v1main.';
const types = { generateContent: 'GenerateContentBatch', embedContent: 'EmbedContentBatch' } as const;

const outputOf = async (store: Store, batch: KeptBatch): Promise<JsonObject | null> => {
  const results = resultsAt(batch, store);
  if (results === null) return null;
  if (batch.inputFile !== null) return { responsesFile: `files/${outputId(batch.id)}` };
  const content = (await store.batches.content(batch.id)) ?? Buffer.alloc(0);
  return { inlinedResponses: { inlinedResponses: inlinedResults(results, content, store.switches) } };
};

/** What an operation that is done has: a response, or an error, which one that was cancelled has, too. */
const ending = (batch: KeptBatch, { phase }: Life, output: JsonObject | null): JsonObject => {
  const error = errors[phase];
  if (error !== null) {
    return { done: true, error: { code: error.code, message: batch.fault ?? error.message } };
  }
  return {
    done: true,
    response: { '@type': `${typePrefix}${types[batch.kind]}Output`, ...output },
  };
};

const errors = {
  validating: null,
  running: null,
  finalizing: null,
  cancelling: null,
  completed: null,
  failed: { code: 3, message: 'This job was asked to fail.' },
  expired: { code: 4, message: 'The operation expired.' },
  cancelled: { code: 1, message: 'The operation was cancelled.' },
} as const satisfies Record<Phase, { code: number; message: string } | null>;

/** Whole numbers of 64 bits are texts, and what is zero is left out. */
const statsOf = (batch: KeptBatch, now: Date, { zeroCounts }: Switches): JsonObject => {
  const { succeeded, errored, overloaded, expired, cancelled, pending } = tally(batch, now);
  // What expires with the whole job is still pending; a single request that did is a failed one.
  const { phase } = lifeAt(batch, now);
  const [late, left] = phase === 'expired' ? [0, expired] : [expired, 0];
  const counts = {
    requestCount: batch.requestCount,
    pendingRequestCount: pending + cancelled + left,
    successfulRequestCount: succeeded,
    failedRequestCount: errored + overloaded + late,
  };
  const told = Object.entries(counts).filter(([, count]) => zeroCounts === 'written' || count > 0);
  return Object.fromEntries(told.map(([name, count]) => [name, String(count)]));
};

const words = {
  validating: 'PENDING',
  running: 'RUNNING',
  finalizing: 'RUNNING',
  cancelling: 'RUNNING',
  completed: 'SUCCEEDED',
  failed: 'FAILED',
  expired: 'EXPIRED',
  cancelled: 'CANCELLED',
} as const satisfies Record<Phase, string>;

const wordFor = (batch: KeptBatch, { phase }: Life): string =>
  phase === 'running' && batch.fates.batch.includes('unknown-status') ? 'DAYDREAMING' : words[phase];
