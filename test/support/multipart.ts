/** Sends a file with a mutation, as browsers do: the GraphQL multipart request specification over real HTTP. */
import { sandboxKey } from '../../src/first-keys.ts';
import { mutationDocument } from './mutations.ts';
import type { GraphqlAnswer, TestService } from './service.ts';

/** A mutation whose `input.requests.file` is these bytes. */
export interface FileMutation {
  readonly name: 'createBatch' | 'addRequests';
  readonly input: Record<string, unknown>;
  readonly content: string | Uint8Array<ArrayBuffer>;
  readonly key?: string;
}

/** The whole answer, and the HTTP status that it came with. */
export async function mutateWithFile(
  service: Pick<TestService, 'url'>,
  { name, input, content, key = sandboxKey }: FileMutation,
): Promise<GraphqlAnswer & { readonly status: number }> {
  const form = new FormData();
  const variables = { input: { ...input, requests: { file: null } } };
  form.set('operations', JSON.stringify({ query: mutationDocument(name), variables }));
  form.set('map', JSON.stringify({ file: ['variables.input.requests.file'] }));
  form.set('file', new File([content], 'requests.jsonl', { type: 'application/jsonl' }));
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  return { ...((await response.json()) as GraphqlAnswer), status: response.status };
}
