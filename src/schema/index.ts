import './scalars.ts';
import './errors.ts';
import './viewer.ts';
import './nodes.ts';
import './item.ts';
import './job.ts';
import './batch.ts';
import './batch-downloads.ts';
import './provider.ts';
import './dry-run.ts';
import './mutations.ts';
import './provider-files.ts';
import './upload.ts';
import './key-mutations.ts';
import './quota-mutations.ts';
import './read-token.ts';
import './credential-mutations.ts';
import './budget.ts';
import './subscriptions.ts';
import { builder } from './builder.ts';

/** The executable schema, with everything registered. */
export const schema = builder.toSchema();
