/**
 * The example operations in GraphiQL's tabs, to be run from left to right: what there is to read, then the life
 * of a batch from its first request to its end. Which batches they are about is handed in. Where a kind of batch
 * is missing, the tabs that need one make one instead.
 */

import * as adminOperations from './graphiql-admin-operations.ts';
import type { ExampleBatches } from './graphiql-batches.ts';
import * as operations from './graphiql-operations.ts';

/** What stands in a tab: an operation, and its variables as JSON. */
export interface GraphiqlTab {
  readonly query: string;
  readonly variables: string;
}

/** The tabs, from left to right. Null instead of batches: no sandbox, so that key and ids are the visitor's. */
export function graphiqlTabs(batches: ExampleBatches | null): GraphiqlTab[] {
  const { sent, open, failed, told, spare } = batches ?? blanks;
  const hint = batches === null ? '# First put in your key (Headers) and ids (Variables).\n' : '';
  const tab = (query: string, variables: unknown = {}): GraphiqlTab => ({
    query: hint + query,
    variables: JSON.stringify(variables, null, 2),
  });
  const about = (id: string | null, query: string, variables: (id: string) => unknown): GraphiqlTab =>
    id === null
      ? tab(operations.oneMore, { input: { ...newBatch, submit: 'MANUAL' } })
      : tab(query, variables(id));
  return [
    tab(operations.whoAmI),
    tab(operations.batchList, { first: 10 }),
    about(sent, operations.batchInDepth, (id) => ({ id })),
    tab(operations.createBatch, { input: newBatch }),
    tab(operations.batchesUpdated),
    about(open, operations.addRequests, (batchId) => ({
      input: { batchId, requests: { list: [poem('a lighthouse')] } },
    })),
    about(open, operations.createUpload, (batchId) => ({ input: { batchId } })),
    about(open ?? sent, operations.updateBatch, (batchId) => ({
      input: { batchId, name: 'Poems, renamed', metadata: { team: 'verse' } },
    })),
    about(open, operations.submitBatch, (batchId) => ({ input: { batchId } })),
    about(open ?? sent, operations.batchUpdated, (id) => ({ id })),
    about(open ?? sent, operations.itemsFinished, (batchId) => ({ batchId })),
    about(open ?? sent, operations.syncBatch, (batchId) => ({ input: { batchId } })),
    about(open ?? sent, operations.cancelBatch, (batchId) => ({ input: { batchId } })),
    about(failed ?? open ?? sent, operations.retryBatch, (batchId) => ({ input: { batchId } })),
    tab(adminOperations.createApiKey, { input: { name: 'A dashboard', scope: 'READ' } }),
    about(sent, adminOperations.createReadToken, (id) => ({
      input: { batches: { ids: [id] }, expiresInSeconds: 900 },
    })),
    tab(adminOperations.rotateCallbackSecret, { input: { graceHours: 24 } }),
    about(told ?? open ?? sent, operations.redeliverCallback, (batchId) => ({ input: { batchId } })),
    tab(adminOperations.setBudget, { input: { limit: '250.00' } }),
    tab(adminOperations.setQuotas, { input: { activeBatches: 1000 } }),
    about(spare, operations.deleteBatch, (batchId) => ({ input: { batchId } })),
  ];
}

const blank = 'paste the id of a batch here';
const blanks: ExampleBatches = { sent: blank, open: blank, failed: blank, told: blank, spare: blank };

const poem = (about: string) => ({
  body: { messages: [{ role: 'user', content: `Write one line about ${about}.` }] },
});

const newBatch = {
  provider: 'openai',
  name: 'Poems',
  model: 'gpt-5-mini',
  submit: 'NOW',
  requests: { list: ['the sea', 'a train at night', 'the first snow'].map(poem) },
};
