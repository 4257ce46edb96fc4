/**
 * What is known of the Batch API without asking: the numbers a job keeps to, and which settings configure it. It
 * has no quirks: the others have theirs in comparison with it. Sources and doubts stand in the README beside this
 * file.
 */
import { type CompatibleService, knownEndpoints } from '../compatible/create-provider.ts';
import { webhook, webhookSecret } from './webhook.ts';

/** The facts about the Batch API. */
export const settings: CompatibleService = {
  name: 'openai',
  title: 'OpenAI Batch API',
  // "200 MB" is read as the smaller of its two meanings.
  limits: { requestsMin: 1, requestsMax: 50_000, bytesMax: 200_000_000, lineBytesMax: null },
  endpoints: knownEndpoints,
  completionWindows: ['24h'],
  settings: {
    apiKey: 'OPENAI_API_KEY',
    baseUrl: 'OPENAI_BASE_URL',
    defaultBaseUrl: 'https://api.openai.com/v1',
    more: { webhookSecret },
  },
  webhook,
  facts: {
    limits: 'DOC',
    statuses: 'SPEC',
    results: 'MEM',
    recovery: 'SPEC',
    cancelling: 'SPEC',
    webhook: 'DOC',
  },
  pricing: { catalogue: 'openai', batchShare: '0.5', certainty: 'MEM' },
};
