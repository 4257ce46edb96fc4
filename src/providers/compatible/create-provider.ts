/**
 * Makes a provider of a service that speaks OpenAI's batch wire, quirks included. Owned here: what such services
 * have in common, and what is assumed of one that says nothing. Left to others: each service's facts (its own
 * folder, `presets.ts`, or the settings), and the wire (the files beside this one).
 */
import { type Provider, type ProviderLimits, type QueueLimit, unknownPricing } from '../provider.ts';
import { connect } from './client.ts';
import { decoding } from './decode.ts';
import { dialect } from './dialect.ts';
import { emulate } from './emulator.ts';
import { encoding } from './encode.ts';
import { noQuirks, type Quirks } from './quirks.ts';

/** A service: what it is called, what configures it, and what is known of it; absent: as is assumed of all. */
export interface CompatibleService extends Pick<Provider, 'name' | 'title' | 'settings'> {
  readonly facts?: Provider['facts'];
  readonly pricing?: Provider['pricing'];
  readonly exampleModel?: string;
  readonly webhook?: Provider['webhook'];
  readonly quirks?: Partial<Quirks>;
  readonly limits?: Partial<ProviderLimits>;
  /** How many tokens of one model may be at the service at once; absent: nobody knows. */
  readonly queueTokens?: number;
  readonly endpoints?: Provider['endpoints'];
  readonly completionWindows?: Provider['completionWindows'];
}

/** What a service is assumed to take that says nothing else. */
const assumedEndpoints = [
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/v1/completions',
  '/v1/moderations',
] as const;

/** The endpoints whose requests and results are understood. */
export const knownEndpoints = [
  ...assumedEndpoints,
  '/v1/images/generations',
  '/v1/images/edits',
  '/v1/videos',
] as const;

/** The smallest that is known of any such service: a job that is split too finely costs nothing. */
const assumedLimits: Omit<ProviderLimits, 'queue'> = {
  requestsMin: 1,
  requestsMax: 50_000,
  bytesMax: 100_000_000,
  lineBytesMax: null,
};

/** Nothing is known of it but that it says to be compatible. */
const assumedFacts: Provider['facts'] = {
  limits: 'GUESS',
  statuses: 'GUESS',
  results: 'GUESS',
  recovery: 'GUESS',
  cancelling: 'GUESS',
  webhook: null,
};

/** OpenAI's own limit differs from tier to tier and from model to model, and so may everybody's. */
const tokenQueue = ({ settings, queueTokens }: CompatibleService): QueueLimit => ({
  unit: 'TOKENS',
  per: 'MODEL',
  max: queueTokens ?? null,
  setting: settings.apiKey.replace(/(?:_API)?_KEY$/, '_QUEUE_TOKENS'),
});

/** The provider. Its emulator plays the same quirks, under the path of the default base URL. */
export function createCompatibleProvider(service: CompatibleService): Provider {
  const { name, title, settings, endpoints = assumedEndpoints, completionWindows = ['24h'] } = service;
  const quirks = { ...noQuirks, ...service.quirks };
  const limits = { ...assumedLimits, queue: [tokenQueue(service)], ...service.limits };
  const basePath = new URL(settings.defaultBaseUrl).pathname.replace(/\/+$/, '');
  const webhook = service.webhook ?? null;
  const webhookSetting = webhook?.secret ?? null;
  return {
    name,
    title,
    limits,
    capabilities: {
      cancel: true,
      liveCounts: quirks.counts === 'requests',
      partialResults: false,
      expires: true,
      statusWord: true,
      deletion: true,
      resumable: false,
      resultsForm: 'LINES',
      tells: ['text', 'stopReason', 'tokens', 'expired', 'endTime'],
      // Where there is no metadata, the input file is the key: its id is saved before the batch is created.
      recovery: 'EXACT',
      recoveryKey: quirks.metadata ? 'metadata and input file' : 'input file',
      recoveryNeedsCallback: false,
      absenceProves: true,
      listDelaySeconds: 60,
    },
    endpoints,
    completionWindows,
    unmixable: ['model', 'endpoint'],
    distinct: [],
    modelPlace: 'BODY',
    itemsNamedBy: 'KEY',
    settings,
    example: {
      model: service.exampleModel ?? 'gpt-5-mini',
      body: ({ prompt, model }) => ({ model, messages: [{ role: 'user', content: prompt }] }),
    },
    facts: service.facts ?? assumedFacts,
    pricing: service.pricing ?? unknownPricing,
    webhook,
    dialect,
    encoding,
    decoding,
    connect: (connection, services) => connect(connection, services, quirks),
    emulate: (options) =>
      emulate(options, { basePath, quirks, limits, endpoints, completionWindows, webhookSetting }),
  };
}
