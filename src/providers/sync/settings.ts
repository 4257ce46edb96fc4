/**
 * What is known of sync.so's Batch API without asking: the numbers a job keeps to, what the vendor can and cannot
 * do, and which settings configure it. Sources and doubts stand in the README beside this file.
 */
import { type Provider, unknownPricing } from '../provider.ts';

/** The facts about the Batch API that `Provider` asks for. */
export const settings = {
  name: 'sync',
  title: 'sync.so Batch API',
  // "5MB" is read as the smaller of its two meanings.
  limits: {
    requestsMin: 20,
    requestsMax: 500,
    bytesMax: 5_000_000,
    lineBytesMax: null,
    queue: [{ unit: 'JOBS', per: 'CREDENTIAL', max: null, setting: 'SYNC_QUEUE_JOBS' }],
  },
  capabilities: {
    cancel: false,
    liveCounts: true,
    partialResults: false,
    expires: false,
    statusWord: true,
    deletion: false,
    resumable: false,
    resultsForm: 'LINES',
    // A result is a video behind a URL: no text, no tokens, no stop reason. Of the times only the creation's is told.
    tells: [],
    recovery: 'EXACT',
    recoveryKey: 'webhook URL',
    recoveryNeedsCallback: true,
    absenceProves: true,
    listDelaySeconds: 60,
  },
  endpoints: ['/v2/generate'],
  completionWindows: ['24h'],
  unmixable: [],
  distinct: [],
  modelPlace: 'BODY',
  itemsNamedBy: 'KEY',
  settings: {
    apiKey: 'SYNC_API_KEY',
    baseUrl: 'SYNC_BASE_URL',
    defaultBaseUrl: 'https://api.sync.so',
    more: {
      webhookSecret: {
        variable: 'SYNC_WEBHOOK_SECRET',
        required: false,
        pattern: /^\S{8,}$/,
        must: "the organization's webhook secret, whole and without blanks",
        meaning: "The secret that signs sync.so's webhooks; without it their calls are taken as mere hints.",
      },
    },
  },
  example: {
    model: 'lipsync-2',
    body: ({ prompt, model }) => ({
      model,
      input: [
        { type: 'video', url: 'https://assets.sync.so/docs/example-video.mp4' },
        {
          type: 'text',
          provider: { name: 'elevenlabs', voiceId: 'EXAVITQu4vr4xnSDxMaL', script: prompt },
        },
      ],
      options: { sync_mode: 'cut_off' },
    }),
  },
  facts: {
    limits: 'SEED',
    statuses: 'SDK',
    results: 'GUESS',
    recovery: 'SDK',
    cancelling: 'SDK',
    webhook: 'DOC',
  },
  pricing: unknownPricing,
} as const satisfies Partial<Provider>;
