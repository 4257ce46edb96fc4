/**
 * The vendor's numbers for what went wrong (google.rpc.Code): the word for each, and whether it speaks of the moment
 * or of the request.
 */

/** What a code means. */
export interface RpcCode {
  /** In snake_case. */
  readonly word: string;
  /** Whether the same request may succeed on another try. */
  readonly mayPass: boolean;
}

/** What the number means: a code, or, where that is what the vendor wrote, an HTTP status; null means nothing known. */
export function rpcCode(number: number | null): RpcCode {
  const known = codes.get(number ?? 0);
  if (known !== undefined) return known;
  if (number === null || number < 100) return { word: 'unknown_error', mayPass: false };
  return { word: `http_${number}`, mayPass: number >= 500 || [408, 409, 429].includes(number) };
}

const codes: ReadonlyMap<number, RpcCode> = new Map(
  (
    [
      [1, 'cancelled', true],
      [2, 'unknown', true],
      [3, 'invalid_argument', false],
      [4, 'deadline_exceeded', true],
      [5, 'not_found', false],
      [6, 'already_exists', false],
      [7, 'permission_denied', false],
      [8, 'resource_exhausted', true],
      [9, 'failed_precondition', false],
      [10, 'aborted', true],
      [11, 'out_of_range', false],
      [12, 'unimplemented', false],
      [13, 'internal', true],
      [14, 'unavailable', true],
      [15, 'data_loss', false],
      [16, 'unauthenticated', false],
    ] as const
  ).map(([number, word, mayPass]) => [number, { word, mayPass }]),
);
