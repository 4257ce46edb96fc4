/** Anthropic's Message Batches, as one provider. */
import type { Provider } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { settings } from './settings.ts';

/** Anthropic Message Batches: up to 100,000 Messages requests in one call, answered within 24 hours. */
export const anthropic: Provider = { ...settings, dialect, encoding, decoding, connect, emulate };
