/** AnyAPI's batches as a provider, assembled. */
import { createCompatibleProvider } from '../compatible/create-provider.ts';
import type { Provider } from '../provider.ts';
import { settings } from './settings.ts';

/** Batches of files at AnyAPI. */
export const anyapi: Provider = createCompatibleProvider(settings);
