/**
 * What is known of AnyAPI's batches without asking: which settings configure it, and no quirk. Limits, endpoints
 * and windows are not known; what is assumed of every OpenAI-compatible service is assumed of it. Sources and
 * doubts stand in the README beside this file.
 */
import type { CompatibleService } from '../compatible/create-provider.ts';

/** The facts about AnyAPI's batches. */
export const settings: CompatibleService = {
  name: 'anyapi',
  title: 'AnyAPI Batch API',
  settings: {
    apiKey: 'ANYAPI_API_KEY',
    baseUrl: 'ANYAPI_BASE_URL',
    defaultBaseUrl: 'https://api.anyapi.ai/v1',
  },
  facts: {
    limits: 'GUESS',
    statuses: 'SEED',
    results: 'GUESS',
    recovery: 'GUESS',
    cancelling: 'GUESS',
    webhook: null,
  },
};
