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

/** What is left of the first; below zero where the second is greater. */
export function minus(one: Decimal, other: Decimal): Decimal {
  const { units, scale } = partsOf(other);
  return summed(partsOf(one), { units: -units, scale });
}

/** The product. */
export function times(one: Decimal, other: Decimal): Decimal {
  const [a, b] = [partsOf(one), partsOf(other)];
  return written({ units: a.units * b.units, scale: a.scale + b.scale });
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
  const [whole = '', fraction = ''] = text.split('.');
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

function summed(one: Parts, other: Parts): Decimal {
  const scale = Math.max(one.scale, other.scale);
  const raised = (parts: Parts) => parts.units * 10n ** BigInt(scale - parts.scale);
  return written({ units: raised(one) + raised(other), scale });
}

function written({ units, scale }: Parts): Decimal {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
