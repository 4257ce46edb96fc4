/** Days and months as money is counted by: in UTC, as text. */
import { z } from 'zod';

/** A day in UTC: `2026-11-27`. */
export type Day = string;

/** A month in UTC: `2026-11`. */
export type Month = string;

/** The day that a moment is of. */
export const dayOf = (at: Date): Day => at.toISOString().slice(0, 10);

/** The month that a moment is of. */
export const monthOf = (at: Date): Month => at.toISOString().slice(0, 7);

/** The first day of a month. */
export const firstDayOf = (month: Month): Day => `${month}-01`;

/** The last day of a month. */
export function lastDayOf(month: Month): Day {
  const day = new Date(firstDayOf(month));
  day.setUTCMonth(day.getUTCMonth() + 1, 0);
  return dayOf(day);
}

/** Whether the text is a day that the calendar has. */
export const isDay = (text: unknown): text is Day =>
  // Postgres knows no year 0.
  z.iso.date().safeParse(text).success && !String(text).startsWith('0000');

/** How many days a span has, both ends included; none where it ends before it begins. */
export const daysIn = (from: Day, to: Day): number =>
  Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1);
