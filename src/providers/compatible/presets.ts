/**
 * What is known of services that speak OpenAI's batch wire and have no folder of their own, as data: the settings
 * name a preset, or say the same in JSON. Sources and doubts stand in the README.
 */
import { z } from 'zod';
import { type CompatibleService, createCompatibleProvider, knownEndpoints } from './create-provider.ts';
import { quirksSchema } from './quirks.ts';

const whole = (name: string, max: number) => {
  const error = `${name} must be a whole number from 1 to ${max}`;
  return z.int({ error }).min(1, { error }).max(max, { error }).optional();
};

/** A list of at least one. */
const listOf = <Entry extends z.ZodType>(entry: Entry, error: string) =>
  z.tuple([entry], entry, { error }).optional();

const endpointsError = `endpoints must be a list of some of ${knownEndpoints.join(', ')}`;
const windowsError = 'completionWindows must be a list of texts such as 24h or 7d';

const members = {
  ...quirksSchema.shape,
  /** The most requests of one batch. */
  requestsMax: whole('requestsMax', 1_000_000),
  /** The most bytes of one input file. */
  bytesMax: whole('bytesMax', 5_000_000_000),
  /** The first is the default. */
  endpoints: listOf(z.enum(knownEndpoints, { error: endpointsError }), endpointsError),
  /** The first is the default. */
  completionWindows: listOf(
    z.string({ error: windowsError }).regex(/^[1-9]\d{0,2}[hd]$/, { error: windowsError }),
    windowsError,
  ),
};

/**
 * What can be said of a service in JSON: its quirks, and its limits, endpoints and windows where they are not as
 * is assumed of all. The message of every issue names the member and what it must be, and quotes nothing.
 */
export const profileSchema = z.strictObject(members, {
  error: ({ code }) =>
    code === 'unrecognized_keys'
      ? `it may have no other members than ${Object.keys(members).join(', ')}`
      : 'it must be an object',
});

/** What can be said of a service in JSON. */
export type Profile = z.output<typeof profileSchema>;

/** A service that is known. */
export interface Preset {
  /** The product as people call it; null where the preset is of no single service. */
  readonly title: string | null;
  /** Null where it differs from service to service. */
  readonly baseUrl: string | null;
  readonly profile: Profile;
  /** How sure this is, and a small model; as is assumed of all where the preset is of no single service. */
  readonly about: Pick<CompatibleService, 'facts' | 'pricing' | 'exampleModel' | 'queueTokens'>;
}

/** The presets by name. `openai` is what every service is taken for of which nothing else is said. */
export const presets: Readonly<Record<'openai' | 'groq' | 'together', Preset>> = {
  openai: { title: null, baseUrl: null, profile: profileSchema.parse({}), about: {} },
  groq: {
    title: 'Groq Batch API',
    baseUrl: 'https://api.groq.com',
    profile: profileSchema.parse({
      pathPrefix: '/openai/v1',
      list: 'object',
      endpoints: ['/v1/chat/completions'],
      completionWindows: ['24h', '7d'],
    }),
    about: {
      exampleModel: 'llama-3.1-8b-instant',
      pricing: { catalogue: 'groq', batchShare: '0.5', certainty: 'MEM' },
      facts: {
        limits: 'MEM',
        statuses: 'SDK',
        results: 'GUESS',
        recovery: 'SDK',
        cancelling: 'SDK',
        webhook: null,
      },
    },
  },
  together: {
    title: 'Together Batch API',
    baseUrl: 'https://api.together.ai/v1',
    profile: profileSchema.parse({
      uploadPath: '/files/upload',
      fileNameField: 'file_name',
      purpose: 'batch-api',
      createWrapper: 'job',
      list: 'array',
      metadata: false,
      times: 'iso',
      deadlineField: 'job_deadline',
      phases: 'few',
      statuses: 'upper',
      counts: 'progress',
      errors: 'text',
      endpoints: ['/v1/chat/completions'],
    }),
    about: {
      exampleModel: 'meta-llama/Llama-3.3-70B-Instruct-Turbo',
      queueTokens: 30_000_000_000,
      // Half off for some models only.
      pricing: { catalogue: 'together', batchShare: null, certainty: null },
      facts: {
        limits: 'DOC',
        statuses: 'SPEC',
        results: 'GUESS',
        recovery: 'SPEC',
        cancelling: 'SPEC',
        webhook: null,
      },
    },
  },
};

/** The preset of that name; null where there is none. */
export const findPreset = (name: string): Preset | null =>
  Object.entries(presets).find(([known]) => known === name)?.[1] ?? null;

/** The provider of a service with this profile. */
export function providerOf(
  service: Pick<
    CompatibleService,
    'name' | 'title' | 'settings' | 'facts' | 'pricing' | 'exampleModel' | 'queueTokens'
  >,
  { requestsMax, bytesMax, endpoints, completionWindows, ...quirks }: Profile,
) {
  return createCompatibleProvider({
    ...service,
    quirks,
    limits: {
      ...(requestsMax === undefined ? {} : { requestsMax }),
      ...(bytesMax === undefined ? {} : { bytesMax }),
    },
    ...(endpoints === undefined ? {} : { endpoints }),
    ...(completionWindows === undefined ? {} : { completionWindows }),
  });
}
