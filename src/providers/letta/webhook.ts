/**
 * How Letta calls the URL that went along with a job: once, when the job has completed or failed, with nothing that
 * proves who calls. So a call is a hint under a path that only the vendor was told; what it claims is never believed.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { Webhook, WebhookReading } from '../provider.ts';

/** Reads `{"job_id","status","completed_at","metadata"}`. */
export const webhook: Webhook = {
  registration: 'JOB',
  secret: null,
  coversBody: false,
  unsignedAsHint: true,
  read({ body }): WebhookReading {
    const { job_id: jobId, status } = parse(body);
    if (!isWord(jobId) || !isWord(status)) {
      return { kind: 'refused', reason: 'the body does not tell a job and its status' };
    }
    return { kind: 'event', id: `${jobId}:${status}`, providerJobId: jobId };
  },
};

/** Anybody may call; nothing longer than any of the vendor's ids is worth remembering. */
const wordLengthMax = 200;

const isWord = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= wordLengthMax;

const parse = (body: string): JsonObject => {
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
};
