/**
 * How items are written into the one JSON document that creates a batch:
 * `{"requests":[<body>,…],"callback_url":"…"}`. A body is the whole of its line and goes on as it came.
 */
import type { Encoding } from '../provider.ts';

/** What stands before the first item's line. */
export const frameStart = '{"requests":[';
/** What stands between two lines. */
export const separator = ',';
/** What stands after the last item's line, before the callback. */
export const listEnd = ']';
/** What stands at the end. */
export const frameEnd = '}';

/** What names the callback URL, between the list and the end; nothing where there is none. */
export const callbackPart = (callbackUrl: string | null): string =>
  callbackUrl === null ? '' : `,"callback_url":${JSON.stringify(callbackUrl)}`;

/** No envelope, and the frame and commas around all lines. All of it is ASCII: bytes are characters. */
export const encoding: Encoding = {
  envelope: () => ({ before: '', after: '' }),
  frameBytes: (count) =>
    frameStart.length + separator.length * Math.max(0, count - 1) + listEnd.length + frameEnd.length,
};
