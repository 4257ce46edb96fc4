/**
 * How items are written into the one JSON document that creates a batch:
 * `{"requests":[{"custom_id":"<key>","params":<body>},…]}`. The bodies go on as they came.
 */
import type { Encoding } from '../provider.ts';

/** What stands before the first item's line. */
export const frameStart = '{"requests":[';
/** What stands between two lines. */
export const separator = ',';
/** What stands after the last item's line. */
export const frameEnd = ']}';

/** The envelope of one item, and the frame and commas around all of them. All of it is ASCII: bytes are characters. */
export const encoding: Encoding = {
  envelope: ({ key }) => ({ before: `{"custom_id":${JSON.stringify(key)},"params":`, after: '}' }),
  frameBytes: (count) => frameStart.length + separator.length * Math.max(0, count - 1) + frameEnd.length,
};
