/** Letta's batches, as one provider. */
import type { Provider } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { settings } from './settings.ts';
import { webhook } from './webhook.ts';

/** Letta's batches of messages to agents: one request for each agent, one result line for each agent that answered. */
export const letta: Provider = { ...settings, webhook, dialect, encoding, decoding, connect, emulate };
