/**
 * What is known of Message Batches without asking: the numbers a job keeps to, what the vendor can and cannot
 * do, and which settings configure it. Sources and doubts stand in the README beside this file.
 */
import type { Provider } from '../provider.ts';

/** The API version that this adapter speaks; sent with every call. */
export const apiVersion = '2026-10-21';

/** How long results can be downloaded, counted from the batch's creation and not from its end. */
export const resultsDays = 29;

/** The facts about Message Batches that `Provider` asks for. */
export const settings = {
  name: 'anthropic',
  title: 'Anthropic Message Batches',
  limits: {
    requestsMin: 1,
    requestsMax: 100_000,
    bytesMax: 256_000_000,
    lineBytesMax: null,
    queue: [{ unit: 'REQUESTS', per: 'CREDENTIAL', max: 200_000, setting: 'ANTHROPIC_QUEUE_REQUESTS' }],
  },
  capabilities: {
    cancel: true,
    liveCounts: false,
    partialResults: false,
    expires: true,
    statusWord: true,
    deletion: true,
    resumable: false,
    resultsForm: 'LINES',
    tells: ['text', 'stopReason', 'tokens', 'expired', 'endTime'],
    recovery: 'PROVISIONAL',
    recoveryKey: 'time and count, proven by the results',
    recoveryNeedsCallback: false,
    absenceProves: true,
    listDelaySeconds: 60,
  },
  endpoints: ['/v1/messages'],
  completionWindows: ['24h'],
  unmixable: [],
  distinct: [],
  modelPlace: 'BODY',
  itemsNamedBy: 'KEY',
  settings: {
    apiKey: 'ANTHROPIC_API_KEY',
    baseUrl: 'ANTHROPIC_BASE_URL',
    defaultBaseUrl: 'https://api.anthropic.com',
  },
  example: {
    model: 'claude-haiku-4-5',
    body: ({ prompt, model }) => ({
      model,
      max_tokens: 256,
      messages: [{ role: 'user', content: prompt }],
    }),
  },
  facts: {
    limits: 'DOC',
    statuses: 'SDK',
    results: 'DOC',
    recovery: 'SDK',
    cancelling: 'SDK',
    webhook: null,
  },
  pricing: { catalogue: 'anthropic', batchShare: '0.5', certainty: 'DOC' },
  webhook: null,
} as const satisfies Partial<Provider>;
