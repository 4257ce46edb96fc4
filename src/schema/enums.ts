/** The enums of the schema, made from the domain's words. A word without a description does not compile. */
import { credentialStatuses } from '../domain/credential.ts';
import { requestFormats, resultFormats } from '../domain/download.ts';
import { eventKinds } from '../domain/event.ts';
import { providerFilesStates } from '../domain/provider-files.ts';
import type { PersonReason } from '../domain/recovery.ts';
import { failedStatuses } from '../domain/retry.ts';
import { batchStatuses, deliveryStatuses, itemStatuses, jobStatuses } from '../domain/status.ts';
import { credentialProblems, providerJobProblems } from '../errors.ts';
import { builder } from './builder.ts';

/** An enum whose every value must be described: a new word without a description does not compile. */
export const described = <Word extends string>(words: readonly Word[], descriptions: Record<Word, string>) =>
  Object.fromEntries(words.map((word) => [word, { description: descriptions[word] }])) as Record<
    Word,
    { description: string }
  >;

/** The same of lower-case words, which are written in capitals here. */
const worded = <Word extends string>(words: readonly Word[], descriptions: Record<Word, string>) =>
  Object.fromEntries(
    words.map((word) => [word.toUpperCase(), { value: word, description: descriptions[word] }]),
  ) as Record<Uppercase<Word>, { value: Word; description: string }>;

/** What a batch is doing. */
export const BatchStatusType = builder.enumType('BatchStatus', {
  description: 'What a batch is doing. COMPLETED, FAILED, EXPIRED and CANCELLED are the end.',
  values: described(batchStatuses, {
    ACCUMULATING: 'Open: requests can be added. Nothing was sent.',
    SUBMITTED: 'Closed and split into jobs; they are being sent or wait their turn.',
    VALIDATING: 'The provider has a job and checks it.',
    IN_PROGRESS: 'The provider is working on it.',
    FINALIZING: 'The provider is done; the results are being prepared or copied.',
    CANCELLING: 'Cancelling was asked for; what is done already is kept.',
    COMPLETED: 'Every request has a result, and at least one succeeded.',
    FAILED: 'Every request has a result, and none succeeded. errorGroups tells why.',
    EXPIRED: "The provider's window ended before any request succeeded.",
    CANCELLED: 'It was cancelled before any request succeeded.',
  }),
});

/** What became of a request. */
export const ItemStatusType = builder.enumType('ItemStatus', {
  description: 'What became of one request.',
  values: described(itemStatuses, {
    PENDING: 'Not sent yet.',
    SUBMITTED: 'Being sent, or with the provider.',
    SUCCEEDED: 'It has an answer.',
    ERRORED: 'It failed; error tells why and whether trying again makes sense.',
    EXPIRED: "The provider's window ended before its turn came.",
    CANCELLED: 'It was cancelled before it was processed.',
  }),
});

/** How a request ended that has no answer. */
export const FailedItemStatusType = builder.enumType('FailedItemStatus', {
  description: 'How a request ended that has no answer and can be tried again.',
  values: described(failedStatuses, {
    ERRORED: 'It failed; error tells why.',
    EXPIRED: "The provider's window ended before its turn came.",
    CANCELLED: 'It was cancelled before it was processed.',
  }),
});

/** What a job is doing. */
export const JobStatusType = builder.enumType('JobStatus', {
  description: 'What one job is doing, whatever its provider calls it; providerStatus has the raw word.',
  values: described(jobStatuses, {
    CREATED: 'Planned, or waiting its turn.',
    PENDING: 'Being sent, or the provider checks it.',
    UNKNOWN:
      'Perhaps sent: the answer was lost. It is being looked for and is never simply sent again; evidence tells what is known.',
    RUNNING: 'The provider is working on it.',
    CANCELLING: 'The provider was asked to stop.',
    COMPLETED: 'The provider ended it.',
    FAILED: 'The provider refused it or gave it up as a whole.',
    CANCELLED: 'It was stopped; what was done is kept.',
    EXPIRED: "The provider's window ended; what was done is kept.",
  }),
});

/** Why a job needs a person. */
export const PersonReasonType = builder.enumType('JobPersonReason', {
  description:
    'Why nobody but a person can tell what became of a job. Look at the provider, then call resolveJob.',
  values: {
    DUPLICATES: {
      value: 'duplicates',
      description:
        "More than one batch at the provider carries the job's key; evidence.sightings lists them. Name the one to keep, and cancel the others at the provider.",
    },
    AMBIGUOUS: {
      value: 'ambiguous',
      description:
        'Several batches at the provider fit by time and count; evidence.sightings lists them. Name the one that is it, or say that none is.',
    },
    UNSEARCHABLE: {
      value: 'unsearchable',
      description:
        'The provider shows nothing that the job could be found by. Look for it there by its time and size, and name it, or say that it was not created.',
    },
  } as const satisfies Record<Uppercase<PersonReason>, { value: PersonReason; description: string }>,
});

/** What is wrong with a provider's batch that was named. */
export const ProviderJobProblemType = builder.enumType('ProviderJobProblem', {
  description: "What is wrong with a provider's batch that was named.",
  values: described(providerJobProblems, {
    NOT_THERE: 'The provider knows no batch with this id.',
    NOT_YOURS: "The provider does not show it to this service's account.",
    OTHER_SIZE: 'It has another number of requests than are meant.',
    OTHER_REQUESTS: 'Its results are for other requests than those that are meant.',
    TAKEN: 'It is the batch of another job of yours already: jobId tells which.',
  }),
});

/** What happened. */
export const EventKindType = builder.enumType('BatchEventKind', {
  description: 'What happened to a batch.',
  values: described(eventKinds, {
    SNAPSHOT: 'Nothing happened: this is the state to start from.',
    BATCH_CREATED: 'The batch was created.',
    REQUESTS_ADDED: 'Requests were added.',
    BATCH_UPDATED:
      "Its name, its metadata or its callback URL changed, or its provider's files are to be deleted.",
    BATCH_CLOSED: 'It was closed and split into jobs.',
    CLOSE_FAILED: 'Its rule could not close it; error tells why. It is still open.',
    JOB_SENDING: 'A job is being sent.',
    JOB_SUBMITTED: 'A provider confirmed a job, or a job that was looked for was found.',
    JOB_POLLED: 'A provider was asked how a job is doing.',
    JOB_DELAYED: 'Something about a job failed or has to wait; it is done again later.',
    JOB_UNKNOWN:
      'It is not known whether a job was created; it is being looked for, or needs a person (Job.needsPerson).',
    JOB_FAILED: 'A provider refused a job.',
    JOB_RESOLVED: 'A person settled a job of which nobody could know whether it was created.',
    JOB_ADOPTED: "A provider's batch that was made elsewhere was taken over as a job.",
    RESULTS_ADDED: 'Results were copied.',
    CANCEL_REQUESTED: 'Cancelling was asked for.',
    BATCH_RETRIED:
      'Requests that had failed are tried again, in new jobs; a batch that was over is not any more.',
    BATCH_ENDED: 'Every request has its result: the batch is terminal.',
    BATCH_DELETED: 'The batch was deleted; batch is null.',
    BUDGET_WARNING:
      "What this batch costs or may cost brought your organization to four fifths of its month's budget: told once a month.",
    PROVIDER_FILES_DELETED: 'A provider has deleted what it kept of a job: its requests and results.',
    RESULTS_REMOVED:
      'Its requests and results were kept for as long as this service keeps them, and cannot be read any more. Counts, usage and cost stay.',
  }),
});

/** What becomes of that which a provider keeps of a job. */
export const ProviderFilesStateType = builder.enumType('ProviderFilesState', {
  description: 'What becomes of that which a provider keeps of a job: its requests and results.',
  values: described(providerFilesStates, {
    KEPT: 'The provider keeps it until it drops it by itself.',
    DELETING: 'It is to be deleted, as soon as all results are here, and has not been yet.',
    DELETED: 'The provider has deleted it, or had nothing of it any more.',
    FAILED: 'It could not be deleted; providerFilesError tells why.',
  }),
});

/** What became of telling a callback URL. */
export const CallbackStatusType = builder.enumType('CallbackStatus', {
  description: 'Whether a callback URL was told of the end of a batch.',
  values: described(['WAITING', ...deliveryStatuses], {
    WAITING: 'The batch has not ended: there is nothing to tell.',
    PENDING: 'It is being told, or will be tried again.',
    DELIVERED: 'The receiver answered with 2xx.',
    FAILED: 'Given up: the receiver answered 410, or not with 2xx for more than a day.',
  }),
});

/** How a batch closes. */
export const SubmitModeType = builder.enumType('SubmitMode', {
  description: 'When a batch closes and is sent.',
  values: {
    NOW: { description: 'With the call that brings the first requests.' },
    MANUAL: { description: 'When submitBatch is called.' },
    WHEN: { description: 'By itself, at the first threshold of `when` that is reached.' },
  } as const,
});

/** Which way a list goes. */
export const DirectionType = builder.enumType('OrderDirection', {
  description: 'Which way a list goes.',
  values: { ASC: { description: 'The oldest first.' }, DESC: { description: 'The newest first.' } } as const,
});

/** How a provider is answered. */
export const ProviderModeType = builder.enumType('ProviderMode', {
  description: 'How a provider is answered here.',
  values: {
    LIVE: { description: 'By the real service, for real money.' },
    SANDBOX: { description: 'By its emulator in this process; nothing leaves it and nothing is paid.' },
    UNCONFIGURED: { description: 'Not at all: it has no credentials here that you may use.' },
  } as const,
});

/** How a lost submission is found again. */
export const RecoveryType = builder.enumType('ProviderRecovery', {
  description: 'How a submission whose answer was lost is found again.',
  values: {
    EXACT: { description: "By a key of ours that the provider's list shows." },
    PROVISIONAL: { description: 'By time and count, and then proven by the results.' },
    NONE: { description: 'Not at all: such a job stays UNKNOWN until a person settles it.' },
  } as const,
});

/** Where a model is named. */
export const ModelPlaceType = builder.enumType('ModelPlace', {
  description: 'Where requests name their model.',
  values: {
    BODY: {
      description: "In the body of each request; the batch's model is written into those that name none.",
    },
    JOB: { description: 'Beside the bodies: the batch names it, or a request where it is another.' },
    NONE: { description: 'Nowhere: leave the model out.' },
  } as const,
});

/** How a provider is told where to call. */
export const WebhookRegistrationType = builder.enumType('WebhookRegistration', {
  description: 'How a provider is told where it can call this service.',
  values: {
    JOB: { description: 'With each job, by itself, where PUBLIC_URL is set.' },
    ACCOUNT: { description: 'Once, by a person, at the provider: enter `url` there, and its secret here.' },
  } as const,
});

/** How a fact about a provider is known. */
export const CertaintyType = builder.enumType('Certainty', {
  description: 'Where a fact about a provider comes from.',
  values: {
    SPEC: { description: "A machine-readable specification of the provider's." },
    SDK: { description: "The provider's own published client." },
    WIRE: { description: 'Seen on the wire.' },
    SEED: { description: 'The documents that this project set out from.' },
    DOC: { description: "The provider's documentation." },
    THIRD_PARTY: { value: '3P', description: "What other people's software does." },
    MEM: { description: 'General knowledge, not verified.' },
    GUESS: { description: 'An inference; it may be wrong.' },
  } as const,
});

/** What a key allows. */
export const AccessScopeType = builder.enumType('AccessScope', {
  description: 'What a key allows; each includes the ones before it.',
  values: {
    READ: { value: 'read', description: 'Queries, subscriptions and downloads.' },
    WRITE: { value: 'write', description: 'All mutations too.' },
    ADMIN: { value: 'admin', description: "The organization's keys and callback secret too." },
  } as const,
});

/** What a credential is doing. */
export const CredentialStatusType = builder.enumType('CredentialStatus', {
  description: "What one of your organization's own credentials is doing.",
  values: described(credentialStatuses, {
    UNTRIED: 'Its provider was not called with it yet.',
    WORKING: 'Its provider took it the last time.',
    FAILING:
      'Its provider refuses it. What was sent with it waits and is asked about again and again, so it works again as soon as its provider takes it.',
    REVOKED: 'Nothing new is sent with it.',
  }),
});

/** Why a credential cannot be used. */
export const CredentialProblemType = builder.enumType('CredentialProblem', {
  description: "Why one of your organization's own credentials cannot be used.",
  values: described(credentialProblems, {
    REVOKED: 'It is revoked, so nothing new is sent with it.',
    FORGOTTEN: 'It is revoked, and its secret is gone.',
    UNREADABLE: 'None of the keys that the service has now opens it.',
    OTHER_MODE: 'It is for the sandbox and this is real, or the other way round.',
  }),
});

/** In which format requests are downloaded. */
export const RequestFormatType = builder.enumType('RequestFormat', {
  description: 'In which format requests are downloaded, one JSON line each.',
  values: worded(requestFormats, {
    verbatim: 'As they are taken here: {customId, endpoint, body}.',
    openai: "As OpenAI's batch API takes them: {custom_id, method, url, body}.",
  }),
});

/** In which format results are downloaded. */
export const ResultFormatType = builder.enumType('ResultFormat', {
  description: 'In which format results are downloaded.',
  values: worded(resultFormats, {
    verbatim:
      "The provider's own line, byte for byte, beside what it is of: {position, customId, status, result, error}.",
    openai:
      "As OpenAI's batch API gives them, whatever the provider: {id, custom_id, response: {status_code, body}, error}. The body is the provider's own; `error` is there for everything that did not succeed.",
    flat: 'A row for tables as a JSON line: position, customId, status, text, error, tokens and cost.',
    csv: 'The same rows as CSV with a header.',
  }),
});
