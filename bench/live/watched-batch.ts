/** A service that only answers callers, with a batch that is changed and watched. */
import type { Bench } from '../bench.ts';

const query = `subscription($id: ID!) { batchUpdated(id: $id) { fromSeq seq kind kinds resync at
  batch { id uuid name status progress version counts { total pending submitted succeeded errored expired cancelled }
    createdAt updatedAt jobs(first: 10) { edges { node { id number status } } } } } }`;

const rename = `mutation($input: UpdateBatchInput!) { updateBatch(input: $input) {
  ... on UpdateBatchPayload { batch { version } } } }`;

/** Starts the service and makes the batch; `task` is what subscribers of it are told. */
export async function watchedBatch(bench: Bench) {
  const database = await bench.database();
  const service = await bench.service({
    databaseUrl: database.url,
    // A change after the other, each as soon as the one before was told.
    settings: { EVENTS_PER_SECOND_MAX: '1000' },
    args: ['--role', 'api'],
  });
  const made = await service.query(
    `mutation { createBatch(input: { provider: "openai" }) { ... on CreateBatchPayload { batch { id } } } }`,
  );
  const { id } = (made['createBatch'] as { batch: { id: string } }).batch;
  return {
    database,
    service,
    id,
    task: {
      url: `${service.url.replace('http', 'ws')}/graphql`,
      databaseUrl: database.url,
      key: service.key,
      query,
      variables: { id },
    },
    rename: (name: string) => service.query(rename, { input: { batchId: id, name } }),
  };
}
