/** The OpenAI Batch API as a provider, assembled. */
import { createCompatibleProvider } from '../compatible/create-provider.ts';
import type { Provider } from '../provider.ts';
import { settings } from './settings.ts';

/** Batches of files at OpenAI. */
export const openai: Provider = createCompatibleProvider(settings);
