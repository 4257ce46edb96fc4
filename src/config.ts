/**
 * The only reader of the environment. Owns which settings may stand together and what follows from them:
 * whether this process runs in the sandbox, and which providers it may really call. The settings themselves
 * are data in `config/`. Nothing is opened, started or called here.
 */
import { readCompatibleServices } from './config/compatible-services.ts';
import { furtherVariables, providerVariables } from './config/provider-variables.ts';
import { readQueues, readQuotas } from './config/quotas.ts';
import { type Environment, openReading, type Reading } from './config/reading.ts';
import { variables } from './config/variables.ts';
import type { QueryLimits } from './domain/query-limits.ts';
import { type Connection, filledIn, type Provider } from './providers/provider.ts';
import type { RateSettings } from './rates/rates.ts';
import type { WorkSettings } from './services.ts';

/** What a process does: everything, only answering callers, or only background work. */
export type Role = 'all' | 'api' | 'worker';

/** What the command line says; it wins over the environment. */
export interface ConfigFlags {
  /** Real providers on the embedded Postgres. */
  readonly live?: boolean | undefined;
  readonly role?: Role | undefined;
  readonly port?: number | undefined;
}

/** How one process is configured. Frozen. */
export interface Config {
  readonly http: {
    readonly host: string;
    /** 0 takes any port that is free. */
    readonly port: number;
    /** Without a slash at its end. */
    readonly publicUrl: string | null;
    /** `*` allows all. */
    readonly corsOrigins: readonly string[];
    readonly bodyBytesMax: number;
    readonly graphiql: boolean;
    readonly introspection: boolean;
    /** Where the only documents lie that are executed; null where any is. */
    readonly persistedDocuments: string | null;
    readonly queryLimits: QueryLimits;
    readonly rates: RateSettings;
    /** Whose word counts on where a request comes from. */
    readonly trustedProxies: readonly string[];
  };
  /** Where `/metrics` is; null where it is nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** Null: the embedded Postgres; and no direct connection of its own. */
  readonly database: { readonly url: string | null; readonly directUrl: string | null };
  readonly dataDir: string | undefined;
  /** The admin key of a first organization. */
  readonly apiKey: string | null;
  /** Takes part in signing read tokens and links. */
  readonly signingSecret: string | null;
  /** Whether every provider is answered by its emulator. */
  readonly sandbox: boolean;
  /** Whether any provider is called for real, so that money can be spent; never in the sandbox. */
  readonly live: boolean;
  readonly events: 'notify' | 'poll';
  /** How often a subscriber is told of one batch, or of one feed. */
  readonly eventsPerSecondMax: number;
  readonly role: Role;
  readonly log: { readonly level: LogLevel };
  readonly work: WorkSettings;
  /** What callback URLs may lead to beside the public network: the entries of `CALLBACK_ALLOW`. */
  readonly callbackAllow: readonly string[];
  /** Where the operator's own prices are. */
  readonly pricesFile: string | null;
  /** How long an emulated batch takes. */
  readonly sandboxSeconds: number;
  /** The providers that the settings name, beside those that are built in. */
  readonly compatibleProviders: readonly Provider[];
  /** By provider's name: how to call it for real; null where it must not or cannot be. */
  readonly providers: Readonly<Record<string, Connection | null>>;
  /** By provider's name: where it is called for real, by whomever; `{name}`s stand for settings. */
  readonly baseUrls: Readonly<Record<string, string>>;
  readonly credentials: {
    /** In base64, 32 bytes each, the present one first; null where organizations' credentials cannot be kept. */
    readonly keys: readonly [string, ...string[]] | null;
    /** Whether organizations without a credential of their own may use the service's. */
    readonly shared: boolean;
  };
}

/** The least severe lines that are logged. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** The configuration in this process's own environment; see `readConfig`. `overrides` win over it. */
export const readProcessConfig = (
  flags: ConfigFlags,
  providers: readonly Provider[],
  overrides: Environment = {},
): Config => readConfig({ ...process.env, ...overrides }, flags, providers);

/**
 * The configuration in `environment`, with the settings of these providers and of those that it names. Throws one `ConfigError` with
 * everything that is wrong with it.
 */
export function readConfig(
  environment: Environment,
  flags: ConfigFlags,
  builtIn: readonly Provider[],
): Config {
  const port = flags.port === undefined ? {} : { [variables.port.name]: String(flags.port) };
  const reading = openReading({ ...environment, ...port });
  const sandbox = readSandbox(reading, flags);
  const compatibleProviders = readCompatibleServices(reading, builtIn);
  const providers = [...builtIn, ...compatibleProviders];
  const connections = readProviders(reading, providers, sandbox);
  if (flags.live === true) demandKey(reading, providers);
  const events = reading.read(variables.events);
  const work = {
    ...readWork(reading, sandbox, events === 'notify'),
    queues: readQueues(reading, providers),
  };
  const config: Config = {
    http: {
      host: reading.read(variables.host),
      port: reading.read(variables.port),
      publicUrl: reading.read(variables.publicUrl),
      corsOrigins: reading.read(variables.corsOrigins),
      bodyBytesMax: work.bodyBytesMax,
      graphiql: reading.read(variables.graphiql),
      introspection: reading.read(variables.introspection),
      persistedDocuments: reading.read(variables.persistedDocuments),
      queryLimits: readQueryLimits(reading),
      rates: readRates(reading),
      trustedProxies: reading.read(variables.trustedProxies),
    },
    metrics: readMetrics(reading),
    database: readDatabase(reading),
    dataDir: reading.read(variables.dataDir) ?? undefined,
    apiKey: reading.read(variables.apiKey),
    signingSecret: reading.read(variables.signingSecret),
    sandbox,
    live: !sandbox && connections.some(([, connection]) => connection !== null),
    events,
    eventsPerSecondMax: reading.read(variables.eventsPerSecondMax),
    role: flags.role ?? 'all',
    log: { level: reading.read(variables.logLevel) },
    work,
    callbackAllow: reading.read(variables.callbackAllow),
    pricesFile: reading.read(variables.pricesFile),
    sandboxSeconds: reading.read(variables.sandboxSeconds),
    compatibleProviders,
    providers: Object.fromEntries(
      connections.map(([name, connection]) => [name, sandbox ? null : connection]),
    ),
    baseUrls: Object.fromEntries(providers.map((provider) => [provider.name, baseUrlOf(reading, provider)])),
    credentials: readCredentials(reading),
  };
  reading.finish();
  return frozen(config);
}

/** Real money needs intent: a database of one's own, or the flag; and neither mixes with the sandbox. */
function readSandbox(reading: Reading, { live = false }: ConfigFlags): boolean {
  const said = reading.read(variables.sandbox);
  const hasDatabase = reading.has(variables.databaseUrl);
  if (said === true && live) reading.refuse(variables.sandbox.name, 'must not be true together with --live');
  if (said === false && !live && !hasDatabase) {
    reading.refuse(
      variables.sandbox.name,
      `must not be false without ${variables.databaseUrl.name} or --live`,
    );
  }
  return said === true || (!hasDatabase && !live);
}

function readMetrics(reading: Reading): Config['metrics'] {
  const [host, port] = [reading.read(variables.metricsHost), reading.read(variables.metricsPort)];
  return port === null ? null : { host, port };
}

function readDatabase(reading: Reading): Config['database'] {
  const { databaseUrl, databaseDirectUrl } = variables;
  if (reading.has(databaseDirectUrl) && !reading.has(databaseUrl)) {
    reading.refuse(databaseDirectUrl.name, `must not be set without ${databaseUrl.name}`);
  }
  return { url: reading.read(databaseUrl), directUrl: reading.read(databaseDirectUrl) };
}

function readProviders(
  reading: Reading,
  providers: readonly Provider[],
  sandbox: boolean,
): [string, Connection | null][] {
  return providers.map((provider) => {
    const settings = providerVariables(provider);
    const apiKey = reading.read(settings.apiKey);
    const baseUrl = baseUrlOf(reading, provider);
    const more = apiKey === null || sandbox ? {} : readMore(reading, provider);
    return [provider.name, apiKey === null ? null : { baseUrl: filledIn(baseUrl, more), apiKey, more }];
  });
}

const baseUrlOf = (reading: Reading, provider: Provider): string =>
  reading.read(providerVariables(provider).baseUrl) ?? provider.settings.defaultBaseUrl;

/** How organizations' own credentials are kept, and who pays for those that have none. */
function readCredentials(reading: Reading): Config['credentials'] {
  const { credentialsKey, credentialsKeyOld, sharedCredentials } = variables;
  const present = reading.read(credentialsKey);
  const before = reading.read(credentialsKeyOld);
  if (reading.has(credentialsKeyOld) && !reading.has(credentialsKey)) {
    reading.refuse(credentialsKeyOld.name, `must not be set without ${credentialsKey.name}`);
  }
  return {
    keys: present === null ? null : [present, ...before],
    shared: reading.read(sharedCredentials),
  };
}

/**
 * A provider's further settings, looked at only where it is used: other software reads the same variables, and takes
 * other values.
 */
function readMore(reading: Reading, provider: Provider): Record<string, string> {
  const { apiKey } = provider.settings;
  const more: Record<string, string> = {};
  for (const { name, required, variable } of furtherVariables(provider)) {
    const value = reading.read(variable);
    if (value !== null) more[name] = value;
    else if (required && !reading.has(variable)) {
      reading.refuse(variable.name, `must be set, because ${apiKey} is`);
    }
  }
  return more;
}

function demandKey(reading: Reading, providers: readonly Provider[]): void {
  // Organizations may bring all that there is.
  if (reading.has(variables.credentialsKey)) return;
  const keys = providers.map((provider) => providerVariables(provider).apiKey);
  if (keys.some((key) => reading.has(key))) return;
  reading.refuse('--live', `must come with a provider's key: ${keys.map(({ name }) => name).join(' or ')}`);
}

const readQueryLimits = (reading: Reading): QueryLimits => ({
  tokens: reading.read(variables.tokensMax),
  nesting: reading.read(variables.nestingMax),
  depth: reading.read(variables.depthMax),
  breadth: reading.read(variables.breadthMax),
  fields: reading.read(variables.fieldsMax),
  aliases: reading.read(variables.aliasesMax),
  directives: reading.read(variables.directivesMax),
  complexity: reading.read(variables.complexityMax),
});

const readRates = (reading: Reading): RateSettings => ({
  limits: {
    key: reading.read(variables.rateLimitPerKey),
    organization: reading.read(variables.rateLimitPerOrganization),
  },
  connectionsPerKey: reading.read(variables.connectionsPerKey),
  subscriptionsPerKey: reading.read(variables.subscriptionsPerKey),
  signInFailures: reading.read(variables.signInFailuresMax),
});

function readWork(reading: Reading, sandbox: boolean, notifies: boolean): Omit<WorkSettings, 'queues'> {
  const mode = sandbox ? 'sandbox' : undefined;
  const { pollFirstSeconds, pollMaxSeconds } = variables;
  const poll = {
    firstSeconds: reading.read(pollFirstSeconds, mode),
    growth: reading.read(variables.pollGrowth),
    maxSeconds: reading.read(pollMaxSeconds, mode),
    jitter: reading.read(variables.pollJitter),
  };
  const comparable = reading.isSound(pollFirstSeconds) && reading.isSound(pollMaxSeconds);
  if (comparable && poll.maxSeconds < poll.firstSeconds) {
    reading.refuse(pollMaxSeconds.name, `must not be below ${pollFirstSeconds.name}`);
  }
  return {
    poll,
    leaseSeconds: reading.read(variables.leaseSeconds),
    sendSeconds: reading.read(variables.sendSeconds),
    callSeconds: reading.read(variables.callSeconds),
    callbackSeconds: reading.read(variables.callbackSeconds),
    graceSeconds: reading.read(variables.graceHours) * 3600,
    syncWaitSeconds: reading.read(variables.syncWaitSeconds),
    eventRetentionDays: reading.read(variables.eventRetentionDays),
    resultRetentionDays: reading.read(variables.resultRetentionDays),
    notifies,
    bodyBytesMax: reading.read(variables.bodyBytesMax),
    quotas: readQuotas(reading),
    uploadStallSeconds: reading.read(variables.uploadStallSeconds),
    uploadHours: reading.read(variables.uploadHours),
  };
}

/** Frozen in its whole depth: what a process is configured with does not change under it. */
function frozen<Value extends object>(value: Value): Value {
  const parts: unknown[] = Object.values(value);
  for (const part of parts) if (typeof part === 'object' && part !== null) frozen(part);
  return Object.freeze(value);
}
