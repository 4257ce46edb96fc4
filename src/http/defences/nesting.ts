/**
 * How deep texts and values nest, counted without recursion: whatever reads them afterwards may recurse, because
 * what would overflow its stack never reaches it.
 */
import { type GraphQLError, Lexer, type Source, TokenKind } from 'graphql';
import { type QueryLimits, queryLimits } from '../../domain/query-limits.ts';
import { beyondLimit, refusal } from './refusal.ts';

const opening: readonly TokenKind[] = [TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L];
const closing: readonly TokenKind[] = [TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R];

/**
 * Why a document is not even parsed; null where it may be. Stops at the limit, so that `value` is one above it,
 * however long the document is.
 */
export function unparsable(source: Source, limits: QueryLimits): GraphQLError | null {
  const lexer = new Lexer(source);
  // A document within its own depth, whose values are within theirs, cannot nest deeper.
  const nestingMax = limits.depth + limits.nesting;
  let nesting = 0;
  try {
    for (let tokens = 1; lexer.advance().kind !== TokenKind.EOF; tokens += 1) {
      if (tokens > limits.tokens) return beyondLimit({ tokens }, limits);
      if (opening.includes(lexer.token.kind)) nesting += 1;
      else if (closing.includes(lexer.token.kind)) nesting -= 1;
      if (nesting > nestingMax) {
        const message = `The document goes beyond a limit: at most ${nestingMax} brackets that lie inside of each other.`;
        return refusal(queryLimits.depth.code, message, { limit: nestingMax, value: nesting });
      }
    }
  } catch {
    // What no lexer can read is told by the parser, with its place.
  }
  return null;
}

/** How many levels of objects and lists a parsed JSON value has; counts no further than one beyond `max`. */
export function nestingOf(value: unknown, max: number): number {
  let level: unknown[] = [value].filter(isNested);
  let depth = 0;
  while (level.length > 0 && depth <= max) {
    depth += 1;
    level = level.flatMap((nested) => Object.values(nested as object).filter(isNested));
  }
  return depth;
}

/** Files of a multipart request are values, too, and have nothing inside. */
const isNested = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Blob);
