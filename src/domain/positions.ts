/**
 * Sets of item positions, kept as ranges: a job of 50,000 consecutive items is two numbers, in memory and in
 * Postgres (`int4multirange`). Owns the set, its text in Postgres' form, and the collector that builds one.
 * Which positions belong together is decided by `splitting.ts`.
 */

/** The largest `integer` of Postgres; as a range ends *before* its last number, positions stay below it. */
const boundMax = 2_147_483_647;

/** An immutable set of positions. Iterates in ascending order. */
export class PositionSet implements Iterable<number> {
  /** The ends of its half-open ranges, strictly ascending: from, to, from, to, … Adjacent ranges are one. */
  readonly bounds: readonly number[];

  /** Takes the ends of ranges as `bounds` describes them; throws a `RangeError` for anything else. */
  constructor(bounds: readonly number[]) {
    let before = -1;
    for (const bound of bounds) {
      if (!Number.isInteger(bound) || bound <= before || bound > boundMax) {
        throw new RangeError('Ranges of positions must be whole numbers that ascend and fit an integer.');
      }
      before = bound;
    }
    if (bounds.length % 2 !== 0) throw new RangeError('A range of positions has no end.');
    this.bounds = bounds;
  }

  /** The set of these positions, which must ascend strictly; throws a `RangeError` where they do not. */
  static fromSorted(positions: Iterable<number>): PositionSet {
    const collector = new PositionCollector();
    for (const position of positions) collector.add(position);
    return collector.toSet();
  }

  /** Reads what Postgres prints for an `int4multirange`: `{[0,3),[5,6)}`. Throws a `RangeError` for another text. */
  static parseMultirange(text: string): PositionSet {
    if (text === '{}') return new PositionSet([]);
    if (!text.startsWith('{[') || !text.endsWith(')}')) throw notMultirange();
    return new PositionSet(text.slice(2, -2).split('),[').flatMap(readRange));
  }

  /** How many positions it holds. */
  get count(): number {
    let count = 0;
    for (const [from, to] of rangesOf(this.bounds)) count += to - from;
    return count;
  }

  /** Whether it holds this position: exactly then an odd number of bounds is not greater. */
  has(position: number): boolean {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.bounds[middle] ?? Number.POSITIVE_INFINITY) <= position) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1 && Number.isInteger(position);
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (const [from, to] of rangesOf(this.bounds)) {
      for (let position = from; position < to; position += 1) yield position;
    }
  }

  /** The set as Postgres prints an `int4multirange`; `{}` when it is empty. */
  toMultirange(): string {
    return `{${Array.from(rangesOf(this.bounds), ([from, to]) => `[${from},${to})`).join(',')}}`;
  }
}

/** Gathers positions in ascending order, and can give up the last ones again. */
export class PositionCollector {
  readonly #bounds: number[] = [];

  /** Adds a position greater than all before it; throws a `RangeError` for any other. */
  add(position: number): void {
    const end = this.#bounds.at(-1);
    if (position === end) this.#bounds[this.#bounds.length - 1] = position + 1;
    else if (position > (end ?? -1)) this.#bounds.push(position, position + 1);
    else throw new RangeError('Positions must be added in ascending order.');
  }

  /** Forgets this position and all greater ones. */
  dropFrom(position: number): void {
    while ((this.#bounds.at(-2) ?? -1) >= position) this.#bounds.length -= 2;
    const end = this.#bounds.at(-1);
    if (end !== undefined && end > position) this.#bounds[this.#bounds.length - 1] = position;
  }

  /** What was gathered so far. */
  toSet(): PositionSet {
    return new PositionSet([...this.#bounds]);
  }
}

function* rangesOf(bounds: readonly number[]): Generator<readonly [from: number, to: number]> {
  for (let at = 0; at < bounds.length; at += 2) yield [bounds[at] ?? 0, bounds[at + 1] ?? 0];
}

function readRange(text: string): [number, number] {
  const range = /^(0|[1-9][0-9]*),(0|[1-9][0-9]*)$/.exec(text);
  if (range === null) throw notMultirange();
  return [Number(range[1]), Number(range[2])];
}

const notMultirange = (): RangeError => new RangeError('This is not a multirange of positions.');
