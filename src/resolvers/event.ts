/** An event of the past, as the schema's type is backed. */
export type { EventRow } from '../db/tables/events.ts';
