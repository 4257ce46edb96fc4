/** Every benchmark there is, in the order of the table. */
import type { BenchRow } from './row.ts';

/** The rows. */
export const rows: readonly BenchRow[] = [];
