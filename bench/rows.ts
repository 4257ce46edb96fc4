/** Every benchmark there is, in the order of the table. */
import { ingest } from './ingest/ingest.ts';
import { fanout } from './live/fanout.ts';
import { latency } from './live/latency.ts';
import { page } from './pages/page.ts';
import { pageDepth } from './pages/page-depth.ts';
import type { BenchRow } from './row.ts';
import { download } from './stream/download.ts';
import { upload } from './stream/upload.ts';

/** The rows. */
export const rows: readonly BenchRow[] = [
  upload,
  download,
  ingest,
  page,
  pageDepth,
  fanout(1000),
  fanout(5000),
  latency,
];
