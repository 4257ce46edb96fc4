/** `GET /batches/<uuid>`: a batch as plain JSON, for those who follow its `url` without GraphQL. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { graphql } from 'graphql';
import { createContext } from '../context.ts';
import { isUuid } from '../domain/ids.ts';
import { schema } from '../schema/index.ts';
import type { ApiOptions } from './graphql.ts';
import { answerJson } from './plain-answer.ts';
import { signInPlain } from './plain-sign-in.ts';

const document = `query Batch($id: ID!) {
  batch(id: $id) {
    id uuid url name status provider sandbox endpoint model completionWindow metadata progress version attempt bytes
    counts { total pending submitted succeeded errored expired cancelled }
    usage { inputTokens outputTokens cachedInputTokens cacheWriteInputTokens reasoningTokens }
    error { code message }
    callback { url status deliveryId sentAt statusCode error nextAttemptAt }
    createdAt updatedAt closedAt submittedAt inProgressAt finalizingAt completedAt failedAt expiresAt expiredAt
    cancellingAt cancelledAt resultsExpireAt deleteProviderFiles resultsKeptUntil resultsRemovedAt lastSyncedAt nextSyncAt expectedCompletion reserved inputUrl outputUrl errorUrl
  }
}`;

/** Answers the batch, 401 or 404; false for other paths. */
export async function answerBatch(
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
): Promise<boolean> {
  const [, id] = /^\/batches\/([^/?]+)(?:\?.*)?$/.exec(request.url ?? '') ?? [];
  if (id === undefined || request.method !== 'GET') return false;
  const viewer = await signInPlain(request, response, options);
  if (viewer === null) return true;
  const { services, sandbox, origin } = options;
  const contextValue = createContext({ services, sandbox, origin: origin(), viewer });
  const answer = isUuid(id)
    ? await graphql({ schema, source: document, variableValues: { id }, contextValue })
    : null;
  if (answer?.errors !== undefined) throw answer.errors[0];
  const batch = answer?.data?.['batch'] ?? null;
  if (batch !== null) answerJson(response, 200, batch);
  else
    answerJson(response, 404, { error: { code: 'NOT_FOUND', message: 'There is no batch with this id.' } });
  return true;
}
