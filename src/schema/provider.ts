import { listProviders, type ProviderModel } from '../resolvers/provider.ts';
import { builder } from './builder.ts';
import { ProviderModeType, RecoveryType } from './enums.ts';

const LimitsType = builder.objectRef<ProviderModel>('ProviderLimits').implement({
  description:
    'What one job must keep to. Batches may be larger: they are split into as many jobs as it takes.',
  fields: (t) => ({
    requestsMin: t.int({
      description: 'The fewest requests in a job.',
      resolve: ({ provider }) => provider.limits.requestsMin,
    }),
    requestsMax: t.int({
      description: 'The most requests in a job.',
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
  }),
});

const CapabilitiesType = builder.objectRef<ProviderModel>('ProviderCapabilities').implement({
  description: 'What a provider can do, so that a form need not offer what cannot work.',
  fields: (t) => ({
    cancel: t.boolean({
      description: 'Whether a running job can be stopped.',
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
    recovery: t.field({
      type: RecoveryType,
      description: 'How a submission whose answer was lost is found again.',
      resolve: ({ provider }) => provider.capabilities.recovery,
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
      description: 'How it is answered here.',
      resolve: ({ mode }) => mode,
    }),
    credentialSetting: t.string({
      description: 'The setting of the service that holds its key.',
      resolve: ({ provider }) => provider.settings.apiKey,
    }),
    requestForm: t.string({
      description:
        'The native form of a request line, beside `{customId, body}`, which every provider takes.',
      resolve: ({ provider }) => provider.dialect.form,
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
  }),
});

builder.queryField('providers', (t) =>
  t.field({
    type: [ProviderType],
    description: 'Every provider that this version knows, configured or not.',
    resolve: (_root, _args, context) => [...listProviders(context)],
  }),
);
