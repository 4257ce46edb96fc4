import {
  type BatchModel,
  type ErrorGroupModel,
  errorGroupSample,
  type RetryPolicyModel,
} from '../resolvers/batch.ts';
import { builder } from './builder.ts';
import { SubmitModeType } from './enums.ts';
import { ItemRef } from './nodes.ts';

/** How many items are in each state. */
export const CountsType = builder.objectRef<BatchModel>('BatchCounts').implement({
  description: 'How many items are in each state. The six states sum to the total at every moment.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'All requests of the batch.' }),
    pending: t.exposeInt('pending', { description: 'Not sent yet.' }),
    submitted: t.exposeInt('submitted', { description: 'Being sent, or with the provider.' }),
    succeeded: t.exposeInt('succeeded', { description: 'With an answer.' }),
    errored: t.exposeInt('errored', { description: 'With an error instead.' }),
    expired: t.exposeInt('expired', { description: "Too late for the provider's window." }),
    cancelled: t.exposeInt('cancelled', { description: 'Cancelled before they were processed.' }),
  }),
});

/** When a batch closes. */
export const SubmitRuleType = builder.objectRef<BatchModel>('SubmitRule').implement({
  description: 'When the batch closes and is sent.',
  fields: (t) => ({
    mode: t.field({
      type: SubmitModeType,
      description: 'How it closes.',
      resolve: (batch) => batch.submitMode,
    }),
    requests: t.int({
      nullable: true,
      description: 'Closes after the call that brings it to this many requests.',
      resolve: (batch) => batch.whenRequests,
    }),
    bytes: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Closes after the call that brings its bodies to this many bytes.',
      resolve: (batch) => batch.whenBytes,
    }),
    seconds: t.int({
      nullable: true,
      description: 'Closes this long after its first request.',
      resolve: (batch) => batch.whenSeconds,
    }),
    closesAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the timer closes it; null while no timer runs.',
      resolve: (batch) => batch.dueAt,
    }),
  }),
});

/** How a batch tries failures again by itself. */
export const RetryPolicyType = builder.objectRef<RetryPolicyModel>('RetryPolicy').implement({
  description: 'How a batch tries failures that may pass again by itself.',
  fields: (t) => ({
    attempts: t.exposeInt('attempts', {
      description: 'How often a request is tried; the first time counts.',
    }),
    backoffSeconds: t.exposeInt('backoffSeconds', {
      description: 'The pause before the second attempt; it doubles with each one after.',
    }),
  }),
});

/** Failures of one kind. */
export const ErrorGroupType = builder.objectRef<ErrorGroupModel>('ErrorGroup').implement({
  description: 'Failures of one kind. Read these before the single items.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'The error code that they share.' }),
    count: t.exposeInt('count', { description: 'How many items met it.' }),
    message: t.exposeString('message', { nullable: true, description: 'The message of the first of them.' }),
    sample: t.field({
      type: ItemRef,
      nullable: true,
      description: 'The first of them.',
      resolve: (group, _args, context) => errorGroupSample(group, context),
    }),
  }),
});

/** Why a batch failed. */
export const BatchErrorType = builder.objectRef<BatchModel>('BatchError').implement({
  description: 'Why a batch failed.',
  fields: (t) => ({
    code: t.string({
      description: 'A word for it, in snake_case.',
      resolve: (batch) => batch.errorCode ?? '',
    }),
    message: t.string({ description: 'The same for people.', resolve: (batch) => batch.errorMessage ?? '' }),
  }),
});
