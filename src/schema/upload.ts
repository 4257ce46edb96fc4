/** Uploads: the type, the mutation that makes one, and the subscription that shows its progress. */
import {
  BatchStateError,
  IdempotencyConflictError,
  NotFoundError,
  ProviderNotConfiguredError,
  QuotaExceededError,
  ValidationError,
} from '../errors.ts';
import { globalId } from '../resolvers/arguments.ts';
import * as uploads from '../resolvers/uploads.ts';
import { builder } from './builder.ts';
import { DryRunType } from './dry-run.ts';
import { IssueType } from './errors.ts';
import { CreateUploadInput } from './inputs.ts';
import { resultOf } from './mutation-result.ts';
import { BatchRef, UploadRef } from './nodes.ts';
import { UploadFailureType, UploadStatusType } from './upload-enums.ts';

const UploadErrorType = builder.objectRef<uploads.UploadFault>('UploadError').implement({
  description: 'Why an upload failed.',
  fields: (t) => ({
    code: t.field({
      type: UploadFailureType,
      description: 'The kind of failure; programs decide by it.',
      resolve: ({ code }) => code,
    }),
    message: t.exposeString('message', { description: 'What went wrong and what to do, for people.' }),
  }),
});

builder.objectType(UploadRef, {
  description:
    'A file of requests on its way in through a URL of its own. All of its requests are in the batch at once, when it is COMPLETED; until then, and where it fails, none is.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => ({
    id: t.id({ description: 'Its global id.', resolve: (upload) => globalId('Upload', upload.id) }),
    uuid: t.field({ type: 'UUID', description: 'Its plain UUID.', resolve: ({ id }) => id }),
    status: t.field({
      type: UploadStatusType,
      description: 'Where it is.',
      resolve: ({ status }) => status,
    }),
    batch: t.field({
      type: BatchRef,
      nullable: true,
      description: 'The batch that its requests go to; null where a file is checked for no batch.',
      resolve: (upload, _args, context) => uploads.batchOfUpload(upload, context),
    }),
    submit: t.exposeBoolean('submits', {
      description: 'Whether the batch is closed and sent as soon as the file is in, whatever its rule.',
    }),
    bytes: t.field({
      type: 'BigInt',
      description: 'How many bytes have come, as they were sent.',
      resolve: ({ bytes }) => bytes,
    }),
    bytesExpected: t.field({
      type: 'BigInt',
      nullable: true,
      description:
        'How many bytes are to come in all: the Content-Length; null where its sender did not say.',
      resolve: ({ bytesExpected }) => bytesExpected,
    }),
    lines: t.exposeInt('lines', { description: 'How many lines have been read.' }),
    requests: t.exposeInt('requests', { description: 'How many requests in them can be taken.' }),
    issues: t.field({
      type: [IssueType],
      description:
        'What is wrong with its lines: at most 20, the first by line. One suffices for the file to be refused.',
      resolve: ({ issues }) => [...issues],
    }),
    issueCount: t.exposeInt('issueCount', { description: 'How many things are wrong in all.' }),
    error: t.field({
      type: UploadErrorType,
      nullable: true,
      description: 'Why it failed; null unless it is FAILED.',
      resolve: uploads.faultOf,
    }),
    isDryRun: t.exposeBoolean('dryRun', {
      description: 'Whether the file is only checked and then thrown away.',
    }),
    dryRun: t.field({
      type: DryRunType,
      nullable: true,
      description: 'What a checked file comes to, once it is COMPLETED; null for files that are kept.',
      resolve: uploads.dryRunOf,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When its URL was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its file began to come, the last time; null before.',
      resolve: ({ startedAt }) => startedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was completed or failed; null before.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Until when its URL takes a file.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
});

builder.mutationField('createUpload', (t) =>
  t.field({
    type: builder
      .objectRef<Awaited<ReturnType<typeof uploads.createUpload>>>('CreateUploadPayload')
      .implement({
        description: 'There is a URL for the file.',
        fields: (p) => ({
          url: p.field({
            type: 'URL',
            description:
              'Where to PUT the file, JSON lines of any size, also with Content-Encoding: gzip. It is the key to this one upload and is shown here only: `curl -T requests.jsonl <url>`.',
            resolve: (payload, _args, context) => uploads.uploadUrl(payload, context),
          }),
          upload: p.field({
            type: UploadRef,
            description: 'The upload; follow it with uploadUpdated.',
            resolve: ({ upload }) => upload,
          }),
          batch: p.field({
            type: BatchRef,
            nullable: true,
            description: 'The batch that its requests go to; null where a file is checked for no batch.',
            resolve: ({ batch }) => batch,
          }),
          replayed: p.exposeBoolean('replayed', {
            description:
              'Whether the same call was made before under its idempotencyKey. The upload is the same then, and this is its only URL from now on.',
          }),
        }),
      }),
    description:
      'Makes a URL for a file of requests of any size, which goes into an open batch or a new one: all of it or nothing. With `dryRun`, the file is only checked.',
    args: {
      input: t.arg({ type: CreateUploadInput, required: true, description: 'Where the requests are to go.' }),
    },
    errors: resultOf('CreateUpload', [
      ValidationError,
      NotFoundError,
      BatchStateError,
      ProviderNotConfiguredError,
      QuotaExceededError,
      IdempotencyConflictError,
    ]),
    resolve: (_root, args, context) => uploads.createUpload(args, context),
  }),
);

builder.subscriptionField('uploadUpdated', (t) =>
  t.field({
    type: UploadRef,
    description:
      'One upload, live: its state at once, then as the file comes; enough for a progress bar. Completes when the upload is COMPLETED; a failed one may begin anew.',
    args: { id: t.arg.id({ required: true, description: 'Its global id or its UUID.' }) },
    subscribe: (_root, args, context) => uploads.uploadUpdated(args, context),
    resolve: (upload, _args, context) => uploads.changedUpload(upload, context),
  }),
);
