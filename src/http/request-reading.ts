/**
 * What cannot be read is its sender's to put right. Yoga's readers of requests throw what they happen to run into, which
 * would count as a fault of the service; and they repeat what was sent, which may be a key. How each kind of request is
 * read is theirs.
 */
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';

/** Answers requests that cannot be read with 400, or the status that is known for it. */
export const requestReadingPlugin: Plugin = {
  onRequestParse({ requestParser, setRequestParser }) {
    if (requestParser === undefined) return;
    setRequestParser(async (request) => {
      try {
        return await requestParser(request);
      } catch (error) {
        if (request.signal.aborted) throw error;
        throw unreadable(error);
      }
    });
  },
};

function unreadable(error: unknown): GraphQLError {
  const known = error instanceof GraphQLError ? error : null;
  const { http, code = 'BAD_REQUEST' } = known?.extensions ?? {};
  const status = Object(http).status ?? 400;
  return new GraphQLError(known?.message ?? 'The request cannot be read.', {
    extensions: { code, http: { status } },
  });
}
