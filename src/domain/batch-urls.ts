/** Where a batch and its downloads are found below an origin. */

/** A batch, as far as its addresses depend on it. */
export interface AddressedBatch {
  readonly id: string;
  readonly total: number;
  readonly succeeded: number;
  readonly errored: number;
  readonly expired: number;
  readonly cancelled: number;
}

/** Its own address. */
export const batchUrl = ({ id }: Pick<AddressedBatch, 'id'>, origin: string): string =>
  `${origin}/batches/${id}`;

/** Where the requests can be downloaded; null while there are none. */
export const inputUrl = (batch: AddressedBatch, origin: string): string | null =>
  batch.total === 0 ? null : `${batchUrl(batch, origin)}/input.jsonl`;

/** Where the results that succeeded can be downloaded; null before the first. */
export const outputUrl = (batch: AddressedBatch, origin: string): string | null =>
  batch.succeeded === 0 ? null : `${batchUrl(batch, origin)}/output.jsonl`;

/** Where the results that did not succeed can be downloaded; null before the first. */
export const errorUrl = (batch: AddressedBatch, origin: string): string | null =>
  batch.errored + batch.expired + batch.cancelled === 0 ? null : `${batchUrl(batch, origin)}/errors.jsonl`;
