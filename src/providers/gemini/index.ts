/** Gemini's batch jobs as a provider, assembled. */
import type { Provider } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { settings } from './settings.ts';
import { webhook } from './webhook.ts';

/** Batch jobs of files at the Gemini Developer API. */
export const gemini: Provider = { ...settings, dialect, encoding, decoding, webhook, connect, emulate };
