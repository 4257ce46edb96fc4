/** The vendor's times, which are dates without a time of day as often as not. Pure. */

/** A time, and whether all that was said is the day. */
export interface ReadTime {
  /** Of a bare date the first moment, in UTC. */
  readonly at: Date;
  readonly isDate: boolean;
}

/** Reads a time; null where there is none. */
export function readTime(text: string | null): ReadTime | null {
  const at = new Date(text ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : { at, isDate: /^\d{4}-\d\d-\d\d$/.test(text ?? '') };
}

/** The moment at which the day of a bare date is over, in UTC. */
export const endOfDay = (date: Date): Date => new Date(date.getTime() + 24 * 60 * 60 * 1000);
