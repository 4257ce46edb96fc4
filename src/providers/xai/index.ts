/** xAI's Batch API as a provider, assembled. */
import type { Provider } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { settings } from './settings.ts';

/** Batches at xAI: created empty, filled in as many calls as it takes, results in pages from the first one on. */
export const xai: Provider = { ...settings, dialect, encoding, decoding, connect, emulate };
