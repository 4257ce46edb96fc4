/** What becomes of that which providers keep of jobs, and the verb that has it deleted. */
import { BatchStateError, NotFoundError, ValidationError } from '../errors.ts';
import type { JobModel } from '../resolvers/job.ts';
import * as mutations from '../resolvers/mutations.ts';
import { builder } from './builder.ts';
import { ofJob } from './columns-asked.ts';
import { ProviderFilesStateType } from './enums.ts';
import { DeleteProviderFilesInput } from './inputs.ts';
import { JobErrorType } from './job.ts';
import { resultOf } from './mutation-result.ts';
import { BatchRef, JobRef } from './nodes.ts';

builder.objectFields(JobRef, (t) => ({
  providerFiles: t.field({
    type: ProviderFilesStateType,
    extensions: ofJob('providerFiles'),
    description:
      'What becomes of that which the provider keeps of it: see createBatch(deleteProviderFiles) and the mutation of that name.',
    resolve: (job: JobModel) => job.providerFiles,
  }),
  providerFilesDeletedAt: t.field({
    type: 'DateTime',
    nullable: true,
    extensions: ofJob('providerFilesDeletedAt'),
    description: 'When the provider deleted what it kept of it; null while it has not.',
    resolve: (job: JobModel) => job.providerFilesDeletedAt,
  }),
  providerFilesError: t.field({
    type: JobErrorType,
    nullable: true,
    extensions: ofJob('providerFilesError'),
    description: 'Why that is not deleted yet, or will not be; null where nothing stood against it.',
    resolve: (job: JobModel) => job.providerFilesError,
  }),
}));

builder.mutationFields((t) => ({
  deleteProviderFiles: t.field({
    type: builder.objectRef<mutations.BatchPayload>('DeleteProviderFilesPayload').implement({
      description: 'The provider is being asked.',
      fields: (p) => ({
        batch: p.field({
          type: BatchRef,
          description: 'The batch as it is now.',
          resolve: ({ batch }) => batch,
        }),
      }),
    }),
    description:
      'Has the provider of a batch that is over delete what it keeps of it, requests and results; what is here stays. Job.providerFiles tells what became of it, and an event PROVIDER_FILES_DELETED for each job. Safe to call again, also after a failure.',
    args: {
      input: t.arg({ type: DeleteProviderFilesInput, required: true, description: 'Which batch is meant.' }),
    },
    errors: resultOf('DeleteProviderFiles', [ValidationError, NotFoundError, BatchStateError]),
    resolve: (_root, args, context) => mutations.deleteProviderFiles(args, context),
  }),
}));
