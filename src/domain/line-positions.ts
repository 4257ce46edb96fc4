/**
 * On which line of a file a request stands, by its position. Lines without a request make the two drift apart; only
 * where they do is anything kept, so a file of nothing but requests takes no memory, whatever its size.
 */

/** How many places are kept at which lines and positions drift apart; a file with more is told of less exactly. */
const driftsMax = 100_000;

/** Remembers lines by position. */
export class LinePositions {
  readonly #positions: number[] = [];
  readonly #drifts: number[] = [];
  #isExact = true;

  /** Takes note of the line of the next position. */
  note(position: number, line: number): void {
    const drift = line - position;
    if (drift === this.#drifts.at(-1)) return;
    if (this.#drifts.length >= driftsMax) {
      this.#isExact = false;
      return;
    }
    this.#positions.push(position);
    this.#drifts.push(drift);
  }

  /** The line of a position that was noted; null where it is not known any more. */
  lineOf(position: number): number | null {
    const at = this.#positions.findLastIndex((from) => from <= position);
    const drift = this.#drifts[at];
    const isLast = at === this.#drifts.length - 1;
    return drift === undefined || (isLast && !this.#isExact) ? null : position + drift;
  }
}
