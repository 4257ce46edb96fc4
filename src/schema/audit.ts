import { apiKeyOf } from '../resolvers/api-keys.ts';
import { globalId } from '../resolvers/arguments.ts';
import { type AuditModel, auditedBatch } from '../resolvers/audit.ts';
import { credentialOf } from '../resolvers/credentials.ts';
import { ApiKeyRef } from './api-key.ts';
import { builder } from './builder.ts';
import { CredentialRef } from './credential.ts';
import { BatchRef } from './nodes.ts';

/** Something that was done, or tried. */
export const AuditEntryRef = builder.objectRef<AuditModel>('AuditEntry').implement({
  description:
    'One call that could change something: who made it, when, and what it came to. Never what it said.',
  fields: (t) => ({
    id: t.field({ type: 'UUID', description: 'Its plain id.', resolve: ({ id }) => id }),
    at: t.field({ type: 'DateTime', description: 'When the call came.', resolve: ({ at }) => at }),
    verb: t.exposeString('verb', {
      description:
        'The mutation, by its name: `cancelBatch`. The command line uses the same words, and createOrganization.',
    }),
    outcome: t.exposeString('outcome', {
      description:
        '`OK`, also where nothing was left to do; else the code of the error that stood against it, and nothing was done.',
    }),
    apiKey: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The key that made the call; null where the command line on the host did.',
      resolve: ({ apiKeyId }, _args, context) => apiKeyOf(apiKeyId, context),
    }),
    batchId: t.id({
      nullable: true,
      description:
        'The global id of the batch that it named or made, also where there is no such batch; null for none.',
      resolve: ({ batchId }) => (batchId === null ? null : globalId('Batch', batchId)),
    }),
    batch: t.field({
      type: BatchRef,
      nullable: true,
      description: 'The batch that it was about; null for none, and once it is deleted.',
      resolve: (entry, _args, context) => auditedBatch(entry, context),
    }),
    jobId: t.id({
      nullable: true,
      description: 'The global id of the job that it named or made; null for none.',
      resolve: ({ jobId }) => (jobId === null ? null : globalId('Job', jobId)),
    }),
    subjectKey: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The key that it made or took back; null for none.',
      resolve: ({ subjectKeyId }, _args, context) => apiKeyOf(subjectKeyId, context),
    }),
    credential: t.field({
      type: CredentialRef,
      nullable: true,
      description: 'The credential that it named, added or revoked; null for none.',
      resolve: ({ credentialId }, _args, context) => credentialOf(credentialId, context),
    }),
  }),
});

/** A connection of entries. */
export const AuditConnection = builder.connectionObject(
  { type: AuditEntryRef, name: 'AuditConnection', description: 'A page of what was done.' },
  { name: 'AuditEdge', description: 'An entry and its place in the list.' },
);
