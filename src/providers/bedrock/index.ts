/** Bedrock's batch inference as a provider, assembled. */
import type { Provider } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { settings } from './settings.ts';

/** Model invocation jobs at AWS Bedrock. */
export const bedrock: Provider = { ...settings, dialect, encoding, decoding, connect, emulate };
