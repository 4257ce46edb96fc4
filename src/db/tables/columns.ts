/** Column kinds that every table shares, and the Postgres types that drizzle does not know. */
import { bigint, customType, numeric, timestamp } from 'drizzle-orm/pg-core';

/** A moment, kept to the millisecond so that a JavaScript `Date` and a page cursor lose nothing. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** A whole number that may pass 2^31 and stays below 2^53: bytes, tokens, nanoseconds. */
export const large = (name: string) => bigint(name, { mode: 'number' });

/** Money, exact whatever its digits, as decimal text. */
export const money = (name: string) => numeric(name);

/** Tokens of each kind; null where nobody knows. */
export const usageColumns = () => ({
  inputTokens: large('input_tokens'),
  outputTokens: large('output_tokens'),
  cachedInputTokens: large('cached_input_tokens'),
  cacheWriteInputTokens: large('cache_write_input_tokens'),
  reasoningTokens: large('reasoning_tokens'),
});

/** A set of item positions, as Postgres writes it: `{[0,3),[5,6)}`. */
export const int4multirange = customType<{ data: string; driverData: string }>({
  dataType: () => 'int4multirange',
});

/** A transaction's number, as decimal text; it orders events for readers that resume. */
export const xid8 = customType<{ data: string; driverData: string }>({ dataType: () => 'xid8' });

/** Bytes as they are. */
export const bytes = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
