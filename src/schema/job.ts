/**
 * The type Job, and how jobs are asked for. It is long because a job has many fields, and each is told here to whoever
 * meets it in GraphiQL. What a field says in `ofJob` is all that it looks at: see `columns-asked.ts`.
 */
import { globalId } from '../resolvers/arguments.ts';
import {
  type JobCallback,
  type JobModel,
  jobBatch,
  jobCallback,
  jobError,
  jobEvidence,
  jobNeedsPerson,
  jobNextSyncAt,
  jobNotBefore,
  jobRaw,
  jobStrayCount,
  jobWaitingFor,
} from '../resolvers/job.ts';
import { listJobs } from '../resolvers/lists.ts';
import { builder } from './builder.ts';
import { jobColumns, type MomentOf, ofJob } from './columns-asked.ts';
import { DirectionType, JobStatusType, PersonReasonType } from './enums.ts';
import { JobWaitType } from './job-wait.ts';
import { BatchRef, JobRef } from './nodes.ts';

/** Why something about a job went wrong, in its provider's words. */
export const JobErrorType = builder.objectRef<{ code: string; message: string }>('JobError').implement({
  description: 'Why a job failed, or what went wrong with the last call about it.',
  fields: (t) => ({
    code: t.exposeString('code', { description: "The provider's word for it, in snake_case." }),
    message: t.exposeString('message', { description: 'The same for people, in the words of the provider.' }),
  }),
});

const JobCountsType = builder.objectRef<JobModel>('JobCounts').implement({
  description: 'The provider\'s own counts. Null is "it does not say (yet)", never zero.',
  fields: (t) => ({
    total: t.int({
      nullable: true,
      description: 'How many requests the provider sees in it.',
      resolve: (job) => job.providerTotal,
    }),
    succeeded: t.int({
      nullable: true,
      description: 'How many of them succeeded.',
      resolve: (job) => job.providerSucceeded,
    }),
    errored: t.int({
      nullable: true,
      description: 'How many of them failed.',
      resolve: (job) => job.providerErrored,
    }),
    expired: t.int({
      nullable: true,
      description: 'How many of them expired.',
      resolve: (job) => job.providerExpired,
    }),
    cancelled: t.int({
      nullable: true,
      description: 'How many of them were cancelled.',
      resolve: (job) => job.providerCancelled,
    }),
  }),
});

const JobCallbackType = builder.objectRef<JobCallback>('JobCallback').implement({
  description: "The provider's own call to this service about a job. It only makes us look earlier.",
  fields: (t) => ({
    url: t.exposeString('url', { description: 'Where the provider was told to call.' }),
    sentAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it called, where it tells.',
      resolve: ({ sentAt }) => sentAt,
    }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'What it was answered, where it tells.',
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'What went wrong with the call, where it tells.',
    }),
  }),
});

builder.objectType(JobRef, {
  description:
    "One batch at a provider, for some of a batch's items. A batch is split into as many jobs as the provider's limits need.",
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => {
    const moment = (description: string, column: MomentOf<JobModel>) =>
      t.field({
        type: 'DateTime',
        nullable: true,
        description,
        extensions: ofJob(column),
        resolve: (job) => job[column],
      });
    return {
      id: t.id({
        description: 'Its global id.',
        extensions: ofJob('id'),
        resolve: (job) => globalId('Job', job.id),
      }),
      uuid: t.field({
        extensions: ofJob('id'),
        type: 'UUID',
        description: 'Its plain id.',
        resolve: (job) => job.id,
      }),
      number: t.exposeInt('number', { description: 'Which job of its batch it is, counted from 1.' }),
      status: t.field({
        extensions: ofJob('status'),
        type: JobStatusType,
        description: 'What it is doing.',
        resolve: (job) => job.status,
      }),
      provider: t.exposeString('provider', { description: "The provider's name." }),
      sandbox: t.exposeBoolean('sandbox', { description: 'Whether an emulator answers it.' }),
      providerJobId: t.exposeString('providerJobId', {
        nullable: true,
        description: "The provider's id of it; null before the provider has it.",
      }),
      providerStatus: t.exposeString('providerStatus', {
        nullable: true,
        description: "The provider's own word for what it is doing.",
      }),
      raw: t.field({
        extensions: ofJob('raw'),
        type: 'JSON',
        nullable: true,
        description: "The provider's last answer about it, as it came.",
        resolve: (job) => jobRaw(job),
      }),
      attempt: t.exposeInt('attempt', { description: 'Which attempt at its items it is, counted from 1.' }),
      endpoint: t.exposeString('endpoint', { description: 'The endpoint that its requests are for.' }),
      model: t.exposeString('model', {
        nullable: true,
        description: 'The model that all of its requests name; null where they differ.',
      }),
      agentId: t.exposeString('agentId', {
        nullable: true,
        description: 'The agent that all of its requests are for; null where they differ or have none.',
      }),
      completionWindow: t.exposeString('completionWindow', {
        description: 'How long the provider may take.',
      }),
      type: t.exposeString('runType', {
        nullable: true,
        description: "The provider's word for what kind of job it is, where it tells.",
      }),
      background: t.exposeBoolean('background', {
        nullable: true,
        description: 'Whether the provider runs it in the background, where it tells.',
      }),
      stopReason: t.exposeString('stopReason', {
        nullable: true,
        description: 'Why its run stopped, in the word of a provider whose jobs are runs of agents.',
      }),
      totalDurationNs: t.field({
        extensions: ofJob('totalDurationNs'),
        type: 'BigInt',
        nullable: true,
        description: 'How long its run took, in nanoseconds, where the provider tells.',
        resolve: (job) => job.totalDurationNs,
      }),
      ttftNs: t.field({
        extensions: ofJob('ttftNs'),
        type: 'BigInt',
        nullable: true,
        description: 'How long its first token took, in nanoseconds, where the provider tells.',
        resolve: (job) => job.ttftNs,
      }),
      callback: t.field({
        type: JobCallbackType,
        nullable: true,
        description:
          "The provider's own call about it; null where it was not told to make one. For keys, not for read tokens.",
        authScopes: { key: true },
        resolve: (job) => jobCallback(job),
      }),
      requestCount: t.exposeInt('requestCount', { description: 'How many requests it has.' }),
      bytes: t.field({
        extensions: ofJob('bytes'),
        type: 'BigInt',
        description: 'Its size as it is sent, in bytes.',
        resolve: (job) => job.bytes,
      }),
      counts: t.field({
        extensions: ofJob(
          'providerTotal',
          'providerSucceeded',
          'providerErrored',
          'providerExpired',
          'providerCancelled',
        ),
        type: JobCountsType,
        description: "The provider's own counts.",
        resolve: (job) => job,
      }),
      strayCount: t.int({
        extensions: ofJob('id'),
        description: 'How many lines of its results belonged to none of its items; they are kept aside.',
        resolve: (job, _args, context) => jobStrayCount(job, context),
      }),
      needsPerson: t.field({
        type: PersonReasonType,
        nullable: true,
        description:
          'Why a person has to settle it by resolveJob; null where nobody has to. Until then it stays UNKNOWN, and nothing is sent.',
        resolve: (job) => jobNeedsPerson(job),
      }),
      madeElsewhere: t.boolean({
        extensions: ofJob('itemKeys'),
        description: "Whether the provider's batch was made elsewhere and taken over by adoptJob.",
        resolve: (job) => job.itemKeys === 'CALLERS',
      }),
      evidence: t.field({
        extensions: ofJob('evidence'),
        type: 'JSON',
        nullable: true,
        description:
          'Where its fate was in doubt: what was looked for, what was seen, how many proved to be `notOurs`, and in `resolutions` who settled it, when and how.',
        resolve: (job) => jobEvidence(job),
      }),
      error: t.field({
        extensions: ofJob('errorCode', 'errorMessage'),
        type: JobErrorType,
        nullable: true,
        description: 'Why it failed, or what went wrong with the last call about it; null when all is well.',
        resolve: (job) => jobError(job),
      }),
      inputFileId: t.exposeString('inputFileId', {
        nullable: true,
        description: "The provider's file with the requests, where it has one.",
      }),
      outputFileId: t.exposeString('outputFileId', {
        nullable: true,
        description: "The provider's file with the results, where it has one.",
      }),
      errorFileId: t.exposeString('errorFileId', {
        nullable: true,
        description: "The provider's file with the failures, where it has one.",
      }),
      batch: t.field({
        extensions: ofJob('batchId'),
        type: BatchRef,
        description: 'The batch that it belongs to.',
        resolve: (job, _args, context) => jobBatch(job, context),
      }),
      createdAt: t.field({
        extensions: ofJob('createdAt'),
        type: 'DateTime',
        description: 'When it was planned.',
        resolve: (job) => job.createdAt,
      }),
      updatedAt: t.field({
        extensions: ofJob('updatedAt'),
        type: 'DateTime',
        description: 'When it changed last.',
        resolve: (job) => job.updatedAt,
      }),
      submittedAt: moment('When the provider confirmed it.', 'submittedAt'),
      inProgressAt: moment('When the provider began to work on it.', 'inProgressAt'),
      finalizingAt: moment('When the provider began to prepare the results.', 'finalizingAt'),
      completedAt: moment('When the provider ended it.', 'completedAt'),
      failedAt: moment('When it failed as a whole.', 'failedAt'),
      expiresAt: moment("When the provider's window ends.", 'expiresAt'),
      expiredAt: moment("When the provider's window ended.", 'expiredAt'),
      cancellingAt: moment('When the provider began to stop it.', 'cancellingAt'),
      cancelledAt: moment('When it was stopped.', 'cancelledAt'),
      resultsExpireAt: moment(
        'Until when the provider keeps the results; null where it does not say, and once it has deleted them.',
        'resultsExpireAt',
      ),
      lastSyncedAt: moment('When the provider was last asked.', 'lastSyncedAt'),
      waitingFor: t.field({
        extensions: ofJob('status', 'waitingFor'),
        type: JobWaitType,
        nullable: true,
        description:
          'What it waits for before it is sent: its turn, or room at its provider. Null where it is sent as soon as a worker is free, and once it was.',
        resolve: jobWaitingFor,
      }),
      notBefore: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'Until when it waits to be sent, or to be sent again; null once it was sent.',
        extensions: ofJob('status', 'dueAt'),
        resolve: jobNotBefore,
      }),
      nextSyncAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When the provider is asked next; syncBatch asks now.',
        extensions: ofJob('status', 'dueAt', 'providerJobId'),
        resolve: jobNextSyncAt,
      }),
    };
  },
});

/** A connection of jobs. */
export const JobConnection = builder.connectionObject(
  { type: JobRef, name: 'JobConnection', description: 'A page of jobs.' },
  { name: 'JobEdge', description: 'A job and its place in the list.' },
);

const JobFilterInput = builder.inputType('JobFilter', {
  description: 'Which jobs a list shows; what is left out does not matter.',
  fields: (t) => ({
    status: t.field({ type: [JobStatusType], description: 'Jobs in any of these states.' }),
    provider: t.stringList({ description: 'Jobs at any of these providers.' }),
  }),
});

/** The order of a list by creation time. */
export const CreationOrderInput = builder.inputType('CreationOrder', {
  description: 'The order of a list by creation time.',
  fields: (t) => ({
    direction: t.field({ type: DirectionType, required: true, description: 'Which way the list goes.' }),
  }),
});

builder.queryField('jobs', (t) =>
  t.connection(
    {
      type: JobRef,
      description: "The jobs of all your organization's batches, newest first.",
      args: {
        filter: t.arg({ type: JobFilterInput, description: 'Which jobs to show.' }),
        orderBy: t.arg({ type: CreationOrderInput, description: 'Newest first where left out.' }),
      },
      resolve: (_root, args, context, info) => listJobs(args, context, jobColumns(info)),
    },
    JobConnection,
  ),
);
