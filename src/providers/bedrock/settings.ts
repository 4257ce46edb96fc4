/**
 * What is known of Bedrock's batch inference without asking: the numbers a job keeps to, what the vendor can and
 * cannot do, and which settings configure it. Sources and doubts stand in the README beside this file.
 */
import type { Provider } from '../provider.ts';

/** The facts about model invocation jobs that `Provider` asks for. */
export const settings = {
  name: 'bedrock',
  title: 'AWS Bedrock batch inference',
  // Quotas of each account, model and region; these are the defaults.
  limits: {
    requestsMin: 100,
    requestsMax: 50_000,
    bytesMax: 1_000_000_000,
    lineBytesMax: null,
    queue: [{ unit: 'JOBS', per: 'MODEL', max: null, setting: 'BEDROCK_QUEUE_JOBS' }],
  },
  capabilities: {
    cancel: true,
    liveCounts: true,
    partialResults: false,
    expires: true,
    statusWord: true,
    deletion: true,
    resumable: false,
    resultsForm: 'LINES',
    tells: ['text', 'stopReason', 'tokens', 'endTime'],
    recovery: 'EXACT',
    recoveryKey: 'clientRequestToken and job name',
    recoveryNeedsCallback: false,
    absenceProves: true,
    listDelaySeconds: 60,
  },
  endpoints: ['InvokeModel', 'Converse'],
  completionWindows: ['24h', '48h', '72h', '96h', '120h', '144h', '168h'],
  unmixable: ['model', 'endpoint'],
  distinct: [],
  modelPlace: 'JOB',
  itemsNamedBy: 'KEY',
  settings: {
    apiKey: 'BEDROCK_ROLE_ARN',
    apiKeyMeaning: 'The role that Bedrock takes to read and write S3.',
    baseUrl: 'AWS_ENDPOINT_URL_BEDROCK',
    defaultBaseUrl: 'https://bedrock.{region}.amazonaws.com',
    more: {
      region: {
        variable: 'AWS_REGION',
        required: true,
        pattern: /^[a-z]{2,}(?:-[a-z]+)+-\d+$/,
        must: 'a region such as us-east-1',
        meaning: 'The region whose Bedrock is called, and where the bucket lies.',
      },
      s3Uri: {
        variable: 'BEDROCK_S3_URI',
        required: true,
        pattern: /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[\w!.*'()-]+)*\/?$/,
        must: 'a place in S3 such as s3://bucket/prefix',
        meaning: 'Where requests are put and results are written.',
      },
      accessKeyId: {
        variable: 'AWS_ACCESS_KEY_ID',
        required: false,
        ofOrganizations: 'REQUIRED',
        pattern: /^\S+$/,
        must: 'the id of an access key',
        meaning: 'Who calls. Without it, the usual places are searched: a profile, a role of the machine.',
      },
      secretAccessKey: {
        variable: 'AWS_SECRET_ACCESS_KEY',
        required: false,
        ofOrganizations: 'REQUIRED',
        pattern: /^\S+$/,
        must: 'the secret of the access key',
        meaning: 'Signs the calls; it never leaves.',
      },
      sessionToken: {
        variable: 'AWS_SESSION_TOKEN',
        required: false,
        pattern: /^\S+$/,
        must: 'the token of a session',
        meaning: 'Goes along with an access key that is valid for a while.',
      },
      s3Endpoint: {
        variable: 'AWS_ENDPOINT_URL_S3',
        required: false,
        ofOrganizations: 'NEVER',
        pattern: /^https?:\/\/\S+$/,
        must: 'a URL',
        meaning: 'Another S3 than that of the region.',
      },
    },
  },
  example: {
    model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0',
    body: ({ prompt }) => ({
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 256,
      messages: [{ role: 'user', content: prompt }],
    }),
  },
  facts: {
    limits: '3P',
    statuses: 'SPEC',
    results: 'MEM',
    recovery: 'SDK',
    cancelling: '3P',
    webhook: null,
  },
  pricing: { catalogue: 'aws', batchShare: '0.5', certainty: 'MEM' },
  webhook: null,
} as const satisfies Partial<Provider>;
