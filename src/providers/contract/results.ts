/** How results are handed over and read, in one shape for all providers. */
import type { Decimal } from '../../domain/decimal.ts';
import type { ResultStatus } from '../../domain/status.ts';
import type { Usage } from '../../domain/usage.ts';

/** How a result line is read. Pure, and never throws. */
export interface Decoding {
  /** What a raw line says; `malformed` where it cannot be read. */
  decode(line: string): DecodedLine;
  /** The text that the model wrote, from a line that succeeded; null where there is none. */
  readText(line: string): string | null;
  /**
   * What the endpoint answered, as OpenAI writes it: `{"status_code":…,"body":…}`, the body in the very characters of
   * the line. Null where the line holds no answer, such as one that tells that the request was never processed.
   */
  readResponse(line: string): string | null;
}

/** A result line, read. */
export type DecodedLine =
  | { readonly kind: 'result'; readonly key: string; readonly outcome: Outcome }
  | { readonly kind: 'malformed'; readonly reason: string };

/** What became of one item, in one shape for all providers. */
export interface Outcome {
  readonly status: ResultStatus;
  /** The provider's word for what went wrong, in snake_case; null for a success. */
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** Whether the same request may succeed on another try; null for a success. */
  readonly retryable: boolean | null;
  readonly stopReason: string | null;
  readonly usage: Usage;
  /** What the provider says that it took for the result, in US dollars; absent where it does not say. */
  readonly charged?: Decimal | null;
}

/** Some result lines, and where to go on after them. */
export interface ResultChunk {
  /**
   * Raw lines without their newline; never an empty line. At most 4,000 lines of 4 MB, or one line above 4 MB. None: reading
   * goes on, and has nothing to hand over yet; a reading that says nothing at all for long counts as stalled.
   */
  readonly lines: readonly string[];
  /** Hand this back to `results` to continue after these lines. Only skips; a line read twice is harmless. */
  readonly cursor: string;
  /** Whether more is here already, which can be read while these lines are stored; absent: the provider may have to be called. */
  readonly isFollowed?: boolean;
}
