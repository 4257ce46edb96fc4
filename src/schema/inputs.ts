/** What mutations take. Shapes and descriptions only; the rules of each field are `domain/batch-input.ts`. */
import { builder } from './builder.ts';
import { FailedItemStatusType, SubmitModeType } from './enums.ts';

const RequestInput = builder.inputType('RequestInput', {
  description: 'One request, given inline.',
  fields: (t) => ({
    customId: t.string({
      description:
        'Your own name for it, unique within the batch: any text up to 512 characters. `item-<n>` where left out.',
    }),
    endpoint: t.string({ description: "Its endpoint, where it is not the batch's." }),
    model: t.string({ description: "Its model, where the body names none and it is not the batch's." }),
    body: t.field({
      type: 'JSON',
      required: true,
      description:
        "The body as the provider wants it, an object. The batch's model is added where it names none.",
    }),
  }),
});

/** Requests, in one of three forms. */
export const RequestsInput = builder.inputType('RequestsInput', {
  description: 'Requests in exactly one of three forms. All or nothing: one bad request, and none is stored.',
  isOneOf: true,
  fields: (t) => ({
    list: t.field({ type: [RequestInput], description: 'Inline, with parsed bodies.' }),
    jsonl: t.string({
      description:
        "JSON lines as text: the provider's native form, or `{customId, body}`. Bodies keep their exact characters.",
    }),
    file: t.field({ type: 'File', description: 'The same as a file, sent as multipart.' }),
  }),
});

const SubmitWhenInput = builder.inputType('SubmitWhenInput', {
  description: 'Thresholds; the first that is reached closes the batch, after the call that reaches it.',
  fields: (t) => ({
    requests: t.int({ description: 'This many requests.' }),
    bytes: t.field({ type: 'BigInt', description: 'This many bytes of bodies.' }),
    seconds: t.int({ description: 'This long after the first request.' }),
  }),
});

/** By what a call is known when it is made again. */
const idempotencyKeyDescription =
  'Your own name for this call, any text up to 255 characters. The same call made again under it within 24 hours does nothing and gets the same answer; another call under it is refused.';
const RetryPolicyInput = builder.inputType('RetryPolicyInput', {
  description:
    'How failures that may pass are tried again by themselves, when everything else of the batch is over. What was refused for good or cancelled never is.',
  fields: (t) => ({
    attempts: t.int({
      required: true,
      description: 'How often a request is tried, from 2 to 10; the first time counts.',
    }),
    backoffSeconds: t.int({
      description: 'The pause before the second attempt, 60 where left out; it doubles with each one after.',
    }),
  }),
});

type InputFields = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0];

/** What can be said of every new batch, however it comes here. */
const newBatchFields = (t: InputFields) => ({
  provider: t.string({ required: true, description: 'The provider, by name: see Query.providers.' }),
  name: t.string({ description: 'What to call it, up to 512 characters.' }),
  endpoint: t.string({
    description: "The endpoint of requests that name none; the provider's first where left out.",
  }),
  model: t.string({ description: 'The model of requests whose body names none.' }),
  completionWindow: t.string({
    description: 'How long the provider may take; its first window where left out.',
  }),
  metadata: t.field({
    type: 'JSON',
    description:
      'Anything to attach: an object with at most 64 pairs, keys up to 64 and values up to 512 characters.',
  }),
  credentialId: t.field({
    type: 'UUID',
    description:
      "One of your organization's own credentials to send it with, and no other. Where left out, its newest that works; the service's where it has none.",
  }),
  deleteProviderFiles: t.boolean({
    description:
      'Whether the provider is to delete what it keeps of each job, requests and results, as soon as all of its results are here. For providers that can (ProviderCapabilities.deletion); false where left out.',
  }),
  callbackUrl: t.string({
    description:
      'Where to call when it has ended, signed as Standard Webhooks has it: an absolute https URL that leads to a public address, or to what the setting CALLBACK_ALLOW allows.',
  }),
});

/** What `createBatch` takes. */
export const CreateBatchInput = builder.inputType('CreateBatchInput', {
  description: 'A new batch.',
  fields: (t) => ({
    ...newBatchFields(t),
    requests: t.field({
      type: RequestsInput,
      description: 'Its first requests; more can be added while it is open.',
    }),
    submit: t.field({
      type: SubmitModeType,
      description: 'When it closes and is sent: MANUAL where left out, WHEN where `when` is given.',
    }),
    when: t.field({ type: SubmitWhenInput, description: 'The thresholds of `submit: WHEN`.' }),
    dryRun: t.boolean({
      description:
        'True: nothing is made, stored or sent, and the answer is a DryRunPayload. The idempotencyKey is left out of it.',
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
    retry: t.field({
      type: RetryPolicyInput,
      description: 'Whether it tries failures again by itself; only retryBatch does where left out.',
    }),
  }),
});

const UploadedBatchInput = builder.inputType('UploadedBatchInput', {
  description: 'A new batch whose requests come by an upload.',
  fields: (t) => ({
    ...newBatchFields(t),
    submit: t.field({
      type: SubmitModeType,
      description:
        'When it closes and is sent: NOW with its first upload, MANUAL where left out, WHEN where `when` is given.',
    }),
    when: t.field({ type: SubmitWhenInput, description: 'The thresholds of `submit: WHEN`.' }),
    retry: t.field({
      type: RetryPolicyInput,
      description: 'Whether it tries failures again by itself; only retryBatch does where left out.',
    }),
  }),
});

/** What `createUpload` takes. */
export const CreateUploadInput = builder.inputType('CreateUploadInput', {
  description: 'Where the requests of a file are to go: exactly one of batchId and batch.',
  fields: (t) => ({
    batchId: t.id({ description: 'An open batch: its global id or its UUID.' }),
    batch: t.field({ type: UploadedBatchInput, description: 'A new batch.' }),
    submit: t.boolean({
      description: 'True: the batch is closed and sent as soon as the file is in, whatever its rule.',
    }),
    dryRun: t.boolean({
      description:
        'True: the file is checked and thrown away, and a new batch is not made; Upload.dryRun then tells what createBatch would have. The idempotencyKey is left out of it.',
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

/** What `addRequests` takes. */
export const AddRequestsInput = builder.inputType('AddRequestsInput', {
  description: 'Requests for an open batch.',
  fields: (t) => ({
    batchId: t.id({ required: true, description: 'The batch: its global id or its UUID.' }),
    requests: t.field({ type: RequestsInput, required: true, description: 'The requests to add.' }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const JobResolutionInput = builder.inputType('JobResolution', {
  description: 'What a person knows of a job: exactly one of three things.',
  isOneOf: true,
  fields: (t) => ({
    providerJobId: t.string({
      description:
        "The job is this batch of the provider's. The provider is asked for it first; from then on it is the job's, and its results have to name the job's requests.",
    }),
    notCreated: t.boolean({
      description:
        'True: it was never created at the provider, and is sent again. Allowed only where the job needs a person, and nothing that was sent can still arrive.',
    }),
    giveUp: t.boolean({
      description:
        'True: nobody will know. Its requests become ERRORED with the code given_up, and nothing is sent again.',
    }),
  }),
});

/** What `resolveJob` takes. */
export const ResolveJobInput = builder.inputType('ResolveJobInput', {
  description: 'A job that is UNKNOWN, and what became of it.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: 'The job: its global id or its UUID.' }),
    resolution: t.field({
      type: JobResolutionInput,
      required: true,
      description: 'What a person knows of it.',
    }),
  }),
});

/** What `adoptJob` takes. */
export const AdoptJobInput = builder.inputType('AdoptJobInput', {
  description: "A provider's batch that was made elsewhere, and the requests that are in it.",
  fields: (t) => ({
    ...newBatchFields(t),
    providerJobId: t.string({
      required: true,
      description: "The provider's id of its batch, just as the provider writes it.",
    }),
    requests: t.field({
      type: RequestsInput,
      required: true,
      description:
        "All of its requests, as they were sent. Each customId is the one that was sent: the provider's results name the request by it. Where they name agents, each agent is there once.",
    }),
  }),
});

/** What `updateBatch` takes. */
export const UpdateBatchInput = builder.inputType('UpdateBatchInput', {
  description: 'What to change; a field left out stays, null clears it.',
  fields: (t) => ({
    batchId: t.id({ required: true, description: 'The batch: its global id or its UUID.' }),
    name: t.string({ description: 'Its new name.' }),
    metadata: t.field({ type: 'JSON', description: 'Its new metadata, replacing the old as a whole.' }),
    callbackUrl: t.string({ description: 'Where to call instead when it has ended; only before it has.' }),
  }),
});

const RetryFilterInput = builder.inputType('RetryFilter', {
  description:
    'Which failed requests are tried again; what is left out does not matter, and all that is given must fit.',
  fields: (t) => ({
    status: t.field({
      type: [FailedItemStatusType],
      description: 'Requests that ended in any of these ways.',
    }),
    errorCode: t.stringList({
      description: 'Requests that failed with any of these codes: see errorGroups.',
    }),
    customIds: t.stringList({
      description:
        'Requests by your own names for them, up to 10,000. Naming one that has not failed is refused.',
    }),
  }),
});

/** What `retryBatch` takes. */
export const RetryBatchInput = builder.inputType('RetryBatchInput', {
  description: 'Which failed requests of a batch to try again: all of them, unless it says less.',
  fields: (t) => ({
    batchId: t.id({ required: true, description: 'The batch: its global id or its UUID.' }),
    filter: t.field({ type: RetryFilterInput, description: 'Only those that fit.' }),
    onlyRetryable: t.boolean({
      description: 'Only those of which it is known that trying again makes sense; false where left out.',
    }),
    idempotencyKey: t.string({ description: idempotencyKeyDescription }),
  }),
});

const onlyBatch = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({
      batchId: t.id({ required: true, description: 'The batch: its global id or its UUID.' }),
    }),
  });

/** What `rotateCallbackSecret` takes. */
export const RotateCallbackSecretInput = builder.inputType('RotateCallbackSecretInput', {
  description: 'How to change from the present secret to a new one.',
  fields: (t) => ({
    graceHours: t.int({
      description:
        'How long the present secret signs beside the new one, from 0 to 168 hours; 24 where left out, 0 where it has leaked.',
    }),
  }),
});

/** What `submitBatch` takes. */
export const SubmitBatchInput = onlyBatch('SubmitBatchInput', 'The batch to submit.');
/** What `syncBatch` takes. */
export const SyncBatchInput = onlyBatch('SyncBatchInput', 'The batch to sync.');
/** What `cancelBatch` takes. */
export const CancelBatchInput = onlyBatch('CancelBatchInput', 'The batch to cancel.');
/** What `deleteBatch` takes. */
export const DeleteBatchInput = onlyBatch('DeleteBatchInput', 'The batch to delete.');
/** What `deleteProviderFiles` takes. */
export const DeleteProviderFilesInput = onlyBatch(
  'DeleteProviderFilesInput',
  'The batch of which the provider is to keep nothing.',
);
/** What `redeliverCallback` takes. */
export const RedeliverCallbackInput = onlyBatch(
  'RedeliverCallbackInput',
  'The batch whose callback to call again.',
);
