/**
 * How much an organization may have: which quotas there are, how the layers that set them make one, and whether
 * something is within them. Owned here: the rules. Counting what there is, and holding a count against others who add
 * at the same time, are left to `batches/quotas.ts`.
 */
import { z } from 'zod';
import { storableText } from './storable-text.ts';

/** What can be limited, by the words of the API. */
export const quotaNames = [
  'REQUESTS_PER_BATCH',
  'BYTES_PER_UPLOAD',
  'ACTIVE_BATCHES',
  'WAITING_REQUESTS',
  'PROVIDERS',
] as const;
/** One thing that can be limited. */
export type QuotaName = (typeof quotaNames)[number];

/** What an organization may have; null: as much as there is. */
export interface Quotas {
  readonly requestsPerBatch: number | null;
  /** Of the requests that one call or upload brings, in bytes. */
  readonly bytesPerUpload: number | null;
  /** Batches that are open or under way. */
  readonly activeBatches: number | null;
  /** Requests that were accepted and not sent yet, at each provider. */
  readonly waitingRequests: number | null;
  /** The providers that may be used, by name. */
  readonly providers: readonly string[] | null;
}

const amount = (name: string) =>
  z
    .int({ error: `${name} must be a whole number.` })
    .min(0, `${name} must not be below 0.`)
    .nullish();
const providersMax = 100;

/** Some quotas, as somebody sets them. What is left out says nothing; null says that there is no limit. */
export const quotaLayerSchema = z.strictObject({
  requestsPerBatch: amount('requestsPerBatch'),
  bytesPerUpload: amount('bytesPerUpload'),
  activeBatches: amount('activeBatches'),
  waitingRequests: amount('waitingRequests'),
  providers: z
    .array(storableText('a provider', 64))
    .max(providersMax, `providers must be at most ${providersMax}.`)
    .nullish(),
});
/** Some quotas, as somebody sets them. */
export type QuotaLayer = z.output<typeof quotaLayerSchema>;

/** Everything that has a say in an organization's quotas. */
export interface QuotaLayers {
  /** The settings of the service. */
  readonly defaults: Quotas;
  /** The plan that the organization is on; empty where it is on none. */
  readonly plan: QuotaLayer;
  /** What the operator grants this organization, whatever its plan says. */
  readonly granted: QuotaLayer;
  /** What the organization holds itself to; it can only take away. */
  readonly own: QuotaLayer;
}

/** What holds: the operator's word for the organization, else its plan's, else the settings', cut to its own. */
export function effectiveQuotas({ defaults, plan, granted, own }: QuotaLayers): Quotas {
  const allowed = <Name extends keyof Quotas>(name: Name): Quotas[Name] => {
    const said = granted[name] === undefined ? plan[name] : granted[name];
    return (said === undefined ? defaults[name] : said) as Quotas[Name];
  };
  const least = (name: Exclude<keyof Quotas, 'providers'>): number | null => {
    const [most, wanted] = [allowed(name), own[name] ?? null];
    if (most === null || wanted === null) return most ?? wanted;
    return Math.min(most, wanted);
  };
  const [all, wanted] = [allowed('providers'), own.providers ?? null];
  return {
    requestsPerBatch: least('requestsPerBatch'),
    bytesPerUpload: least('bytesPerUpload'),
    activeBatches: least('activeBatches'),
    waitingRequests: least('waitingRequests'),
    providers:
      all === null || wanted === null ? (all ?? wanted) : all.filter((name) => wanted.includes(name)),
  };
}

/** A layer after a change: what the change leaves out stays. Null, too, is something that is said. */
export const changedLayer = (layer: QuotaLayer, change: QuotaLayer): QuotaLayer => ({
  ...layer,
  ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)),
});

/** A quota that something would go beyond. */
export interface QuotaBreach {
  readonly quota: QuotaName;
  readonly limit: number;
  /** What there is already. */
  readonly current: number;
  /** What would come to it. */
  readonly requested: number;
  /** The provider that it is about; null where it is about none. */
  readonly provider: string | null;
}

/** What one call or upload brings to a batch. */
export interface Brought {
  readonly provider: string;
  readonly requests: number;
  readonly bytes: number;
  /** How many requests the batch has already. */
  readonly before: number;
}

/** The quotas that this is beyond whatever else the organization has. */
export function beyondSize(quotas: Quotas, { provider, requests, bytes, before }: Brought): QuotaBreach[] {
  const isAllowed = quotas.providers === null || quotas.providers.includes(provider);
  const about = { quota: 'PROVIDERS', limit: 0, current: 0, requested: 1, provider } as const;
  return [
    ...(isAllowed ? [] : [about]),
    ...beyond('BYTES_PER_UPLOAD', quotas.bytesPerUpload, 0, bytes),
    ...beyond('REQUESTS_PER_BATCH', quotas.requestsPerBatch, before, requests),
  ];
}

/** What an organization has under way with one provider, or with all. */
export interface Holding {
  readonly batches: number;
  /** Requests that were not sent yet. */
  readonly waiting: number;
}

/** What an organization has under way, by provider. */
export type Holdings = ReadonlyMap<string, Holding>;

/** Whether these quotas ask for what an organization has; where not, nobody need count it. */
export const countsHoldings = ({ activeBatches, waitingRequests }: Quotas): boolean =>
  activeBatches !== null || waitingRequests !== null;

/** The quotas that `more` with a provider is beyond, on top of what the organization has. */
export function beyondHoldings(
  quotas: Quotas,
  holdings: Holdings,
  provider: string,
  more: Holding,
): QuotaBreach[] {
  return [
    ...beyond('ACTIVE_BATCHES', quotas.activeBatches, batchesIn(holdings), more.batches),
    ...beyond(
      'WAITING_REQUESTS',
      quotas.waitingRequests,
      holdings.get(provider)?.waiting ?? 0,
      more.waiting,
      provider,
    ),
  ];
}

/** How many batches an organization has under way. */
export const batchesIn = (holdings: Holdings): number =>
  [...holdings.values()].reduce((sum, { batches }) => sum + batches, 0);

/** What adds nothing is within any limit, also where there is too much already. */
function beyond(
  quota: QuotaName,
  limit: number | null,
  current: number,
  requested: number,
  provider: string | null = null,
): QuotaBreach[] {
  if (limit === null || requested === 0 || current + requested <= limit) return [];
  return [{ quota, limit, current, requested, provider }];
}

/** What is said of it to people. */
export const breachMessage = (breach: QuotaBreach): string => messages[breach.quota](breach);

const messages = {
  REQUESTS_PER_BATCH: ({ limit, current, requested }) =>
    `A batch may have ${limit} requests; this one has ${current}, and ${requested} would come to them.`,
  BYTES_PER_UPLOAD: ({ limit, requested }) =>
    `The requests of one call or upload may have ${limit} bytes; these have ${requested}.`,
  ACTIVE_BATCHES: ({ limit, current }) =>
    `The organization may have ${limit} batches that are open or under way, and has ${current}; wait until one ends, or cancel one.`,
  WAITING_REQUESTS: ({ limit, current, requested, provider }) =>
    `The organization may have ${limit} requests that wait for provider "${provider}", and has ${current}; ${requested} would come to them.`,
  PROVIDERS: ({ provider }) => `The organization may not use provider "${provider}".`,
} as const satisfies Record<QuotaName, (breach: QuotaBreach) => string>;
