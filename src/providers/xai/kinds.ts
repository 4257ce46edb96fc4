/**
 * What a request is called inside a batch. The vendor wraps each body in a member named after the call that it stands
 * for; everywhere else a request names an endpoint.
 */

const kinds: ReadonlyArray<readonly [endpoint: string, kind: string]> = [
  ['/v1/chat/completions', 'chat_get_completion'],
  ['/v1/responses', 'responses'],
  ['/v1/images/generations', 'image_generation'],
];

/** The member that a body for this endpoint is wrapped in. An endpoint that is not the provider's is a mistake of ours. */
export function kindOf(endpoint: string): string {
  const kind = kinds.find(([known]) => known === endpoint)?.[1];
  if (kind === undefined) throw new Error(`${endpoint} is no endpoint of the Batch API.`);
  return kind;
}

/** The endpoint that a wrapper stands for; null for one that is not known here. */
export const endpointOf = (kind: string): string | null =>
  kinds.find(([, known]) => known === kind)?.[0] ?? null;
