/**
 * Every setting as data: what `config.ts` reads is what `docs/config.md` tells. Providers' own: `provider-variables.ts`.
 * It is long because it is one list.
 */
import { z } from 'zod';
import { defaultPollSchedule } from '../domain/polling.ts';
import {
  callbackTargets,
  decimal,
  directory,
  encryptionKey,
  encryptionKeys,
  file,
  host,
  httpUrl,
  type Kind,
  key,
  oneOf,
  origins,
  postgresUrl,
  serviceNames,
  wholeNumber,
  yesOrNo,
} from './kinds.ts';
import { limitVariables } from './limit-variables.ts';
import { quotaVariables } from './quota-variables.ts';

/** One setting. `Absent` is what it is when nothing is set: a value, or null where there is none. */
export interface Variable<Value, Absent = Value> {
  readonly name: string;
  readonly kind: Kind<Value>;
  readonly default: Value | Absent;
  /** The default in sandbox mode, where it is another. */
  readonly sandboxDefault?: Value;
  /** What it is for, in one sentence. */
  readonly meaning: string;
}

const mebibyte = 1024 * 1024;

/** The settings of the service itself, in the order in which they are documented. */
export const variables = {
  port: {
    name: 'PORT',
    kind: wholeNumber(0, 65_535),
    default: 4000,
    meaning: 'The port to listen on; 0 takes any that is free.',
  },
  host: {
    name: 'HOST',
    kind: host,
    default: '127.0.0.1',
    meaning: 'The address to listen on; 0.0.0.0 lets other machines in.',
  },
  publicUrl: {
    name: 'PUBLIC_URL',
    kind: httpUrl,
    default: null,
    meaning: 'Where this service can be reached from outside; download links and callbacks begin with it.',
  },
  metricsPort: {
    name: 'METRICS_PORT',
    kind: wholeNumber(0, 65_535),
    default: null,
    meaning:
      'The port of `/metrics`, which needs no key ([operating](operating.md)); without it there is none.',
  },
  metricsHost: {
    name: 'METRICS_HOST',
    kind: host,
    default: '127.0.0.1',
    meaning: 'The address that it listens on; 0.0.0.0 lets other machines in.',
  },
  corsOrigins: {
    name: 'CORS_ORIGINS',
    kind: origins,
    default: [],
    meaning: 'The web pages whose scripts may call this service from a browser; without it, only its own.',
  },
  bodyBytesMax: {
    name: 'BODY_BYTES_MAX',
    kind: wholeNumber(1024, 256 * mebibyte),
    default: 25 * mebibyte,
    meaning:
      'The largest request body, and with it the largest file or text taken through GraphQL, in bytes; and the longest line of an upload, whose size has no limit.',
  },
  uploadHours: {
    name: 'UPLOAD_HOURS',
    kind: wholeNumber(1, 8760),
    default: 24,
    meaning: 'How long the URL of an upload lives, in hours ([uploads](uploads.md)).',
  },
  uploadStallSeconds: {
    name: 'UPLOAD_STALL_SECONDS',
    kind: wholeNumber(1, 3600),
    default: 60,
    meaning: 'How long the sender of an upload may be silent before it is given up, in seconds.',
  },
  graphiql: {
    name: 'GRAPHIQL',
    kind: yesOrNo,
    default: true,
    meaning: 'Whether a browser that opens `/graphql` gets GraphiQL.',
  },
  introspection: {
    name: 'INTROSPECTION',
    kind: yesOrNo,
    default: true,
    meaning: 'Whether the schema may be asked for; GraphiQL and generators of clients do.',
  },
  persistedDocuments: {
    name: 'PERSISTED_DOCUMENTS',
    kind: { must: 'the path of a file or a directory', schema: z.string() },
    default: null,
    meaning:
      'The only documents that are executed: a directory of `.graphql` files, or a JSON file of texts by their SHA-256. Without it any document is.',
  },
  ...limitVariables,
  ...quotaVariables,
  databaseUrl: {
    name: 'DATABASE_URL',
    kind: postgresUrl,
    default: null,
    meaning: 'The Postgres, 14 or newer, to keep everything in; without it one is started under `DATA_DIR`.',
  },
  databaseDirectUrl: {
    name: 'DATABASE_DIRECT_URL',
    kind: postgresUrl,
    default: null,
    meaning:
      'The same database without a pooler between, for LISTEN; needed where `DATABASE_URL` is a pooler.',
  },
  dataDir: {
    name: 'DATA_DIR',
    kind: directory,
    default: null,
    meaning: 'Where the embedded Postgres and the emulators keep their data; `.data` where nothing is said.',
  },
  apiKey: {
    name: 'BATCHQL_API_KEY',
    kind: key(16),
    default: null,
    meaning: 'Creates a first organization with this as its admin key.',
  },
  signingSecret: {
    name: 'SIGNING_SECRET',
    kind: key(32),
    default: null,
    meaning:
      'Takes part in signing read tokens and links, so that nobody signs who only has the database. The same in every process; with another one, all that was signed before is over ([keys](keys.md)).',
  },
  sandbox: {
    name: 'SANDBOX',
    kind: yesOrNo,
    default: null,
    meaning:
      'Whether every provider is answered by its emulator; true without `DATABASE_URL` unless started with `--live`.',
  },
  sandboxSeconds: {
    name: 'SANDBOX_SECONDS',
    kind: decimal(0, 86_400),
    default: 20,
    meaning: 'How long an emulated batch takes, in seconds.',
  },
  events: {
    name: 'EVENTS',
    kind: oneOf('notify', 'poll'),
    default: 'notify',
    meaning:
      'How changes travel between processes: by NOTIFY, or by a look each second where its commit lock hurts.',
  },
  eventsPerSecondMax: {
    name: 'EVENTS_PER_SECOND_MAX',
    kind: decimal(0.1, 1000),
    default: 10,
    meaning:
      'How often a subscription is told at the most; changes that come faster are told as one, the newest state always.',
  },
  eventRetentionDays: {
    name: 'EVENT_RETENTION_DAYS',
    kind: wholeNumber(1, 3650),
    default: 30,
    meaning: 'How many days events are kept for subscribers that resume, and the trail of who did what.',
  },
  resultRetentionDays: {
    name: 'RESULT_RETENTION_DAYS',
    kind: wholeNumber(1, 3650),
    default: null,
    meaning:
      "How many days after its end a batch's requests and results are kept; their bodies are removed then, and what is counted of them stays. Without it they are kept until `deleteBatch`.",
  },
  logLevel: {
    name: 'LOG_LEVEL',
    kind: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    default: 'info',
    meaning: 'The least severe lines that are logged.',
  },
  pollFirstSeconds: {
    name: 'POLL_FIRST_SECONDS',
    kind: decimal(0.1, 86_400),
    default: defaultPollSchedule.firstSeconds,
    sandboxDefault: 1,
    meaning: 'How long after a submission the provider is asked for the first time, in seconds.',
  },
  pollGrowth: {
    name: 'POLL_GROWTH',
    kind: decimal(0, 10),
    default: defaultPollSchedule.growth,
    meaning: 'The wait until the next poll, as a share of how long the job has been running.',
  },
  pollMaxSeconds: {
    name: 'POLL_MAX_SECONDS',
    kind: decimal(0.1, 86_400),
    default: defaultPollSchedule.maxSeconds,
    sandboxDefault: 5,
    meaning: 'The longest wait between two polls, in seconds.',
  },
  pollJitter: {
    name: 'POLL_JITTER',
    kind: decimal(0, 0.9),
    default: defaultPollSchedule.jitter,
    meaning: 'How far chance moves a wait either way, as a share of it.',
  },
  leaseSeconds: {
    name: 'LEASE_SECONDS',
    kind: wholeNumber(1, 3600),
    default: 30,
    meaning: 'How long a worker that gives no sign of life keeps its job from others, in seconds.',
  },
  sendSeconds: {
    name: 'SEND_SECONDS',
    kind: wholeNumber(1, 86_400),
    default: 600,
    meaning: 'How long one submission may take, from the written intent to the last byte, in seconds.',
  },
  callSeconds: {
    name: 'CALL_SECONDS',
    kind: wholeNumber(1, 3600),
    default: 60,
    meaning: 'How long any other call to a provider may take, in seconds.',
  },
  graceHours: {
    name: 'GRACE_HOURS',
    kind: decimal(1, 8760),
    default: 24,
    meaning:
      'How long after the end of its window a job may go on before it counts as expired whatever its provider says, in hours.',
  },
  syncWaitSeconds: {
    name: 'SYNC_WAIT_SECONDS',
    kind: wholeNumber(0, 300),
    default: 10,
    meaning: 'How long `syncBatch` waits for the poll that it asked for, in seconds.',
  },
  callbackAllow: {
    name: 'CALLBACK_ALLOW',
    kind: callbackTargets,
    default: [],
    meaning:
      'What callback URLs may lead to beside public addresses over https: private networks, and hosts by name wherever they lie. Only these may be called over http.',
  },
  callbackSeconds: {
    name: 'CALLBACK_SECONDS',
    kind: wholeNumber(1, 300),
    default: 20,
    meaning: 'How long one call to a callback URL may take, in seconds.',
  },
  pricesFile: {
    name: 'PRICES_FILE',
    kind: file,
    default: null,
    meaning: 'JSON with prices of your own, which win over those that are built in; see `docs/cost.md`.',
  },
  credentialsKey: {
    name: 'CREDENTIALS_KEY',
    kind: encryptionKey,
    default: null,
    meaning:
      'Encrypts the credentials that organizations bring ([credentials](credentials.md)); `openssl rand -base64 32` makes one. Without it they cannot bring any.',
  },
  credentialsKeyOld: {
    name: 'CREDENTIALS_KEY_OLD',
    kind: encryptionKeys,
    default: [],
    meaning: 'Keys that are read with beside `CREDENTIALS_KEY` and never written with, while it is changed.',
  },
  sharedCredentials: {
    name: 'SHARED_CREDENTIALS',
    kind: yesOrNo,
    default: true,
    meaning:
      "Whether organizations that bring no credential of their own may use the service's, at its operator's cost.",
  },
  compatibleProviders: {
    name: 'COMPATIBLE_PROVIDERS',
    kind: serviceNames,
    default: [],
    meaning:
      "Further services that speak OpenAI's batch wire, such as `groq,together`; each has settings of its own, see below.",
  },
} as const satisfies Record<string, Variable<unknown, null>>;
