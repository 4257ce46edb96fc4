/**
 * Money as exact decimals. Owned here: how one is written (plain digits, no exponent, no zeros at the end), and the sums
 * and products that prices need. There is no division, so nothing is ever rounded; no number of JavaScript is involved.
 */

/** An exact decimal number as text: `0.00125`. */
export type Decimal = string;

/** What a decimal looks like that is not negative. */
export const decimalPattern = /^\d{1,20}(\.\d{1,20})?$/;

/** Nothing at all, which is a known amount. */
export const zero: Decimal = '0';

/** The sum. */
export const plus = (one: Decimal, other: Decimal): Decimal => summed(partsOf(one), partsOf(other));

/** The sum of what is known; null where neither is. */
export const plusKnown = (one: Decimal | null, other: Decimal | null): Decimal | null =>
  one === null && other === null ? null : plus(one ?? zero, other ?? zero);

/** The sum of all that is known; null where nothing is. Added up by how many places they have, because there may be many. */
export function sumOfKnown(values: readonly (Decimal | null)[]): Decimal | null {
  const sums = new Map<number, bigint>();
  for (const value of values) {
    if (value === null) continue;
    const { units, scale } = partsOf(value);
    sums.set(scale, (sums.get(scale) ?? 0n) + units);
  }
  if (sums.size === 0) return null;
  return written(Array.from(sums, ([scale, units]) => ({ units, scale })).reduce(added));
}

/** What is left of the first; below zero where the second is greater. */
export function minus(one: Decimal, other: Decimal): Decimal {
  const { units, scale } = partsOf(other);
  return summed(partsOf(one), { units: -units, scale });
}

/** Whether the first is the greater. */
export const isMore = (one: Decimal, other: Decimal): boolean => minus(other, one).startsWith('-');

/** The product. */
export function times(one: Decimal, other: Decimal): Decimal {
  const [a, b] = [partsOf(one), partsOf(other)];
  return written({ units: a.units * b.units, scale: a.scale + b.scale });
}

/** So many of something, each at `rate`. */
export interface Counted {
  /** A whole number, not below zero. */
  readonly count: number;
  readonly rate: Decimal;
}

/** The sum of what all of them come to, divided by ten `places` times. One text is made for all of it, because this is done for every result. */
export function sumOfCounted(terms: readonly Counted[], places: number): Decimal {
  let sum: Parts = { units: 0n, scale: 0 };
  for (const { count, rate } of terms) {
    const { units, scale } = partsOf(rate);
    sum = added(sum, { units: BigInt(count) * units, scale });
  }
  return written({ units: sum.units, scale: sum.scale + places });
}

/** The same divided by ten so many times. */
export function shifted(one: Decimal, places: number): Decimal {
  const { units, scale } = partsOf(one);
  return written({ units, scale: scale + places });
}

/** A whole number of things, none below zero. */
export const decimalOfCount = (count: number): Decimal => BigInt(count).toString();

/** `units` / 10^`scale`. */
interface Parts {
  readonly units: bigint;
  readonly scale: number;
}

function partsOf(text: Decimal): Parts {
  const point = text.indexOf('.');
  if (point === -1) return { units: BigInt(text), scale: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
}

const summed = (one: Parts, other: Parts): Decimal => written(added(one, other));

function added(one: Parts, other: Parts): Parts {
  if (one.scale === other.scale) return { units: one.units + other.units, scale: one.scale };
  const scale = Math.max(one.scale, other.scale);
  const raised = (parts: Parts) => parts.units * 10n ** BigInt(scale - parts.scale);
  return { units: raised(one) + raised(other), scale };
}

function written({ units, scale }: Parts): Decimal {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === digitZero) end -= 1;
  const fraction = end === point ? '' : `.${digits.slice(point, end)}`;
  return `${units < 0n ? '-' : ''}${digits.slice(0, point)}${fraction}`;
}

const digitZero = 0x30;
