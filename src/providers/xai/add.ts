/**
 * The second half of a submission: a job's items on their way into its batch, in calls that each stay below what the
 * vendor takes. One call's items are held at a time, never the job.
 *
 * Owned here: which items go into which call, and that all of them together are what the submission says. Left to
 * others: sending (`calls.ts`), what a call that failed means (`submit.ts`).
 */
import type { Submission, SubmissionItem } from '../provider.ts';
import type { CallBody } from './calls.ts';
import { callEnd, callStart, encoding, separator } from './encode.ts';

/** One call's items, written. */
export interface Call {
  readonly body: CallBody;
  readonly keys: readonly string[];
}

/** Below 25 MB by enough for any reading of that; an item that is longer has a call to itself. */
const callBytesMax = 16_000_000;
/** The vendor names none. Small enough for a call not to take long on its side. */
const callItemsMax = 10_000;

/**
 * The calls that add what is not `present` yet, in order of position. Items that are not as many, or not as long, as
 * the submission says are a fault of ours and a plain error, before the last of them is sent.
 */
export async function* callsFor(
  { requestCount, encodedBytes }: Pick<Submission, 'requestCount' | 'encodedBytes'>,
  items: AsyncIterable<SubmissionItem>,
  present: ReadonlySet<string>,
): AsyncGenerator<Call> {
  let call = emptyCall();
  let count = 0;
  let bytes = 0;
  for await (const item of items) {
    const { before, after } = encoding.envelope(item);
    const line = before + item.body + after;
    const lineBytes = Buffer.byteLength(line);
    count += 1;
    bytes += lineBytes;
    if (count > requestCount || bytes > encodedBytes) throw notAsSaid('more');
    if (present.has(item.key)) continue;
    const isFull =
      call.bytes + separator.length + lineBytes > callBytesMax || call.keys.length === callItemsMax;
    if (isFull && call.keys.length > 0) {
      yield closed(call);
      call = emptyCall();
    }
    call.pieces.push(call.keys.length === 0 ? callStart : separator, line);
    call.bytes += lineBytes + separator.length;
    call.keys.push(item.key);
  }
  if (count < requestCount || bytes < encodedBytes) throw notAsSaid('less');
  if (call.keys.length > 0) yield closed(call);
}

interface OpenCall {
  readonly pieces: string[];
  readonly keys: string[];
  /** Those of the lines, and of a separator for each. */
  bytes: number;
}

const emptyCall = (): OpenCall => ({ pieces: [], keys: [], bytes: 0 });

/** Where the first separator would stand, stands the start. */
const closed = ({ pieces, keys, bytes }: OpenCall): Call => ({
  body: {
    pieces: [...pieces, callEnd],
    bytes: callStart.length - separator.length + bytes + callEnd.length,
  },
  keys,
});

const notAsSaid = (how: 'more' | 'less'): Error =>
  new Error(`The items to be sent were ${how} than the submission says.`);
