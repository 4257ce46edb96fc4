/**
 * What is known of the Batch API without asking: the numbers a job keeps to, what the vendor can and cannot do, and
 * which settings configure it. Sources and doubts stand in the README beside this file.
 */
import type { Provider } from '../provider.ts';

/** The facts about the Batch API that `Provider` asks for. */
export const settings = {
  name: 'xai',
  title: 'xAI Batch API',
  limits: {
    requestsMin: 1,
    // The vendor names no maximum, only a size from which it may be slower.
    requestsMax: null,
    // Ours, not the vendor's: what can be sent in calls of 16 MB before anybody's patience ends.
    bytesMax: 1_500_000_000,
    // 25 MB for a call, less what stands around an item that has one to itself.
    lineBytesMax: 25_000_000 - 100,
    queue: [],
  },
  capabilities: {
    cancel: true,
    liveCounts: true,
    partialResults: true,
    expires: false,
    statusWord: false,
    deletion: false,
    resumable: true,
    resultsForm: 'PAGES',
    tells: ['text', 'stopReason', 'tokens', 'expired'],
    recovery: 'EXACT',
    recoveryKey: 'name',
    recoveryNeedsCallback: false,
    absenceProves: true,
    listDelaySeconds: 60,
  },
  endpoints: ['/v1/chat/completions', '/v1/responses', '/v1/images/generations'],
  completionWindows: ['24h'],
  unmixable: [],
  distinct: [],
  modelPlace: 'BODY',
  itemsNamedBy: 'KEY',
  settings: {
    apiKey: 'XAI_API_KEY',
    baseUrl: 'XAI_BASE_URL',
    defaultBaseUrl: 'https://api.x.ai/v1',
  },
  example: {
    model: 'grok-4.3',
    body: ({ prompt, model }) => ({
      model,
      max_tokens: 256,
      messages: [{ role: 'user', content: prompt }],
    }),
  },
  facts: {
    limits: 'DOC',
    statuses: '3P',
    results: '3P',
    recovery: 'SPEC',
    cancelling: '3P',
    webhook: null,
  },
  // Between 20 and 50 % off, by model; its results tell what they cost.
  pricing: { catalogue: 'x-ai', batchShare: null, certainty: null },
  webhook: null,
} as const satisfies Partial<Provider>;
