/** The settings of limits: what one operation may ask for, how often, and how much may be open. */
import { type QueryLimit, queryLimits } from '../domain/query-limits.ts';
import { networks, wholeNumber } from './kinds.ts';

/** The setting of one limit of an operation. */
const limitOf = ({ setting, usual, counts }: QueryLimit) => ({
  name: setting,
  kind: wholeNumber(1, 1_000_000_000),
  default: usual,
  meaning: `The most ${counts} ([limits](limits.md)).`,
});

/** The settings of limits, in the order in which they are documented. */
export const limitVariables = {
  tokensMax: limitOf(queryLimits.tokens),
  nestingMax: limitOf(queryLimits.nesting),
  depthMax: limitOf(queryLimits.depth),
  breadthMax: limitOf(queryLimits.breadth),
  fieldsMax: limitOf(queryLimits.fields),
  aliasesMax: limitOf(queryLimits.aliases),
  directivesMax: limitOf(queryLimits.directives),
  complexityMax: limitOf(queryLimits.complexity),
  rateLimitPerKey: {
    name: 'RATE_LIMIT_PER_KEY',
    kind: wholeNumber(1, 1_000_000_000),
    default: 600_000,
    meaning:
      'The most points a minute for one key; an operation costs one, and one more for each further 100 fields that its answer can have ([limits](limits.md)).',
  },
  rateLimitPerOrganization: {
    name: 'RATE_LIMIT_PER_ORGANIZATION',
    kind: wholeNumber(1, 1_000_000_000),
    default: 3_000_000,
    meaning: 'The most points a minute for all keys of one organization together.',
  },
  connectionsPerKey: {
    name: 'CONNECTIONS_PER_KEY',
    kind: wholeNumber(0, 1_000_000),
    default: 20_000,
    meaning: 'The most WebSocket connections that one key may have open in one process.',
  },
  subscriptionsPerKey: {
    name: 'SUBSCRIPTIONS_PER_KEY',
    kind: wholeNumber(0, 1_000_000),
    default: 20_000,
    meaning: 'The most subscriptions that one key may have open in one process.',
  },
  signInFailuresMax: {
    name: 'SIGN_IN_FAILURES_MAX',
    kind: wholeNumber(1, 1_000_000),
    default: 1000,
    meaning: 'The most wrong keys a minute from one address; beyond, only keys that were let in before are.',
  },
  trustedProxies: {
    name: 'TRUSTED_PROXIES',
    kind: networks,
    default: [],
    meaning:
      'The proxies in front of this service, whose `X-Forwarded-For` tells where a request comes from; without it, all who come through one are one address.',
  },
} as const;
