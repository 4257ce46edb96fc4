/**
 * The vendor's codes for what went wrong: those of google.rpc, which it writes as a number, as a word, or as the
 * sentence that stands for it, in refusals and in results alike.
 */
import type { JsonValue } from '../../domain/json-line.ts';

/** One code. */
export interface StatusCode {
  /** In snake_case. */
  readonly word: string;
  /** As the vendor writes it out. */
  readonly sentence: string;
  /** Whether it says more about the moment than about the request. */
  readonly passes: boolean;
}

/** By number; 0 is no error. */
const codes: readonly StatusCode[] = [
  { word: 'ok', sentence: 'The operation completed successfully', passes: false },
  { word: 'cancelled', sentence: 'The operation was cancelled', passes: true },
  { word: 'unknown', sentence: 'Unknown error', passes: true },
  { word: 'invalid_argument', sentence: 'Client specified an invalid argument', passes: false },
  {
    word: 'deadline_exceeded',
    sentence: 'Deadline expired before operation could complete',
    passes: true,
  },
  { word: 'not_found', sentence: 'Some requested entity was not found', passes: false },
  {
    word: 'already_exists',
    sentence: 'Some entity that we attempted to create already exists',
    passes: false,
  },
  {
    word: 'permission_denied',
    sentence: 'The caller does not have permission to execute the specified operation',
    passes: false,
  },
  { word: 'resource_exhausted', sentence: 'Some resource has been exhausted', passes: true },
  {
    word: 'failed_precondition',
    sentence: "The system is not in a state required for the operation's execution",
    passes: false,
  },
  { word: 'aborted', sentence: 'The operation was aborted', passes: true },
  { word: 'out_of_range', sentence: 'Operation was attempted past the valid range', passes: false },
  { word: 'unimplemented', sentence: 'Operation is not implemented or not supported', passes: false },
  { word: 'internal', sentence: 'Internal error', passes: true },
  { word: 'unavailable', sentence: 'The service is currently unavailable', passes: true },
  { word: 'data_loss', sentence: 'Unrecoverable data loss or corruption', passes: false },
  {
    word: 'unauthenticated',
    sentence: 'The request does not have valid authentication credentials',
    passes: false,
  },
];

/** The code that a number, a number in a text, a word in any case, or a sentence stands for; null where none is. */
export function findCode(told: JsonValue | undefined): StatusCode | null {
  if (typeof told === 'number') return codes[told] ?? null;
  if (typeof told !== 'string') return null;
  if (/^\d+$/.test(told)) return codes[Number(told)] ?? null;
  const word = told.toLowerCase().replace(/^canceled$/, 'cancelled');
  return codes.find((code) => code.word === word || code.sentence === told) ?? null;
}
