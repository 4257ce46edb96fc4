/** What a configuration means, what is refused, and that nothing of it is ever quoted. */
import { describe, expect, it } from 'vitest';
import { configTable } from '../src/config/config-table.ts';
import { ConfigError } from '../src/config/reading.ts';
import { variables } from '../src/config/variables.ts';
import { type ConfigFlags, readConfig } from '../src/config.ts';
import { usualQueryLimits } from '../src/domain/query-limits.ts';
import { StartError } from '../src/errors.ts';
import { providers } from '../src/providers/registry.ts';

const database = 'postgres://user:password@localhost:5432/batchql';
/** No provider is to be called for real. */
const none = Object.fromEntries(providers.map(({ name }) => [name, null]));

/** 32 bytes in base64. */
const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

describe('An empty environment', () => {
  it('means the sandbox on the embedded Postgres, with every default', () => {
    expect(read({})).toEqual({
      http: {
        host: '127.0.0.1',
        port: 4000,
        publicUrl: null,
        corsOrigins: [],
        bodyBytesMax: 25 * 1024 * 1024,
        graphiql: true,
        introspection: true,
        persistedDocuments: null,
        queryLimits: usualQueryLimits,
        rates: {
          limits: { key: 600_000, organization: 3_000_000 },
          connectionsPerKey: 20_000,
          subscriptionsPerKey: 20_000,
          signInFailures: 1000,
        },
        trustedProxies: [],
      },
      metrics: null,
      database: { url: null, directUrl: null },
      dataDir: undefined,
      apiKey: null,
      sandbox: true,
      live: false,
      events: 'notify',
      eventsPerSecondMax: 10,
      role: 'all',
      log: { level: 'info' },
      work: {
        poll: { firstSeconds: 1, growth: 0.5, maxSeconds: 5, jitter: 0.1 },
        leaseSeconds: 30,
        sendSeconds: 600,
        callSeconds: 60,
        callbackSeconds: 20,
        graceSeconds: 86_400,
        syncWaitSeconds: 10,
        uploadHours: 24,
        uploadStallSeconds: 60,
        eventRetentionDays: 30,
        resultRetentionDays: null,
        notifies: true,
        bodyBytesMax: 25 * 1024 * 1024,
        quotas: {
          requestsPerBatch: 10_000_000,
          bytesPerUpload: 20 * 1024 ** 3,
          activeBatches: null,
          waitingRequests: null,
          providers: null,
        },
        queues: {},
      },
      callbackAllow: [],
      pricesFile: null,
      sandboxSeconds: 20,
      signingSecret: null,
      compatibleProviders: [],
      providers: Object.fromEntries(providers.map(({ name }) => [name, null])),
      baseUrls: Object.fromEntries(providers.map(({ name, settings }) => [name, settings.defaultBaseUrl])),
      credentials: { keys: null, shared: true },
    });
  });

  it('is what one of empty texts and spaces means, too', () => {
    const names = Object.values(variables).map(({ name }) => name);
    expect(read(Object.fromEntries(names.map((name, at) => [name, at % 2 === 0 ? '' : ' \n'])))).toEqual(
      read({}),
    );
  });
});

describe('Settings', () => {
  it('are read from the variables that the documentation names', () => {
    const config = read({
      PORT: '0',
      HOST: '::1',
      METRICS_PORT: '9090',
      METRICS_HOST: '10.0.0.1',
      PUBLIC_URL: 'https://batches.example.com/base/',
      CORS_ORIGINS: 'https://app.example.com, http://localhost:5173',
      BODY_BYTES_MAX: '2048',
      DATABASE_URL: database,
      DATABASE_DIRECT_URL: 'postgresql://localhost/direct',
      DATA_DIR: '/srv/data',
      BATCHQL_API_KEY: 'sixteen-letters!',
      EVENTS: 'poll',
      EVENTS_PER_SECOND_MAX: '2.5',
      LOG_LEVEL: 'debug',
      POLL_FIRST_SECONDS: '2.5',
      POLL_GROWTH: '0.25',
      POLL_MAX_SECONDS: '60',
      POLL_JITTER: '0',
      LEASE_SECONDS: '31',
      SEND_SECONDS: '601',
      CALL_SECONDS: '61',
      CALLBACK_ALLOW: '10.0.0.0/8, ::1, hooks.internal:8443',
      CALLBACK_SECONDS: '21',
      GRACE_HOURS: '2',
      SYNC_WAIT_SECONDS: '11',
      UPLOAD_HOURS: '25',
      UPLOAD_STALL_SECONDS: '61',
      EVENT_RETENTION_DAYS: '7',
      RESULT_RETENTION_DAYS: '90',
      PRICES_FILE: '/etc/prices.json',
      CREDENTIALS_KEY: keyOf(1),
      CREDENTIALS_KEY_OLD: `${keyOf(2)}, ${keyOf(3)}`,
      SHARED_CREDENTIALS: 'false',
      SANDBOX_SECONDS: '0.5',
      GRAPHIQL: 'false',
      INTROSPECTION: 'false',
      PERSISTED_DOCUMENTS: '/srv/documents.json',
      QUERY_TOKENS_MAX: '1',
      INPUT_DEPTH_MAX: '2',
      QUERY_DEPTH_MAX: '3',
      QUERY_BREADTH_MAX: '4',
      QUERY_FIELDS_MAX: '5',
      QUERY_ALIASES_MAX: '6',
      QUERY_DIRECTIVES_MAX: '7',
      QUERY_COMPLEXITY_MAX: '8',
      QUOTA_REQUESTS_PER_BATCH: '11',
      QUOTA_BYTES_PER_UPLOAD: '12',
      QUOTA_ACTIVE_BATCHES: '13',
      QUOTA_WAITING_REQUESTS: '14',
      QUOTA_PROVIDERS: 'openai, xai',
      SIGNING_SECRET: 'a-secret-of-32-characters-or-more',
      RATE_LIMIT_PER_KEY: '9',
      RATE_LIMIT_PER_ORGANIZATION: '10',
      CONNECTIONS_PER_KEY: '11',
      SUBSCRIPTIONS_PER_KEY: '12',
      SIGN_IN_FAILURES_MAX: '13',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      ANTHROPIC_QUEUE_REQUESTS: '15',
      OPENAI_QUEUE_TOKENS: 'gpt-5=16, *=17',
    });
    expect(config).toEqual({
      http: {
        host: '::1',
        port: 0,
        publicUrl: 'https://batches.example.com/base',
        corsOrigins: ['https://app.example.com', 'http://localhost:5173'],
        bodyBytesMax: 2048,
        graphiql: false,
        introspection: false,
        persistedDocuments: '/srv/documents.json',
        queryLimits: {
          tokens: 1,
          nesting: 2,
          depth: 3,
          breadth: 4,
          fields: 5,
          aliases: 6,
          directives: 7,
          complexity: 8,
        },
        rates: {
          limits: { key: 9, organization: 10 },
          connectionsPerKey: 11,
          subscriptionsPerKey: 12,
          signInFailures: 13,
        },
        trustedProxies: ['10.0.0.0/8', '::1'],
      },
      metrics: { host: '10.0.0.1', port: 9090 },
      database: { url: database, directUrl: 'postgresql://localhost/direct' },
      dataDir: '/srv/data',
      apiKey: 'sixteen-letters!',
      sandbox: false,
      live: false,
      events: 'poll',
      eventsPerSecondMax: 2.5,
      role: 'all',
      log: { level: 'debug' },
      work: {
        poll: { firstSeconds: 2.5, growth: 0.25, maxSeconds: 60, jitter: 0 },
        leaseSeconds: 31,
        sendSeconds: 601,
        callSeconds: 61,
        callbackSeconds: 21,
        graceSeconds: 7200,
        syncWaitSeconds: 11,
        uploadHours: 25,
        uploadStallSeconds: 61,
        eventRetentionDays: 7,
        resultRetentionDays: 90,
        notifies: false,
        bodyBytesMax: 2048,
        quotas: {
          requestsPerBatch: 11,
          bytesPerUpload: 12,
          activeBatches: 13,
          waitingRequests: 14,
          providers: ['openai', 'xai'],
        },
        queues: {
          ANTHROPIC_QUEUE_REQUESTS: { '*': 15 },
          OPENAI_QUEUE_TOKENS: { 'gpt-5': 16, '*': 17 },
        },
      },
      callbackAllow: ['10.0.0.0/8', '::1', 'hooks.internal:8443'],
      pricesFile: '/etc/prices.json',
      sandboxSeconds: 0.5,
      signingSecret: 'a-secret-of-32-characters-or-more',
      compatibleProviders: [],
      providers: Object.fromEntries(providers.map(({ name }) => [name, null])),
      baseUrls: Object.fromEntries(providers.map(({ name, settings }) => [name, settings.defaultBaseUrl])),
      credentials: { keys: [keyOf(1), keyOf(2), keyOf(3)], shared: false },
    });
  });

  it('give way to the flags of the command line', () => {
    const config = read({ PORT: '5000' }, { port: 6000, role: 'worker' });
    expect([config.http.port, config.role]).toEqual([6000, 'worker']);
  });

  it('cannot be changed afterwards, at any depth', () => {
    const config = read({ DATABASE_URL: database, OPENAI_API_KEY: 'key' });
    for (const part of [config, config.http, config.http.corsOrigins, config.work.poll, config.providers]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(config.providers['openai'])).toBe(true);
  });

  it('of polling are quicker in the sandbox, and as slow as asked for there, too', () => {
    expect(read({ DATABASE_URL: database }).work.poll).toMatchObject({ firstSeconds: 5, maxSeconds: 3600 });
    expect(read({ SANDBOX: 'true' }).work.poll).toMatchObject({ firstSeconds: 1, maxSeconds: 5 });
    expect(read({ POLL_MAX_SECONDS: '70' }).work.poll).toMatchObject({ firstSeconds: 1, maxSeconds: 70 });
  });

  it('allow any origin by a star', () => {
    expect(read({ CORS_ORIGINS: '*' }).http.corsOrigins).toEqual(['*']);
  });
});

describe('A provider', () => {
  const key = { OPENAI_API_KEY: 'sk-real' };
  const connection = { baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-real', more: {} };

  it.each<[string, Record<string, string>, ConfigFlags, object]>([
    [
      'live with its key and a database',
      { ...key, DATABASE_URL: database },
      {},
      { sandbox: false, live: true },
    ],
    ['live with its key and --live', key, { live: true }, { sandbox: false, live: true }],
    [
      'live with --live alone where organizations can bring credentials',
      { CREDENTIALS_KEY: keyOf(1) },
      { live: true },
      { sandbox: false, live: false },
    ],
    ['emulated with its key alone', key, {}, { sandbox: true, live: false }],
    [
      'emulated in a sandbox with a key and a database',
      { ...key, DATABASE_URL: database, SANDBOX: 'true' },
      {},
      { sandbox: true, live: false },
    ],
    ['unconfigured with a database alone', { DATABASE_URL: database }, {}, { sandbox: false, live: false }],
  ])('is %s', (_title, environment, flags, expected) => {
    const config = read(environment, flags);
    expect(config).toMatchObject(expected);
    expect(config.providers).toEqual({
      ...none,
      openai: config.live ? connection : null,
    });
  });

  it('is called where its base URL says', () => {
    const config = read({ ...key, DATABASE_URL: database, OPENAI_BASE_URL: 'http://localhost:9999/v1/' });
    expect(config.providers['openai']).toEqual({
      baseUrl: 'http://localhost:9999/v1',
      apiKey: 'sk-real',
      more: {},
    });
  });
});

describe('A service that the settings name', () => {
  const groq = { COMPATIBLE_PROVIDERS: 'groq', GROQ_API_KEY: 'gsk-real', DATABASE_URL: database };

  it('is a provider like those that are built in, and is known by its name where a preset has it', () => {
    const { compatibleProviders, ...config } = read(groq);
    expect(compatibleProviders.map(({ name, title }) => [name, title])).toEqual([['groq', 'Groq Batch API']]);
    expect(config.live).toBe(true);
    expect(config.providers['groq']).toEqual({
      baseUrl: 'https://api.groq.com',
      apiKey: 'gsk-real',
      more: {},
    });
    expect(compatibleProviders[0]?.completionWindows).toEqual(['24h', '7d']);
  });

  it('may count as the key that --live asks for', () => {
    expect(read({ ...groq, DATABASE_URL: '' }, { live: true }).live).toBe(true);
  });

  it('is emulated in the sandbox, key or not', () => {
    const config = read({ COMPATIBLE_PROVIDERS: 'groq, together' });
    expect(config.compatibleProviders.map(({ name }) => name)).toEqual(['groq', 'together']);
    expect(config.providers).toMatchObject({ groq: null, together: null });
  });

  it('of another name is taken for OpenAI where nothing else is said, or for the preset that is', () => {
    const environment = { COMPATIBLE_PROVIDERS: 'mine,yours', MINE_BASE_URL: 'https://mine.example/v1' };
    const [mine, yours] = read({ ...environment, YOURS_QUIRKS: 'together' }).compatibleProviders;
    expect(mine).toMatchObject({ title: 'mine batches', capabilities: { liveCounts: true } });
    expect(yours).toMatchObject({
      capabilities: { liveCounts: false },
      settings: { apiKey: 'YOURS_API_KEY' },
    });
    expect(yours?.settings.defaultBaseUrl).toBe('https://api.together.ai/v1');
  });

  it('takes its quirks and limits from JSON', () => {
    const quirks = { counts: 'none', requestsMax: 7, endpoints: ['/v1/embeddings'] };
    const [mine] = read({
      COMPATIBLE_PROVIDERS: 'mine',
      MINE_BASE_URL: 'https://mine.example/v1',
      MINE_QUIRKS: JSON.stringify(quirks),
    }).compatibleProviders;
    expect(mine).toMatchObject({
      limits: { requestsMax: 7, bytesMax: 100_000_000 },
      endpoints: ['/v1/embeddings'],
      capabilities: { liveCounts: false },
    });
  });

  const mine = { COMPATIBLE_PROVIDERS: 'mine', MINE_BASE_URL: 'https://mine.example/v1' };
  const member = (quirks: object) => ({ ...mine, MINE_QUIRKS: JSON.stringify(quirks) });
  const quirksMust = 'MINE_QUIRKS must be one of openai, groq, together, or a JSON object of quirks: ';

  it.each<[string, Record<string, string>, string]>([
    ['a name with capitals', { COMPATIBLE_PROVIDERS: 'Groq' }, 'COMPATIBLE_PROVIDERS must be words of small'],
    ['a name of nothing', { COMPATIBLE_PROVIDERS: 'groq,' }, 'COMPATIBLE_PROVIDERS must be words of small'],
    [
      'a name twice',
      { COMPATIBLE_PROVIDERS: 'groq,groq' },
      'COMPATIBLE_PROVIDERS must name each service once',
    ],
    [
      'a name that is built in',
      { COMPATIBLE_PROVIDERS: 'openai' },
      `COMPATIBLE_PROVIDERS must not name what is built in: ${providers.map(({ name }) => name).join(', ')}`,
    ],
    [
      'a name whose key would be our own',
      { COMPATIBLE_PROVIDERS: 'batchql' },
      "COMPATIBLE_PROVIDERS must not name a service whose settings would be another's: BATCHQL_API_KEY",
    ],
    [
      'no base URL',
      { COMPATIBLE_PROVIDERS: 'mine' },
      'MINE_BASE_URL must be set, because COMPATIBLE_PROVIDERS names the service',
    ],
    ['a broken base URL', { ...mine, MINE_BASE_URL: 'mine' }, 'MINE_BASE_URL must be an http or https URL'],
    ['a broken base URL of a preset', { ...groq, GROQ_BASE_URL: 'x' }, 'GROQ_BASE_URL must be an http'],
    ['a broken key', { ...groq, GROQ_API_KEY: 'two words' }, 'GROQ_API_KEY must be made of ASCII'],
    ['quirks that are no JSON', { ...mine, MINE_QUIRKS: '{' }, `${quirksMust}it must be an object`],
    ['a preset that does not exist', { ...mine, MINE_QUIRKS: 'constructor' }, `${quirksMust}it must be`],
    ['an unknown quirk', member({ S3CRET: 1 }), `${quirksMust}it may have no other members than pathPrefix,`],
    ['a list of no form', member({ list: 'S3CRET' }), `${quirksMust}list must be pages, object or array`],
    ['a prefix without a slash', member({ pathPrefix: 'S3CRET' }), `${quirksMust}pathPrefix must be a path`],
    [
      'a header with a space',
      member({ idempotencyHeader: 'S3CRET X' }),
      'idempotencyHeader must be the name',
    ],
    [
      'metadata that is a text',
      member({ metadata: 'S3CRET' }),
      `${quirksMust}metadata must be true or false`,
    ],
    ['no endpoint', member({ endpoints: [] }), `${quirksMust}endpoints must be a list of some of /v1/chat`],
    ['an endpoint of no kind', member({ endpoints: ['S3CRET'] }), `${quirksMust}endpoints must be a list`],
    [
      'a window of no length',
      member({ completionWindows: ['0h'] }),
      `${quirksMust}completionWindows must be`,
    ],
    ['a limit of nothing', member({ requestsMax: 0 }), `${quirksMust}requestsMax must be a whole number`],
    [
      'two quirks at once',
      member({ times: 1, purpose: '' }),
      `${quirksMust}purpose must be a word such as batch; times must be unix or iso`,
    ],
  ])('is refused for %s, in one sentence that quotes nothing', (_title, environment, expected) => {
    const problems = problemsOf(environment);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
    expect(problems[0]).not.toContain('S3CRET');
  });
});

describe('The further settings of a provider', () => {
  const bedrock = {
    DATABASE_URL: database,
    BEDROCK_ROLE_ARN: 'arn:aws:iam::123456789012:role/batch',
    BEDROCK_S3_URI: 's3://bucket/prefix',
    AWS_REGION: 'eu-west-1',
  };

  it('are part of its connection, and fill in what its base URL leaves open', () => {
    expect(read(bedrock).providers['bedrock']).toEqual({
      baseUrl: 'https://bedrock.eu-west-1.amazonaws.com',
      apiKey: bedrock.BEDROCK_ROLE_ARN,
      more: { region: 'eu-west-1', s3Uri: 's3://bucket/prefix' },
    });
  });

  it('are missed one by one where it is to be used and cannot be without them', () => {
    const { BEDROCK_S3_URI: _, AWS_REGION: __, ...bare } = bedrock;
    expect(problemsOf(bare)).toEqual([
      'AWS_REGION must be set, because BEDROCK_ROLE_ARN is',
      'BEDROCK_S3_URI must be set, because BEDROCK_ROLE_ARN is',
    ]);
  });

  it.each([
    ['without the provider', { DATABASE_URL: database }],
    ['in the sandbox', { SANDBOX: 'true', BEDROCK_ROLE_ARN: bedrock.BEDROCK_ROLE_ARN }],
  ])('are nobody’s business %s: other software reads the same variables', (_where, environment) => {
    const foreign = { AWS_REGION: 'auto', AWS_ACCESS_KEY_ID: 'test', AWS_ENDPOINT_URL_S3: 'localhost:9000' };
    expect(read({ ...environment, ...foreign }).providers['bedrock']).toBeNull();
  });
});

describe('A configuration is refused', () => {
  it.each<[string, Record<string, string>, ConfigFlags, string[]]>([
    ['PORT', { PORT: '65536' }, {}, ['PORT must be a whole number from 0 to 65535']],
    ['a port that is a fraction', { PORT: '80.5' }, {}, ['PORT must be a whole number']],
    ['a port on the command line', {}, { port: -1 }, ['PORT must be a whole number']],
    ['HOST', { HOST: 'a host' }, {}, ['HOST must be a host name or an IP address']],
    ['PUBLIC_URL', { PUBLIC_URL: 'ftp://host' }, {}, ['PUBLIC_URL must be an http or https URL']],
    ['a public URL with a user', { PUBLIC_URL: 'https://me:pass@host' }, {}, ['PUBLIC_URL must be']],
    ['a public URL with a query', { PUBLIC_URL: 'https://host/?a=b' }, {}, ['PUBLIC_URL must be']],
    [
      'DATABASE_URL',
      { DATABASE_URL: 'mysql://host/db' },
      {},
      ['DATABASE_URL must be a URL such as postgres'],
    ],
    ['a short key', { BATCHQL_API_KEY: 'fifteen-letters' }, {}, ['BATCHQL_API_KEY must be at least 16']],
    ['a key of words', { BATCHQL_API_KEY: 'sixteen letters and' }, {}, ['BATCHQL_API_KEY must be']],
    ['a short encryption key', { CREDENTIALS_KEY: 'c2hvcnQ=' }, {}, ['CREDENTIALS_KEY must be 32 bytes']],
    [
      'an encryption key that is no base64',
      { CREDENTIALS_KEY: '~'.repeat(44) },
      {},
      ['CREDENTIALS_KEY must be 32 bytes in base64'],
    ],
    [
      'an old encryption key without a present one',
      { CREDENTIALS_KEY_OLD: keyOf(1) },
      {},
      ['CREDENTIALS_KEY_OLD must not be set without CREDENTIALS_KEY'],
    ],
    ['SANDBOX', { SANDBOX: 'yes' }, {}, ['SANDBOX must be true or false']],
    [
      'an origin with a path',
      { CORS_ORIGINS: 'https://a.example/path' },
      {},
      ['CORS_ORIGINS must be origins'],
    ],
    ['half an origin', { CORS_ORIGINS: 'https://a.example,' }, {}, ['CORS_ORIGINS must be origins']],
    ...['10.0.0.0/33', '10.0.0/8', '*', 'https://a.example', 'a.example:0', '[a]:1', 'user@a.example'].map(
      (target): [string, Record<string, string>, ConfigFlags, string[]] => [
        `callbacks to ${target}`,
        { CALLBACK_ALLOW: target },
        {},
        ['CALLBACK_ALLOW must be networks such as'],
      ],
    ),
    ['EVENTS', { EVENTS: 'push' }, {}, ['EVENTS must be notify or poll']],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }, {}, ['LOG_LEVEL must be fatal, error, warn,']],
    ['POLL_JITTER', { POLL_JITTER: '1' }, {}, ['POLL_JITTER must be a number from 0 to 0.9']],
    ['a number in other digits', { POLL_GROWTH: '1e1' }, {}, ['POLL_GROWTH must be a number']],
    ['LEASE_SECONDS', { LEASE_SECONDS: '0' }, {}, ['LEASE_SECONDS must be a whole number']],
    ["a provider's URL", { OPENAI_BASE_URL: 'api.openai.com' }, {}, ['OPENAI_BASE_URL must be an http']],
    ["a provider's key", { OPENAI_API_KEY: 'two words' }, {}, ['OPENAI_API_KEY must be made of ASCII']],
    [
      'polls that end before they begin',
      { POLL_FIRST_SECONDS: '9', POLL_MAX_SECONDS: '8' },
      {},
      ['POLL_MAX_SECONDS must not be below POLL_FIRST_SECONDS'],
    ],
    [
      'a sandbox with --live',
      { SANDBOX: 'true', OPENAI_API_KEY: 'key' },
      { live: true },
      ['SANDBOX must not be true together with --live'],
    ],
    [
      'neither a sandbox nor anything real',
      { SANDBOX: 'false' },
      {},
      ['SANDBOX must not be false without DATABASE_URL or --live'],
    ],
    [
      '--live without any key',
      { DATABASE_URL: database },
      { live: true },
      [
        `--live must come with a provider's key: ${providers.map(({ settings }) => settings.apiKey).join(' or ')}`,
      ],
    ],
    [
      'a direct URL of no database',
      { DATABASE_DIRECT_URL: database },
      {},
      ['DATABASE_DIRECT_URL must not be set without DATABASE_URL'],
    ],
  ])('for %s, in one sentence', (_title, environment, flags, expected) => {
    const problems = problemsOf(environment, flags);
    expect(problems).toHaveLength(expected.length);
    for (const [at, sentence] of expected.entries()) expect(problems[at]).toContain(sentence);
  });

  it('with all of its problems at once', () => {
    const environment = { PORT: 'x', SANDBOX: 'perhaps', LEASE_SECONDS: '-1', OPENAI_BASE_URL: 'nowhere' };
    const names = problemsOf(environment).map((problem) => problem.split(' ')[0]);
    expect(names.sort()).toEqual(['LEASE_SECONDS', 'OPENAI_BASE_URL', 'PORT', 'SANDBOX']);
  });

  it('without blaming a setting for what another one did', () => {
    const broken = {
      SANDBOX: 'false',
      DATABASE_URL: 'nonsense',
      POLL_FIRST_SECONDS: 'x',
      POLL_MAX_SECONDS: '2',
    };
    const names = problemsOf(broken).map((problem) => problem.split(' ')[0]);
    expect(names.sort()).toEqual(['DATABASE_URL', 'POLL_FIRST_SECONDS']);
  });

  it('as a StartError that names each setting and quotes none', () => {
    const secret = 'S3CRET with spaces\u0000';
    const providerNames = providers.flatMap(({ settings }) => [settings.apiKey, settings.baseUrl]);
    const names = [...Object.values(variables).map(({ name }) => name), ...providerNames];
    const error = errorOf(Object.fromEntries(names.map((name) => [name, secret])));
    expect(error).toBeInstanceOf(StartError);
    const told = new Set(error.problems.map(({ variable }) => variable));
    // A path may be any text.
    expect(names.filter((name) => !told.has(name))).toEqual([
      'PERSISTED_DOCUMENTS',
      'DATA_DIR',
      'PRICES_FILE',
    ]);
    for (const name of told) expect(error.message).toContain(name);
    expect(`${error.message} ${JSON.stringify(error)} ${error.stack}`).not.toContain('S3CRET');
  });
});

describe('The table of settings', () => {
  it('has one row for every setting, with what it must be, its default and its meaning', () => {
    const lines = configTable(providers).split('\n');
    const further = providers.flatMap(({ settings }) => Object.values(settings.more ?? {}));
    expect(lines).toContain(
      '| `PORT` | a whole number from 0 to 65535 | `4000` | The port to listen on; 0 takes any that is free. |',
    );
    expect(lines.find((line) => line.includes('POLL_MAX_SECONDS'))).toContain('| `3600` (sandbox: `5`) |');
    expect(lines.find((line) => line.includes('OPENAI_BASE_URL'))).toContain('`https://api.openai.com/v1`');
    const queues = providers.flatMap(({ limits }) => limits.queue);
    const own = 2 * providers.length + further.length + queues.length;
    expect(lines).toHaveLength(2 + Object.keys(variables).length + own);
    for (const line of lines) expect(line.match(/(?<!\\)\|/g)).toHaveLength(5);
  });
});

function read(environment: Record<string, string>, flags: ConfigFlags = {}) {
  return readConfig(environment, flags, providers);
}

function errorOf(environment: Record<string, string>, flags: ConfigFlags = {}): ConfigError {
  try {
    read(environment, flags);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const problemsOf = (environment: Record<string, string>, flags: ConfigFlags = {}): string[] =>
  errorOf(environment, flags).problems.map(({ variable, problem }) => `${variable} ${problem}`);
