import {
  type CallbackAttemptModel,
  type CallbackModel,
  type CallbackSecretModel,
  callbackAttempts,
  callbackStatus,
} from '../resolvers/callbacks.ts';
import { builder } from './builder.ts';
import { CallbackStatusType } from './enums.ts';

const CallbackAttemptType = builder.objectRef<CallbackAttemptModel>('CallbackAttempt').implement({
  description: 'One call to a callback URL.',
  fields: (t) => ({
    deliveryId: t.field({
      type: 'UUID',
      description: 'The webhook-id that it carried: the same for every attempt to tell of one end.',
      resolve: ({ deliveryId }) => deliveryId,
    }),
    number: t.exposeInt('number', {
      description: 'Which attempt to tell of that end it is, counted from 1.',
    }),
    startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: ({ at }) => at }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When it was over. Null while it is under way, and for good where its sender died: then nobody knows whether the call arrived, and it was made again.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'What the receiver answered; null where it did not, or while it is under way.',
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why it does not count, for people; null where it was answered with 2xx, or is not over.',
    }),
  }),
});

const CallbackAttemptConnection = builder.connectionObject(
  { type: CallbackAttemptType, name: 'CallbackAttemptConnection', description: 'A page of attempts.' },
  { name: 'CallbackAttemptEdge', description: 'An attempt and its place in the list.' },
);

/** Who is told of a batch's end. */
export const BatchCallbackType = builder.objectRef<CallbackModel>('BatchCallback').implement({
  description:
    'Who is told when a batch ends, and what became of it. A batch that is retried ends again and is told of again; what stands here is of its newest end.',
  fields: (t) => ({
    url: t.field({ type: 'URL', description: 'Where the call goes.', resolve: ({ url }) => url }),
    status: t.field({
      type: CallbackStatusType,
      description: 'Whether it was told.',
      resolve: (callback) => callbackStatus(callback),
    }),
    deliveryId: t.field({
      type: 'UUID',
      nullable: true,
      description: 'The webhook-id that every attempt carries; null before the batch has ended.',
      resolve: ({ delivery }) => delivery?.id ?? null,
    }),
    sentAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the last attempt began; null before the first.',
      resolve: ({ delivery }) => delivery?.sentAt ?? null,
    }),
    statusCode: t.int({
      nullable: true,
      description: 'What the last attempt was answered; null where it was not, or is under way.',
      resolve: ({ delivery }) => delivery?.statusCode ?? null,
    }),
    error: t.string({
      nullable: true,
      description: 'Why the last attempt does not count, for people; null where it does.',
      resolve: ({ delivery }) => delivery?.error ?? null,
    }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is tried next; null where nothing is left to try. redeliverCallback tries now.',
      resolve: ({ delivery }) => delivery?.dueAt ?? null,
    }),
    attempts: t.connection(
      {
        type: CallbackAttemptType,
        description: 'Every attempt, oldest first, those to tell of earlier ends included.',
        resolve: (callback, args, context) => callbackAttempts(callback, args, context),
      },
      CallbackAttemptConnection,
    ),
  }),
});

/** What callbacks are signed with. */
export const CallbackSecretType = builder.objectRef<CallbackSecretModel>('CallbackSecret').implement({
  description: "What your organization's callbacks are signed with, as Standard Webhooks has it.",
  fields: (t) => ({
    secret: t.exposeString('secret', {
      description:
        'The secret, `whsec_` and base64. Whoever has it can sign as this service: keep it as a password.',
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
    previousExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the secret before it signs beside it; null where none does.',
      resolve: ({ previousExpiresAt }) => previousExpiresAt,
    }),
  }),
});
