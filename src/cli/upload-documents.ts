/** What `batchql upload` asks of the API. */

/** Makes the URL. */
export const createUploadDocument = `mutation($input: CreateUploadInput!) {
  createUpload(input: $input) {
    ... on CreateUploadPayload { url upload { id } batch { id uuid } }
    ... on Error { message }
    ... on ValidationError { issues { message } }
  }
}`;

/** What has become of a file. */
export const uploadDocument = `query($id: ID!) { node(id: $id) { ... on Upload { status } } }`;

/** Removes the batch that was made for a file that did not go in. */
export const deleteBatchDocument = `mutation($input: DeleteBatchInput!) {
  deleteBatch(input: $input) { __typename }
}`;
