import { queueUnits } from '../domain/queue-room.ts';
import {
  credentialSettings,
  exampleBody,
  listProviders,
  type ProviderModel,
  providerFacts,
  providerQueue,
  providerSettings,
  providerWebhook,
} from '../resolvers/provider.ts';
import { builder } from './builder.ts';
import { CredentialRef } from './credential.ts';
import {
  CertaintyType,
  described,
  ModelPlaceType,
  ProviderModeType,
  RecoveryType,
  WebhookRegistrationType,
} from './enums.ts';

const QueueUnitType = builder.enumType('QueueUnit', {
  description: 'What a provider counts of what it was given and has not done yet.',
  values: described(queueUnits, {
    REQUESTS: 'Requests of jobs that are not over.',
    TOKENS: 'Tokens of jobs that are not over, reckoned as one for four bytes.',
    JOBS: 'Jobs that are not over.',
  }),
});

const QueueLimitType = builder
  .objectRef<ReturnType<typeof providerQueue>[number]>('ProviderQueueLimit')
  .implement({
    description: 'Something that a provider has only so much room for at once.',
    fields: (t) => ({
      unit: t.field({
        type: QueueUnitType,
        description: 'What is counted.',
        resolve: ({ unit }) => unit,
      }),
      perModel: t.exposeBoolean('perModel', {
        description: 'Whether each model has such room of its own.',
      }),
      max: t.field({
        type: 'BigInt',
        nullable: true,
        description:
          'The most at once, of models that the setting does not name; null where nothing is known or set.',
        resolve: ({ max }) => max,
      }),
      setting: t.exposeString('setting', { description: 'The setting of the service that changes it.' }),
    }),
  });

const LimitsType = builder.objectRef<ProviderModel>('ProviderLimits').implement({
  description:
    'What one job must keep to. Batches may be larger: they are split into as many jobs as it takes.',
  fields: (t) => ({
    requestsMin: t.int({
      description: 'The fewest requests in a job.',
      resolve: ({ provider }) => provider.limits.requestsMin,
    }),
    requestsMax: t.int({
      nullable: true,
      description: 'The most requests in a job; null where only bytesMax bounds it.',
      resolve: ({ provider }) => provider.limits.requestsMax,
    }),
    bytesMax: t.field({
      type: 'BigInt',
      description: 'The most bytes in a job, everything included.',
      resolve: ({ provider }) => provider.limits.bytesMax,
    }),
    lineBytesMax: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'The most bytes of one request as a line; null where only bytesMax bounds it.',
      resolve: ({ provider }) => provider.limits.lineBytesMax,
    }),
    queue: t.field({
      type: [QueueLimitType],
      description:
        'What all jobs with one key together must keep to while they are there; further ones wait (Job.waitingFor); at most 3.',
      resolve: (entry, _args, context) => providerQueue(entry, context),
    }),
    unmixable: t.stringList({
      description:
        'What one job may not mix (`model`, `endpoint`, `agentId`): each value gets jobs of its own.',
      resolve: ({ provider }) => [...provider.unmixable],
    }),
    distinct: t.stringList({
      description: 'What may occur once in a job: requests that share it go to different jobs.',
      resolve: ({ provider }) => [...provider.distinct],
    }),
  }),
});

const CapabilitiesType = builder.objectRef<ProviderModel>('ProviderCapabilities').implement({
  description: 'What a provider can do, so that a form need not offer what cannot work.',
  fields: (t) => ({
    cancel: t.boolean({
      description:
        'Whether a running job can be stopped. Where not, cancelBatch ends what is not sent yet, and the rest goes on.',
      resolve: ({ provider }) => provider.capabilities.cancel,
    }),
    liveCounts: t.boolean({
      description: 'Whether its counts move while a job runs; else they come all at once at the end.',
      resolve: ({ provider }) => provider.capabilities.liveCounts,
    }),
    partialResults: t.boolean({
      description: 'Whether finished items can be read before the whole job ends.',
      resolve: ({ provider }) => provider.capabilities.partialResults,
    }),
    expires: t.boolean({
      description: 'Whether it ends a job by itself when its window is over.',
      resolve: ({ provider }) => provider.capabilities.expires,
    }),
    deletion: t.boolean({
      description:
        'Whether it deletes what it keeps of a job, requests and results, when asked to (deleteProviderFiles).',
      resolve: ({ provider }) => provider.capabilities.deletion,
    }),
    recovery: t.field({
      type: RecoveryType,
      description: 'How a submission whose answer was lost is found again.',
      resolve: ({ provider }) => provider.capabilities.recovery,
    }),
    recoveryKey: t.string({
      description: 'What it is found by.',
      resolve: ({ provider }) => provider.capabilities.recoveryKey,
    }),
    recoveryNeedsPublicUrl: t.boolean({
      description: 'Whether that works only where PUBLIC_URL is set; without it such a job stays UNKNOWN.',
      resolve: ({ provider }) => provider.capabilities.recoveryNeedsCallback,
    }),
  }),
});

const SettingType = builder
  .objectRef<ReturnType<typeof providerSettings>[number]>('ProviderSetting')
  .implement({
    description: 'A setting of the service that concerns one provider.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'The variable: `OPENAI_API_KEY`.' }),
      required: t.exposeBoolean('required', {
        description: 'Whether the provider cannot be used without it.',
      }),
      meaning: t.exposeString('meaning', { description: 'What it is, in a sentence.' }),
    }),
  });

const WebhookType = builder
  .objectRef<NonNullable<ReturnType<typeof providerWebhook>>>('ProviderWebhook')
  .implement({
    description: 'How a provider tells of a job by itself; it is asked all the same, only later.',
    fields: (t) => ({
      registration: t.field({
        type: WebhookRegistrationType,
        description: 'How it is told where to call.',
        resolve: ({ definition }) => definition.registration,
      }),
      url: t.field({
        type: 'URL',
        nullable: true,
        description: 'What to enter at the provider; null for JOB, and where PUBLIC_URL is not set.',
        resolve: (webhook) => webhook.url(),
      }),
      verified: t.boolean({
        description:
          'Whether calls are verified by a secret here. Where not, they are mere hints, or refused.',
        resolve: ({ secret }) => secret !== null,
      }),
    }),
  });

const CredentialSettingType = builder
  .objectRef<ReturnType<typeof credentialSettings>[number]>('CredentialSetting')
  .implement({
    description: 'What addCredential takes for a provider beside the key.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'The word to give to addCredential: `webhookSecret`.' }),
      required: t.exposeBoolean('required', { description: 'Whether it must be given.' }),
      meaning: t.exposeString('meaning', { description: 'What it is.' }),
      must: t.exposeString('must', { description: 'What it must be, after "must be".' }),
    }),
  });

const FactType = builder.objectRef<ReturnType<typeof providerFacts>[number]>('ProviderFact').implement({
  description: 'How sure this version is of what it believes about a provider.',
  fields: (t) => ({
    subject: t.exposeString('subject', { description: 'What about: `limits`, `recovery`, …' }),
    certainty: t.field({
      type: CertaintyType,
      description: 'The least sure source of what is believed about it.',
      resolve: ({ certainty }) => certainty,
    }),
  }),
});

const ProviderType = builder.objectRef<ProviderModel>('Provider').implement({
  description: 'A batch API that BatchQL can drive: everything that a form for createBatch needs.',
  fields: (t) => ({
    name: t.string({
      description: 'The word to give to createBatch: `openai`.',
      resolve: ({ provider }) => provider.name,
    }),
    title: t.string({ description: 'What people call it.', resolve: ({ provider }) => provider.title }),
    mode: t.field({
      type: ProviderModeType,
      description: 'How it is answered here to your organization, with its own credential where it has one.',
      resolve: (provider) => provider.modeForCaller(),
    }),
    credential: t.field({
      type: CredentialRef,
      nullable: true,
      description:
        "Your organization's own credential that its new batches use where they name none; null where they use the service's, or there is none. For keys, not for read tokens.",
      authScopes: { key: true },
      resolve: (provider) => provider.ownCredential(),
    }),
    credentialSettings: t.field({
      type: [CredentialSettingType],
      description: 'What addCredential takes for it beside the key; empty for most.',
      resolve: (entry) => [...credentialSettings(entry)],
    }),
    settings: t.field({
      type: [SettingType],
      description: 'Where its credentials and the like are set; the first makes it live.',
      resolve: (entry) => [...providerSettings(entry)],
    }),
    requestForm: t.string({
      description:
        'The native form of a request line, beside `{customId, body}`, which every provider takes.',
      resolve: ({ provider }) => provider.dialect.form,
    }),
    modelPlace: t.field({
      type: ModelPlaceType,
      description: 'Where requests name their model.',
      resolve: ({ provider }) => provider.modelPlace,
    }),
    exampleModel: t.string({
      nullable: true,
      description: 'A small model of its own, to begin with; null where requests name none.',
      resolve: ({ provider }) => provider.example.model,
    }),
    exampleBody: t.field({
      type: 'JSON',
      description: 'A body that it takes for its first endpoint, to begin with.',
      resolve: (entry) => exampleBody(entry),
    }),
    endpoints: t.stringList({
      description: 'The endpoints that requests may name; the first is the default.',
      resolve: ({ provider }) => [...provider.endpoints],
    }),
    completionWindows: t.stringList({
      description: 'The completion windows that can be asked for; the first is the default.',
      resolve: ({ provider }) => [...provider.completionWindows],
    }),
    limits: t.field({
      type: LimitsType,
      description: 'What one job must keep to.',
      resolve: (entry) => entry,
    }),
    capabilities: t.field({
      type: CapabilitiesType,
      description: 'What it can and cannot do.',
      resolve: (entry) => entry,
    }),
    webhook: t.field({
      type: WebhookType,
      nullable: true,
      description:
        'How it calls this service; null where it cannot, or is not configured. For keys, not for read tokens.',
      authScopes: { key: true },
      resolve: (entry) => providerWebhook(entry),
    }),
    facts: t.field({
      type: [FactType],
      description: 'How sure this version is of what it believes about it.',
      resolve: (entry) => [...providerFacts(entry)],
    }),
  }),
});

builder.queryField('providers', (t) =>
  t.field({
    type: [ProviderType],
    description: 'Every provider that this version knows, configured or not.',
    resolve: (_root, _args, context) => [...listProviders(context)],
  }),
);
