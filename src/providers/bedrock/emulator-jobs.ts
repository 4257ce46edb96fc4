/**
 * The control plane: create a job, tell of it, stop it. A job is written once, when it is created; every answer about
 * it follows from that and the clock. The list is left to `emulator-list.ts`.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import type { EmulatorAnswer, EmulatorRoute } from '../emulator/server.ts';
import { type Creation, readCreation } from './emulator-creation.ts';
import { readInput } from './emulator-input.ts';
import { listJobs } from './emulator-list.ts';
import { type Model, modelOf } from './emulator-models.ts';
import { stateAt } from './emulator-state.ts';
import { findJob, type KeptJob, type Store, shortId } from './emulator-store.ts';
import { account, json, refuse } from './emulator-wire.ts';

/** The routes of the control plane. A job is named by one segment of the path, whatever is encoded in it. */
export function jobRoutes(store: Store): EmulatorRoute[] {
  const onJob =
    (
      act: (store: Store, job: KeptJob) => EmulatorAnswer | Promise<EmulatorAnswer>,
    ): EmulatorRoute['handle'] =>
    async ({ params: [identifier = ''] }) => {
      const job = await findJob(store, decodeURIComponent(identifier));
      return job === null
        ? no(store, 'ResourceNotFoundException', 'The specified model invocation job was not found.')
        : act(store, job);
    };
  return [
    {
      operation: 'create',
      method: 'POST',
      path: /^\/model-invocation-job$/,
      handle: async (request) => create(store, await request.text()),
    },
    {
      operation: 'list',
      method: 'GET',
      path: /^\/model-invocation-jobs$/,
      handle: ({ query }) => listJobs(store, query, jobObject),
    },
    {
      operation: 'retrieve',
      method: 'GET',
      path: /^\/model-invocation-job\/([^/]+)$/,
      handle: onJob((_store, job) => json(jobObject(store, job))),
    },
    {
      operation: 'stop',
      method: 'POST',
      path: /^\/model-invocation-job\/([^/]+)\/stop$/,
      handle: onJob(stop),
    },
  ];
}

const no = ({ switches }: Store, word: Parameters<typeof refuse>[0], message: string): EmulatorAnswer =>
  refuse(word, message, switches.errorWord);

const create = async (store: Store, text: string): Promise<EmulatorAnswer> => {
  const read = readCreation(text);
  if ('problem' in read) return no(store, 'ValidationException', read.problem);
  const { creation } = read;
  const repeated = await answerToRepeated(store, creation);
  if (repeated !== null) return repeated;
  if (creation.roleArn !== account.roleArn) {
    return no(store, 'AccessDeniedException', 'The caller may not perform iam:PassRole on that role.');
  }
  const model = modelOf(creation.modelId, creation.modelInvocationType);
  if (model === null) {
    return no(store, 'ValidationException', 'The model does not exist or does not support batch inference.');
  }
  if (await isFull(store)) {
    return no(store, 'ServiceQuotaExceededException', 'Too many jobs are submitted or in progress.');
  }
  const { job, content } = await newJob(store, creation, model);
  await store.jobs.add(job.id, job, content);
  return json({ jobArn: job.arn });
};

/** What is answered to a token, or a name, that a job has already; null where none has. */
const answerToRepeated = async (store: Store, creation: Creation): Promise<EmulatorAnswer | null> => {
  const { switches } = store;
  const jobs = await store.jobs.all();
  const same = jobs.find(({ token }) => token !== null && token === creation.clientRequestToken);
  if (same !== undefined) {
    if (switches.repeatedToken === 'conflict') {
      return no(store, 'ConflictException', 'The client request token was used before.');
    }
    return json(switches.repeatedToken === 'same-answer' ? { jobArn: same.arn } : {});
  }
  if (switches.jobNameInUse === 'accepted' || !jobs.some(({ name }) => name === creation.jobName))
    return null;
  const word = switches.jobNameInUse === 'conflict' ? 'ConflictException' : 'ValidationException';
  return no(store, word, 'The provided job name is currently in use.');
};

const isFull = async ({ jobs, clock, switches }: Store): Promise<boolean> => {
  if (switches.jobsMax === 'none') return false;
  const open = (await jobs.all()).filter((job) => stateAt(job, clock.now()).endedAt === null);
  return open.length >= Number(switches.jobsMax);
};

const newJob = async (
  store: Store,
  creation: Creation,
  model: Model,
): Promise<{ job: KeptJob; content: Buffer }> => {
  const id = await store.jobs.newId();
  const inputUri = creation.inputDataConfig.s3InputDataConfig.s3Uri;
  const { content, files, records, fault, fates } = await readInput(store, inputUri, model);
  const job: KeptJob = {
    id,
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    pace: store.pace,
    requestCount: records,
    fates,
    arn: `arn:aws:bedrock:${account.region}:${account.number}:model-invocation-job/${shortId(id)}`,
    name: creation.jobName,
    token: creation.clientRequestToken ?? null,
    roleArn: creation.roleArn,
    modelId: creation.modelId,
    invocation: creation.modelInvocationType,
    timeoutHours: creation.timeoutDurationInHours,
    inputUri,
    outputUri: creation.outputDataConfig.s3OutputDataConfig.s3Uri,
    files,
    fault,
    deleted: [],
  };
  return { job, content };
};

const stop = async (store: Store, job: KeptJob): Promise<EmulatorAnswer> => {
  const { word, endedAt } = stateAt(job, store.clock.now());
  if (endedAt !== null) {
    if (store.switches.stopWhenOver === 'answered') return json({});
    const refusal = store.switches.stopWhenOver === 'conflict' ? 'ConflictException' : 'ValidationException';
    return no(store, refusal, `A job in the state ${word} cannot be stopped.`);
  }
  const cancelRequestedAt = job.cancelRequestedAt ?? store.clock.now().toISOString();
  await store.jobs.change(job.id, (kept) => ({ ...kept, cancelRequestedAt }));
  return json({});
};

/** The vendor's job object; members that have no value are left out. */
const jobObject = (store: Store, job: KeptJob): JsonObject => {
  const state = stateAt(job, store.clock.now());
  return {
    jobArn: job.arn,
    jobName: job.name,
    modelId: job.modelId,
    ...(job.token === null ? {} : { clientRequestToken: job.token }),
    roleArn: job.roleArn,
    status: state.word,
    ...(state.word === 'Failed' ? { message: job.fault ?? 'This job was asked to fail.' } : {}),
    submitTime: job.createdAt,
    lastModifiedTime: state.changedAt.toISOString(),
    ...(state.endedAt === null ? {} : { endTime: state.endedAt.toISOString() }),
    inputDataConfig: { s3InputDataConfig: { s3Uri: job.inputUri, s3InputFormat: 'JSONL' } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: job.outputUri } },
    timeoutDurationInHours: job.timeoutHours,
    jobExpirationTime: state.expiresAt.toISOString(),
    modelInvocationType: job.invocation,
    ...counts(store, job, state),
  };
};

const counts = (
  { switches }: Store,
  { requestCount }: KeptJob,
  { isCounted, succeeded, errored }: ReturnType<typeof stateAt>,
): JsonObject => {
  if (!isCounted && switches.countsWhileValidating === 'absent') return {};
  return {
    totalRecordCount: isCounted ? requestCount : 0,
    processedRecordCount: succeeded + errored,
    successRecordCount: succeeded,
    errorRecordCount: errored,
  };
};
