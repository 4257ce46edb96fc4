/**
 * What is known of Mistral's batch jobs without asking: the numbers a job keeps to, what the vendor can and cannot
 * do, and which settings configure it. Sources and doubts stand in the README beside this file.
 */
import type { Provider } from '../provider.ts';

/** The facts about batch jobs that `Provider` asks for. */
export const settings = {
  name: 'mistral',
  title: 'Mistral Batch API',
  // "512 MB" is read as the smaller of its two meanings.
  limits: {
    requestsMin: 1,
    requestsMax: 100_000,
    bytesMax: 512_000_000,
    lineBytesMax: null,
    queue: [{ unit: 'REQUESTS', per: 'CREDENTIAL', max: 1_000_000, setting: 'MISTRAL_QUEUE_REQUESTS' }],
  },
  capabilities: {
    cancel: true,
    liveCounts: true,
    partialResults: false,
    expires: true,
    statusWord: true,
    deletion: true,
    resumable: false,
    resultsForm: 'LINES',
    tells: ['text', 'stopReason', 'tokens', 'expired', 'endTime'],
    recovery: 'EXACT',
    recoveryKey: 'metadata and input file',
    recoveryNeedsCallback: false,
    absenceProves: true,
    listDelaySeconds: 60,
  },
  endpoints: ['/v1/chat/completions', '/v1/embeddings', '/v1/fim/completions', '/v1/moderations'],
  // The vendor takes any number of hours below seven days; six days is the longest that leaves no doubt.
  completionWindows: ['24h', '48h', '72h', '144h'],
  unmixable: ['model', 'endpoint'],
  distinct: [],
  modelPlace: 'BODY',
  itemsNamedBy: 'KEY',
  settings: {
    apiKey: 'MISTRAL_API_KEY',
    baseUrl: 'MISTRAL_BASE_URL',
    defaultBaseUrl: 'https://api.mistral.ai',
  },
  example: {
    model: 'mistral-small-latest',
    body: ({ prompt, model }) => ({
      model,
      max_tokens: 256,
      messages: [{ role: 'user', content: prompt }],
    }),
  },
  facts: {
    limits: 'MEM',
    statuses: 'SDK',
    results: 'MEM',
    recovery: 'WIRE',
    cancelling: 'SDK',
    webhook: null,
  },
  pricing: { catalogue: 'mistral', batchShare: '0.5', certainty: 'DOC' },
  webhook: null,
} as const satisfies Partial<Provider>;
