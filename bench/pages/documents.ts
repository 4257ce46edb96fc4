/** The page that is measured: the newest 50 batches with their counts and jobs, as a list of batches shows them. */

const pageSize = 50;

/** Asks the service for it, after a cursor. */
export const ourPage = (after: string | null): string =>
  JSON.stringify({
    query: `query($first: Int!, $after: String) {
      batches(first: $first, after: $after) {
        edges { node {
          id uuid name status provider endpoint model createdAt updatedAt closedAt submittedAt completedAt
          counts { total pending submitted succeeded errored expired cancelled }
          jobs(first: 10) { edges { node {
            id number status provider model requestCount providerJobId providerStatus createdAt submittedAt completedAt } } }
        } }
        pageInfo { hasNextPage endCursor }
      }
    }`,
    variables: { first: pageSize, after },
  });

/** Asks PostGraphile for the same columns of the same rows. The organization is said, which those who are open to everybody need. */
export const postgraphilePage = (organizationId: string): string =>
  JSON.stringify({
    query: `query($first: Int!, $organizationId: UUID!) {
      allBatches(first: $first, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC], condition: { organizationId: $organizationId }) {
        edges { node {
          id rowId name status provider endpoint model createdAt updatedAt closedAt submittedAt completedAt
          total pending submitted succeeded errored expired cancelled
          jobsByBatchId(first: 10, orderBy: [NUMBER_ASC]) { edges { node {
            id number status provider model requestCount providerJobId providerStatus createdAt submittedAt completedAt } } }
        } }
        pageInfo { hasNextPage endCursor }
      }
    }`,
    variables: { first: pageSize, organizationId },
  });
