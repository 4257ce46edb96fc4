/** The texts of the example operations in GraphiQL's tabs. Their lines fit the width of its editor. */

/** Query.viewer and Query.providers. */
export const whoAmI = `# Who am I, and which providers are there? Run this with
# Ctrl-Enter, and then the other tabs from left to right.
query WhoAmI {
  viewer {
    organization { name }
    apiKey { name scope }
    sandbox
  }
  providers {
    name
    title
    mode
    endpoints
    completionWindows
    capabilities { cancel liveCounts partialResults }
    limits { requestsMax bytesMax }
  }
}
`;

/** Query.batches. */
export const batchList = `# Your batches, newest first. For the next page give the
# endCursor of this one as "after".
query Batches($first: Int!, $after: String) {
  batches(first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges {
      node {
        uuid
        name
        provider
        status
        progress
        counts { total succeeded errored }
        createdAt
      }
    }
  }
}
`;

/** Query.batch, with nearly everything below it. */
export const batchInDepth = `# One batch in depth: counts, tokens, what failed, jobs at
# the provider, the first answers, and what happened.
query BatchInDepth($id: ID!) {
  batch(id: $id) {
    name
    status
    progress
    counts { total pending submitted succeeded errored }
    usage { inputTokens outputTokens }
    errorGroups { code count message }
    jobs(first: 5) {
      edges {
        node {
          number
          status
          providerStatus
          requestCount
          counts { succeeded errored }
          error { code message }
        }
      }
    }
    items(first: 3) {
      edges {
        node {
          customId
          status
          text
          error { code message }
        }
      }
    }
    events(last: 5) {
      edges { node { seq kind at data } }
    }
    outputUrl
  }
}
`;

/** What every mutation answers instead of its payload when something stands against it. */
export const errorMembers = `    ... on Error { code message }
    ... on ValidationError { issues { path line message } }`;

/** Mutation.createBatch. */
export const createBatch = `# Make a batch and send it at once; the next tab shows it
# move. In the sandbox an emulator answers, for nothing.
mutation CreateBatch($input: CreateBatchInput!) {
  createBatch(input: $input) {
    ... on CreateBatchPayload {
      batch { uuid status counts { total submitted } }
    }
${errorMembers}
  }
}
`;

/** Mutation.createBatch, in place of an operation that has no batch to be about. */
export const oneMore = `# The batch that this tab was about is gone. Make another
# open one and reload the page: then the tab is back.
${createBatch.slice(createBatch.indexOf('mutation')).replace('CreateBatch', 'OneMoreBatch')}`;

/** Subscription.batchesUpdated. */
export const batchesUpdated = `# All batches, live, from now on: what keeps a list fresh.
# To reconnect, give the newest cursor as "after".
subscription BatchesUpdated($after: String) {
  batchesUpdated(after: $after) {
    cursor
    kind
    batchId
    batch {
      uuid
      name
      status
      progress
      counts { total succeeded errored }
    }
  }
}
`;

/** Mutation.addRequests. */
export const addRequests = `# Add requests to an open batch. Nothing is sent yet.
mutation AddRequests($input: AddRequestsInput!) {
  addRequests(input: $input) {
    ... on AddRequestsPayload {
      batch { uuid status counts { total pending } }
    }
${errorMembers}
  }
}
`;

/** Mutation.createUpload. */
export const createUpload = `# A URL that takes a whole file of requests, of any size:
# curl -T requests.jsonl "<url>"
mutation CreateUpload($input: CreateUploadInput!) {
  createUpload(input: $input) {
    ... on CreateUploadPayload {
      url
      upload { id status expiresAt }
    }
${errorMembers}
  }
}
`;

/** Mutation.updateBatch. */
export const updateBatch = `# Change the name of a batch and what is attached to it.
mutation UpdateBatch($input: UpdateBatchInput!) {
  updateBatch(input: $input) {
    ... on UpdateBatchPayload {
      batch { uuid name metadata }
    }
${errorMembers}
  }
}
`;

/** Mutation.submitBatch. */
export const submitBatch = `# Close the open batch and send it; a second call sends
# nothing twice. The next tabs show what becomes of it.
mutation SubmitBatch($input: SubmitBatchInput!) {
  submitBatch(input: $input) {
    ... on SubmitBatchPayload {
      batch { uuid status closedAt }
    }
${errorMembers}
  }
}
`;

/** Subscription.batchUpdated. */
export const batchUpdated = `# That batch, live: its state now, then every change until
# its end. To reconnect, give the newest seq as "after".
subscription BatchUpdated($id: ID!, $after: Int) {
  batchUpdated(id: $id, after: $after) {
    seq
    kinds
    at
    batch {
      status
      progress
      nextSyncAt
      counts { total submitted succeeded errored }
    }
  }
}
`;

/** Subscription.batchItemsFinished. */
export const itemsFinished = `# Its items with their answers, as they finish. To
# reconnect, give the newest cursor as "after".
subscription ItemsFinished($batchId: ID!, $after: String) {
  batchItemsFinished(batchId: $batchId, after: $after) {
    cursor
    items { customId status text error { code message } }
  }
}
`;

/** Mutation.syncBatch. */
export const syncBatch = `# Ask the provider about it now, before the next poll.
mutation SyncBatch($input: SyncBatchInput!) {
  syncBatch(input: $input) {
    ... on SyncBatchPayload {
      settled
      batch { uuid status progress lastSyncedAt }
    }
${errorMembers}
  }
}
`;

/** Mutation.cancelBatch. */
export const cancelBatch = `# Stop what has not been computed yet. What is done is
# kept, and a batch that has ended is answered as it is.
mutation CancelBatch($input: CancelBatchInput!) {
  cancelBatch(input: $input) {
    ... on CancelBatchPayload {
      batch { uuid status counts { succeeded cancelled } }
    }
${errorMembers}
  }
}
`;

/** Mutation.retryBatch. */
export const retryBatch = `# Send again what failed, expired or was cancelled, as soon
# as that is over. What has an answer stays as it is.
mutation RetryBatch($input: RetryBatchInput!) {
  retryBatch(input: $input) {
    ... on RetryBatchPayload {
      attempt
      requests
      batch { uuid status counts { pending succeeded errored } }
    }
${errorMembers}
  }
}
`;

/** Mutation.redeliverCallback. */
export const redeliverCallback = `# Call the callbackUrl of a batch that has ended again, now.
# Run it twice to see what the first call came to.
mutation RedeliverCallback($input: RedeliverCallbackInput!) {
  redeliverCallback(input: $input) {
    ... on RedeliverCallbackPayload {
      batch {
        uuid
        callback {
          url
          status
          attempts(last: 3) { edges { node { number startedAt statusCode error } } }
        }
      }
    }
${errorMembers}
  }
}
`;

/** Mutation.deleteBatch. */
export const deleteBatch = `# Remove another batch with its requests and results, for
# good. One that is at work is refused: cancel it first.
mutation DeleteBatch($input: DeleteBatchInput!) {
  deleteBatch(input: $input) {
    ... on DeleteBatchPayload {
      deletedBatchId
    }
${errorMembers}
  }
}
`;
