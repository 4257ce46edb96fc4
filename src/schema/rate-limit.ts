import type { OpenModel, RateLimitModel } from '../resolvers/rate-limit.ts';
import { builder } from './builder.ts';

const RateScopeType = builder.enumType('RateScope', {
  description: 'Whose points are counted.',
  values: {
    KEY: { value: 'key', description: 'Those of one key.' },
    ORGANIZATION: { value: 'organization', description: 'Those of all keys of an organization together.' },
  } as const,
});

const OpenType = builder.objectRef<OpenModel>('OpenLimit').implement({
  description: 'How much your key has open at once, on the process that answers.',
  fields: (t) => ({
    open: t.int({ description: 'How many are open.', resolve: ({ open }) => open }),
    limit: t.int({ description: 'The most that may be.', resolve: ({ limit }) => limit }),
  }),
});

/** What is left to whoever asks. */
export const RateLimitType = builder.objectRef<RateLimitModel>('RateLimit').implement({
  description:
    'How much you may ask for. An operation costs one point, and one more for each further 100 fields that its answer can have. Beyond the limit it is refused with the code RATE_LIMITED.',
  fields: (t) => ({
    scope: t.field({
      type: RateScopeType,
      description: 'Whose limit it is: of the two that hold for you, the one with fewer points left.',
      resolve: ({ scope }) => scope,
    }),
    limit: t.int({ description: 'The most points in a minute.', resolve: ({ limit }) => limit }),
    remaining: t.int({
      description: 'The points that are left in this minute, as far as this process knows.',
      resolve: ({ remaining }) => remaining,
    }),
    resetAt: t.field({
      type: 'DateTime',
      description: 'When the next minute begins, and with it all points are back.',
      resolve: ({ resetAt }) => resetAt,
    }),
    subscriptions: t.field({
      type: OpenType,
      description: "Your key's subscriptions, over WebSocket and server-sent events.",
      resolve: ({ subscriptions }) => subscriptions,
    }),
    connections: t.field({
      type: OpenType,
      description: "Your key's WebSocket connections.",
      resolve: ({ connections }) => connections,
    }),
  }),
});
