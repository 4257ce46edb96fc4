/**
 * How items are written into the JSONL file that a job is made of: one line per item,
 * `{"key":"<key>","request":<body>}`. The bodies go on as they came; endpoint and model stand in the job's path.
 */
import type { Encoding, SubmissionItem } from '../provider.ts';

/** The envelope of one item; around the lines stands nothing but the newline after each. */
export const encoding: Encoding = {
  envelope: ({ key }) => ({ before: `{"key":${JSON.stringify(key)},"request":`, after: '}' }),
  frameBytes: (count) => count * newline.length,
};

/**
 * The line of one item, newline included. A body may have been written over several lines; outside of strings a
 * newline is as good as a blank, and as long.
 */
export function encodeLine(item: SubmissionItem): string {
  const { before, after } = encoding.envelope(item);
  return before + item.body.replaceAll(/[\r\n]/g, ' ') + after + newline;
}

const newline = '\n';
