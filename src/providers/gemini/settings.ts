/**
 * What is known of the Gemini Batch API without asking: the numbers a job keeps to, what the vendor can and cannot
 * do, and which settings configure it. Sources and doubts stand in the README beside this file.
 */
import type { Provider } from '../provider.ts';
import { webhookSecret } from './webhook.ts';

/** The facts about batch jobs that `Provider` asks for. */
export const settings = {
  name: 'gemini',
  title: 'Gemini Batch API',
  // "2 GB" is read as the smaller of its two meanings. Only the size of its file bounds a job.
  limits: {
    requestsMin: 1,
    requestsMax: null,
    bytesMax: 2_000_000_000,
    lineBytesMax: null,
    queue: [
      { unit: 'JOBS', per: 'CREDENTIAL', max: 100, setting: 'GEMINI_QUEUE_JOBS' },
      { unit: 'TOKENS', per: 'MODEL', max: null, setting: 'GEMINI_QUEUE_TOKENS' },
    ],
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
    tells: ['text', 'stopReason', 'tokens', 'endTime'],
    recovery: 'EXACT',
    recoveryKey: 'display name',
    recoveryNeedsCallback: false,
    absenceProves: true,
    listDelaySeconds: 60,
  },
  endpoints: ['generateContent', 'embedContent'],
  completionWindows: ['24h'],
  unmixable: ['model', 'endpoint'],
  distinct: [],
  modelPlace: 'JOB',
  itemsNamedBy: 'KEY',
  settings: {
    apiKey: 'GEMINI_API_KEY',
    baseUrl: 'GEMINI_BASE_URL',
    defaultBaseUrl: 'https://generativelanguage.googleapis.com',
    more: { webhookSecret },
  },
  example: {
    model: 'gemini-3.8-flash',
    body: ({ prompt }) => ({
      contents: [{ role: 'user', parts: [{ text: prompt }] }],
      generationConfig: { maxOutputTokens: 256 },
    }),
  },
  facts: {
    limits: 'DOC',
    statuses: 'SDK',
    results: 'GUESS',
    recovery: '3P',
    cancelling: 'GUESS',
    webhook: 'GUESS',
  },
  pricing: { catalogue: 'google', batchShare: '0.5', certainty: 'DOC' },
} as const satisfies Partial<Provider>;
