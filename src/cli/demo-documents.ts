/** The demo's two operations; both work as they stand in GraphiQL. */

/** Makes the batch. */
export const createDemoBatchDocument = `mutation Classify($input: CreateBatchInput!) {
  createBatch(input: $input) {
    ... on CreateBatchPayload { batch { id } }
    ... on Error { message }
  }
}`;

/** Follows it. */
export const batchUpdatedDocument = `subscription Follow($id: ID!) {
  batchUpdated(id: $id) {
    seq
    batch {
      status
      progress
      counts { pending submitted succeeded errored expired cancelled }
      jobs(first: 100) { edges { node { counts { succeeded errored } } } }
      outputUrl
      errorUrl
    }
  }
}`;

/** What the subscription tells. */
export interface BatchChange {
  readonly batchUpdated: {
    readonly batch: {
      readonly status: string;
      readonly progress: number;
      readonly counts: Readonly<Record<string, number>>;
      readonly jobs: {
        readonly edges: readonly {
          readonly node: { readonly counts: { readonly succeeded: number | null } };
        }[];
      };
      readonly outputUrl: string | null;
      readonly errorUrl: string | null;
    };
  };
}
