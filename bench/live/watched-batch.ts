/** A service that only answers callers, with a batch that is watched there, and another process of it that makes changes. */
import type { Bench } from '../bench.ts';

const query = `subscription($id: ID!) { batchUpdated(id: $id) { fromSeq seq kind kinds resync at
  batch { id uuid name status progress version counts { total pending submitted succeeded errored expired cancelled }
    createdAt updatedAt jobs(first: 10) { edges { node { id number status } } } } } }`;

const rename = `mutation($input: UpdateBatchInput!) { updateBatch(input: $input) {
  ... on UpdateBatchPayload { batch { version } } } }`;

/** A batch, and a change of it. */
interface ChangingBatch {
  readonly id: string;
  /** As notifications name it. */
  readonly uuid: string;
  rename(name: string): Promise<unknown>;
}

/** Starts both and makes two batches: one that the service's subscribers are told of by `task`, and one that nobody follows. */
export async function watchedBatch(bench: Bench) {
  const database = await bench.database();
  const options = {
    databaseUrl: database.url,
    // A change after the other, each as soon as the one before was told.
    settings: { EVENTS_PER_SECOND_MAX: '1000' },
    args: ['--role', 'api'],
  };
  const service = await bench.service(options);
  const changing = await bench.service(options);
  const batch = async (): Promise<ChangingBatch> => {
    const made = await changing.query(
      `mutation { createBatch(input: { provider: "openai" }) { ... on CreateBatchPayload { batch { id uuid } } } }`,
    );
    const { id, uuid } = (made['createBatch'] as { batch: { id: string; uuid: string } }).batch;
    return { id, uuid, rename: (name) => changing.query(rename, { input: { batchId: id, name } }) };
  };
  const watched = await batch();
  return {
    database,
    service,
    watched,
    unwatched: await batch(),
    task: {
      url: `${service.url.replace('http', 'ws')}/graphql`,
      databaseUrl: database.url,
      key: service.key,
      query,
      batch: watched.uuid,
      variables: { id: watched.id },
    },
  };
}
