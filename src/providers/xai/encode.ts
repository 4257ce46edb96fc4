/**
 * How items are written into the calls that fill a batch:
 * `{"batch_requests":[{"batch_request_id":"<key>","batch_request":{"<kind>":<body>}},…]}`. The bodies go on as they came.
 */
import type { Encoding } from '../provider.ts';
import { kindOf } from './kinds.ts';

/** What stands before the first item of a call. */
export const callStart = '{"batch_requests":[';
/** What stands between two items of a call. */
export const separator = ',';
/** What stands after the last item of a call. */
export const callEnd = ']}';

/**
 * The envelope of one item. What frames a call belongs to the call: how many of them a job takes does not follow from
 * how many items it has, so a job's bytes are those of its lines.
 */
export const encoding: Encoding = {
  envelope: ({ key, endpoint }) => ({
    before: `{"batch_request_id":${JSON.stringify(key)},"batch_request":{"${kindOf(endpoint)}":`,
    after: '}}',
  }),
  frameBytes: () => 0,
};
