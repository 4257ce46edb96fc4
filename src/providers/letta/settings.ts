/**
 * What is known of Letta's batches without asking: the numbers a job keeps to, what the vendor can and cannot do,
 * and which settings configure it. Sources and doubts stand in the README beside this file.
 */
import { type Provider, unknownPricing } from '../provider.ts';

/** The facts about Letta's batches that `Provider` asks for. */
export const settings = {
  name: 'letta',
  title: 'Letta batches',
  // "256 MB" is read as the smaller of its two meanings, which leaves room for the callback URL.
  limits: { requestsMin: 1, requestsMax: null, bytesMax: 256_000_000, lineBytesMax: null, queue: [] },
  capabilities: {
    cancel: true,
    liveCounts: false,
    partialResults: true,
    expires: false,
    statusWord: true,
    deletion: false,
    resumable: false,
    resultsForm: 'PAGES',
    tells: ['text', 'endTime'],
    recovery: 'EXACT',
    recoveryKey: 'callback URL',
    recoveryNeedsCallback: true,
    // The list leaves out whatever is over, a job that failed at its creation included.
    absenceProves: false,
    listDelaySeconds: 60,
  },
  endpoints: ['/v1/messages/batches'],
  // Nobody promises a window; after two weeks the server itself stops looking at what it sent on.
  completionWindows: ['336h'],
  unmixable: [],
  distinct: ['agentId'],
  modelPlace: 'NONE',
  itemsNamedBy: 'AGENT',
  settings: {
    apiKey: 'LETTA_API_KEY',
    baseUrl: 'LETTA_BASE_URL',
    defaultBaseUrl: 'https://api.letta.com',
  },
  example: {
    model: null,
    body: ({ prompt, index }) => ({
      agent_id: `agent-00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`,
      messages: [{ role: 'user', content: prompt }],
    }),
  },
  facts: {
    limits: 'SPEC',
    statuses: 'SPEC',
    results: 'GUESS',
    recovery: 'SPEC',
    cancelling: 'SPEC',
    webhook: 'SPEC',
  },
  pricing: unknownPricing,
} as const satisfies Partial<Provider>;
