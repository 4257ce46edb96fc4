/** sync.so's Batch API as a provider, assembled. */
import type { Provider } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { settings } from './settings.ts';
import { webhook } from './webhook.ts';

/** Batches of lip-sync video generations at sync.so. */
export const sync: Provider = { ...settings, webhook, dialect, encoding, decoding, connect, emulate };
