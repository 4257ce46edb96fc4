import { pgTable, primaryKey, uuid } from 'drizzle-orm/pg-core';
import { large, moment } from './columns.ts';

/** The points that all processes together have counted for a key or an organization, by the start of the minute. */
export const rateCounts = pgTable(
  'rate_counts',
  {
    /** Of the key or of the organization; ids differ also between the two. */
    subjectId: uuid('subject_id').notNull(),
    windowStart: moment('window_start').notNull(),
    points: large('points').notNull(),
  },
  (t) => [primaryKey({ columns: [t.windowStart, t.subjectId] })],
);
