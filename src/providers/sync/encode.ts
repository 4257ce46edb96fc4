/**
 * How items are written into the JSONL file that a batch is made of: one line per item,
 * `{"request_id":"<key>","endpoint":"/v2/generate","payload":<body>}`. The bodies go on as they came.
 */
import type { Encoding, SubmissionItem } from '../provider.ts';

/** The envelope of one item; around the lines stands nothing but the newline after each. */
export const encoding: Encoding = {
  envelope: ({ key, endpoint }) => ({
    before: `{"request_id":${JSON.stringify(key)},"endpoint":${JSON.stringify(endpoint)},"payload":`,
    after: '}',
  }),
  frameBytes: (count) => count * newline.length,
};

/** The lines of all items, each with its newline. */
export async function* encodeLines(items: AsyncIterable<SubmissionItem>): AsyncGenerator<string> {
  for await (const item of items) {
    const { before, after } = encoding.envelope(item);
    yield before + onOneLine(item.body) + after + newline;
  }
}

/** A body may have been written over several lines; outside of strings a newline is as good as a blank, and as long. */
const onOneLine = (body: string): string => body.replaceAll(/[\r\n]/g, ' ');

const newline = '\n';
