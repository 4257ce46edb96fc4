/** Every benchmark there is, in the order of the table. */
import { ingest } from './ingest/ingest.ts';
import { fanout } from './live/fanout.ts';
import { latency } from './live/latency.ts';
import type { BenchRow } from './row.ts';
import { upload } from './stream/upload.ts';

/** The rows. */
export const rows: readonly BenchRow[] = [upload, ingest, fanout(1000), fanout(5000), latency];
