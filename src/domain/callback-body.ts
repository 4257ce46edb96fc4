/**
 * What a callback URL is told when a batch ends: a type, a moment, and the batch in numbers and addresses. Never a
 * prompt, a result or a provider's sentence, which may quote either. `docs/callback.schema.json` is made of the schema.
 */
import { z } from 'zod';
import { batchUrl, errorUrl, inputUrl, outputUrl } from './batch-urls.ts';
import type { BatchStatus } from './status.ts';
import { type Usage, usageFields } from './usage.ts';

const moment = z.iso.datetime({ precision: 3 });
const count = z.int().min(0);
const address = z.url().nullable();

/** The body, as JSON has it. */
export const callbackBodySchema = z
  .strictObject({
    type: z
      .enum(['batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled'])
      .describe('What happened: how the batch ended.'),
    timestamp: moment.describe('When it ended.'),
    data: z.strictObject({
      batchId: z.uuid().describe('The plain id of the batch, which every argument of the API takes.'),
      seq: z
        .int()
        .min(1)
        .describe(
          'The number of the event that tells of this end. A batch that was retried ends again: the higher is newer.',
        ),
      status: z.enum(['COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED']).describe('The state that it ended in.'),
      errorCode: z.string().nullable().describe('Why it is FAILED, as a word in snake_case; else null.'),
      name: z.string().nullable().describe('What you called it.'),
      metadata: z.record(z.string(), z.string()).describe('What you attached to it.'),
      provider: z.string().describe('The provider that it was for.'),
      sandbox: z.boolean().describe('Whether an emulator answered it.'),
      endpoint: z.string().describe('The endpoint of requests that name none themselves.'),
      model: z.string().nullable().describe('The model of requests whose body names none.'),
      counts: z
        .strictObject({
          total: count,
          succeeded: count,
          errored: count,
          expired: count,
          cancelled: count,
        })
        .describe('How many requests it has, and what became of them; the four sum to the total.'),
      usage: z
        .strictObject(
          Object.fromEntries(usageFields.map((field) => [field, count.nullable()])) as Record<
            keyof Usage,
            z.ZodNullable<typeof count>
          >,
        )
        .describe('The tokens of all results. Null is "the provider did not say", never zero.'),
      createdAt: moment.describe('When it was created.'),
      submittedAt: moment
        .nullable()
        .describe('When a provider confirmed its first job; null where none did.'),
      url: address.describe(
        'The address of the batch; it and those below take a key. Null where the service does not know its own address: set PUBLIC_URL.',
      ),
      inputUrl: address.describe('Where its requests can be downloaded; null where it has none.'),
      outputUrl: address.describe('Where the results that succeeded can be downloaded; null where none did.'),
      errorUrl: address.describe('Where all other results can be downloaded; null where there are none.'),
    }),
  })
  .describe('What a callback URL is told when a batch ends.');

/** The body, as JSON has it. */
export type CallbackBody = z.output<typeof callbackBodySchema>;

/** A batch that has ended, as far as it is told. */
export interface EndedBatch extends Usage {
  readonly id: string;
  readonly name: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly provider: string;
  readonly sandbox: boolean;
  readonly endpoint: string;
  readonly model: string | null;
  readonly status: BatchStatus;
  readonly errorCode: string | null;
  readonly total: number;
  readonly succeeded: number;
  readonly errored: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly createdAt: Date;
  readonly submittedAt: Date | null;
}

const ends = {
  COMPLETED: 'batch.completed',
  FAILED: 'batch.failed',
  EXPIRED: 'batch.expired',
  CANCELLED: 'batch.cancelled',
} as const satisfies Partial<Record<BatchStatus, CallbackBody['type']>>;

/**
 * The body that tells of an end: the event's number, its moment, and the origin of this service as callers reach it,
 * null where it is not known. A batch that has not ended is a fault of ours (`RangeError`).
 */
export function callbackBody(
  batch: EndedBatch,
  { seq, at, origin }: { seq: number; at: Date; origin: string | null },
): CallbackBody {
  const { id, status, createdAt, submittedAt } = batch;
  if (!isEnd(status)) throw new RangeError(`A batch that is ${status} has not ended.`);
  const { name, metadata, provider, sandbox, endpoint, model } = batch;
  const { total, succeeded, errored, expired, cancelled } = batch;
  const { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens } = batch;
  return {
    type: ends[status],
    timestamp: at.toISOString(),
    data: {
      batchId: id,
      seq,
      status,
      errorCode: status === 'FAILED' ? batch.errorCode : null,
      ...{ name, metadata, provider, sandbox, endpoint, model },
      counts: { total, succeeded, errored, expired, cancelled },
      usage: { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens },
      createdAt: createdAt.toISOString(),
      submittedAt: submittedAt?.toISOString() ?? null,
      url: origin === null ? null : batchUrl(batch, origin),
      inputUrl: origin === null ? null : inputUrl(batch, origin),
      outputUrl: origin === null ? null : outputUrl(batch, origin),
      errorUrl: origin === null ? null : errorUrl(batch, origin),
    },
  };
}

const isEnd = (status: BatchStatus): status is keyof typeof ends => Object.hasOwn(ends, status);
