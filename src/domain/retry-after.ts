/** `Retry-After`, as RFC 9110 has it, and as servers write it. */

/** The moment that the header's text means, seconds or an HTTP date, never before `now`; null where it means none. */
export function retryAfter(text: string | null, now: Date): Date | null {
  const seconds = numberIn(text);
  return afterWait(seconds === null ? Date.parse(text ?? '') - now.getTime() : seconds * 1000, now);
}

/** The moment so many milliseconds from now, at the earliest now itself; null where there is no such moment. */
export function afterWait(milliseconds: number, now: Date): Date | null {
  const at = new Date(now.getTime() + Math.max(0, milliseconds));
  return Number.isNaN(at.getTime()) ? null : at;
}

/** A number in decimal digits that is not negative; null for any other text. */
export const numberIn = (text: string | null): number | null =>
  text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
