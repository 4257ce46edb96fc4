/**
 * Which batches somebody wants to see. Owns what can be asked for and whether a batch passes; reading the ones that pass
 * out of many is left to `db/queries/batch-pages.ts`, and both mean the same.
 */
import { z } from 'zod';
import { metadataSchema } from './batch-input.ts';
import type { BatchStatus } from './status.ts';
import { storableText } from './storable-text.ts';

/** What is left out does not matter; everything that is there must fit. */
export interface BatchFilter {
  readonly status?: readonly BatchStatus[] | null | undefined;
  readonly provider?: readonly string[] | null | undefined;
  readonly createdAfter?: Date | null | undefined;
  readonly createdBefore?: Date | null | undefined;
  /** How the name begins, letter by letter. */
  readonly namePrefix?: string | null | undefined;
  /** Pairs that must all be among the batch's own. */
  readonly metadata?: Readonly<Record<string, string>> | null | undefined;
}

/** A batch, as far as a filter looks at it. */
export interface FilteredBatch {
  readonly status: BatchStatus;
  readonly provider: string;
  readonly createdAt: Date;
  readonly name: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The rules of those parts that are more than a choice. */
export const batchFilterTexts = z.object({
  namePrefix: storableText('namePrefix', 512).nullish(),
  metadata: metadataSchema
    .refine(
      (pairs) => Object.keys(pairs).length > 0,
      'metadata is an empty object; leave it out to match everything.',
    )
    .nullish(),
});

/** Whether the filter lets this batch through. */
export function passes(filter: BatchFilter, batch: FilteredBatch): boolean {
  return (
    (!filter.status || filter.status.includes(batch.status)) &&
    (!filter.provider || filter.provider.includes(batch.provider)) &&
    (!filter.createdAfter || batch.createdAt > filter.createdAfter) &&
    (!filter.createdBefore || batch.createdAt < filter.createdBefore) &&
    (!filter.namePrefix || (batch.name ?? '').startsWith(filter.namePrefix)) &&
    Object.entries(filter.metadata ?? {}).every(
      ([key, value]) => Object.hasOwn(batch.metadata, key) && batch.metadata[key] === value,
    )
  );
}
