import type { Context } from '../context.ts';
import { listApiKeys } from '../resolvers/api-keys.ts';
import { listAudit } from '../resolvers/audit.ts';
import { budgetOf } from '../resolvers/budget.ts';
import { callbackSecret } from '../resolvers/callbacks.ts';
import { listCredentials } from '../resolvers/credentials.ts';
import { allowedProviders, organizationPlan, organizationQuotas } from '../resolvers/quotas.ts';
import { rateLimitOf } from '../resolvers/rate-limit.ts';
import { readTokenInUse } from '../resolvers/read-tokens.ts';
import { spendOf } from '../resolvers/spend.ts';
import { ApiKeyConnection, ApiKeyRef } from './api-key.ts';
import { AuditConnection, AuditEntryRef } from './audit.ts';
import { BudgetType } from './budget.ts';
import { builder } from './builder.ts';
import { CallbackSecretType } from './callback.ts';
import { CredentialConnection, CredentialRef } from './credential.ts';
import { QuotaType } from './quota.ts';
import { RateLimitType } from './rate-limit.ts';
import { ReadTokenRef } from './read-token.ts';
import { SpendType } from './spend.ts';

type ViewerModel = Context['viewer'];

/** The caller's organization. */
export const OrganizationType = builder.objectRef<ViewerModel>('Organization').implement({
  description:
    'The tenant that everything belongs to. A read token is told its id and its name, and no more.',
  authScopes: { key: true },
  fields: (t) => ({
    id: t.field({
      type: 'UUID',
      description: 'Its plain id.',
      skipTypeScopes: true,
      resolve: (viewer) => viewer.organizationId,
    }),
    name: t.string({
      description: 'What it is called.',
      skipTypeScopes: true,
      resolve: (viewer) => viewer.organizationName,
    }),
    plan: t.string({
      nullable: true,
      description: 'The plan that it is on; null where it is on none.',
      resolve: (_viewer, _args, context) => organizationPlan(context),
    }),
    quotas: t.field({
      type: [QuotaType],
      description:
        'How much it may have and how much of that it has, for each provider where it is by provider; at most 100.',
      resolve: (_viewer, _args, context) => organizationQuotas(context),
    }),
    allowedProviders: t.stringList({
      description: 'The names of the providers that it may use.',
      resolve: (_viewer, _args, context) => allowedProviders(context),
    }),
    apiKeys: t.connection(
      {
        type: ApiKeyRef,
        description:
          'Its keys, newest first, those that were revoked or have expired included; only for keys with the scope ADMIN.',
        authScopes: { admin: true },
        resolve: (_viewer, args, context) => listApiKeys(args, context),
      },
      ApiKeyConnection,
    ),
    credentials: t.connection(
      {
        type: CredentialRef,
        description:
          "The providers' credentials that it has brought, newest first, revoked ones included; only for keys with the scope ADMIN.",
        authScopes: { admin: true },
        resolve: (_viewer, args, context) => listCredentials(args, context),
      },
      CredentialConnection,
    ),
    audit: t.connection(
      {
        type: AuditEntryRef,
        description:
          'Who did what in it, newest first, as far as it is still kept; only for keys with the scope ADMIN.',
        authScopes: { admin: true },
        resolve: (_viewer, args, context) => listAudit(args, context),
      },
      AuditConnection,
    ),
    spend: t.field({
      type: [SpendType],
      extensions: { listSize: 1000 },
      description:
        'What its results cost, by day, provider and model, the oldest first: in this month so far where no days are named. What a deleted batch cost stays in it. At most 1,000 rows of at most 366 days; what is more is refused.',
      args: {
        from: t.arg({ type: 'Date', description: 'The first day; that of this month where left out.' }),
        to: t.arg({ type: 'Date', description: 'The last day, included; today where left out.' }),
      },
      resolve: (_viewer, args, context) => spendOf(args, context),
    }),
  }),
});

const ViewerType = builder.objectRef<ViewerModel>('Viewer').implement({
  description: 'Who is asking: the organization and the key that the request was signed with.',
  fields: (t) => ({
    organization: t.field({
      type: OrganizationType,
      description: 'The organization that you act for.',
      resolve: (viewer) => viewer,
    }),
    apiKey: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The key in use; null where a read token is.',
      resolve: ({ apiKey, grant }) => (grant === null ? apiKey : null),
    }),
    readToken: t.field({
      type: ReadTokenRef,
      nullable: true,
      description: 'The read token in use; null where a key is.',
      resolve: (viewer) => readTokenInUse(viewer),
    }),
    callbackSecret: t.field({
      type: CallbackSecretType,
      nullable: true,
      description:
        "What your organization's callbacks are signed with; only for keys with the scope ADMIN. Null before there is one: rotateCallbackSecret makes it, and so does the first callback.",
      authScopes: { admin: true },
      resolve: (_viewer, _args, context) => callbackSecret(context),
    }),
    budget: t.field({
      type: BudgetType,
      description:
        'What your organization may spend in this month, and what is used of it; not for read tokens.',
      authScopes: { key: true },
      resolve: (_viewer, _args, context) => budgetOf(context),
    }),
    rateLimit: t.field({
      type: RateLimitType,
      description: 'How much you may still ask for in this minute, this operation included.',
      resolve: (viewer, _args, context) => rateLimitOf(viewer, context),
    }),
    sandbox: t.boolean({
      description: 'Whether this service answers from emulators, so that nothing is sent or paid.',
      resolve: (_viewer, _args, { sandbox }) => sandbox,
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    description: 'Who you are. Ask this first to see that your key works.',
    resolve: (_root, _args, { viewer }) => viewer,
  }),
);
