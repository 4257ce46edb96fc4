/**
 * What of an error a client may see. Our typed errors are public by construction; GraphQL's own errors speak of
 * the document only; everything else is a fault of ours, which is logged and shown as nothing but that.
 */
import { GraphQLError } from 'graphql';
import {
  AppError,
  ArgumentError,
  RateLimitedError,
  TooManySubscriptionsError,
  ValidationError,
} from '../errors.ts';
import type { Services } from '../services.ts';

/** The error as a client sees it. */
export function publicError(log: Services['log'], error: unknown): GraphQLError {
  const original = error instanceof GraphQLError ? originalOf(error) : error;
  if (original instanceof AppError) {
    return new GraphQLError(original.message, {
      ...(error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {}),
      extensions: {
        code: original.code,
        ...(original instanceof ArgumentError ? { argument: original.argument } : {}),
        ...(original instanceof ValidationError ? { issues: original.issues } : {}),
        ...limitExtensions(original),
      },
    });
  }
  if (error instanceof GraphQLError && original === undefined) return ofTheDocument(error);
  log.error({ err: original }, 'an operation failed by a fault of the service');
  return new GraphQLError('Something went wrong here. It was logged; please try again.', {
    ...(error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {}),
    extensions: { code: 'INTERNAL_SERVER_ERROR' },
  });
}

/** What a refusal for too much says beside: HTTP hears of it by its status, too. */
function limitExtensions(error: AppError): Record<string, unknown> {
  if (error instanceof TooManySubscriptionsError) return { limit: error.limit, http: { status: 429 } };
  if (!(error instanceof RateLimitedError)) return {};
  const { limit, retryAfterSeconds: retryAfter } = error;
  return { limit, retryAfter, http: { status: 429, headers: { 'retry-after': String(retryAfter) } } };
}

/**
 * GraphQL gives no code to what it says about variables and arguments, and the executor answers it with a 400
 * also to those who, by the specification, expect 200 for whatever could be read.
 */
function ofTheDocument(error: GraphQLError): GraphQLError {
  const { message, nodes, source, positions, path } = error;
  const { http, code = 'BAD_USER_INPUT', ...others } = error.extensions;
  const status = code === 'BAD_USER_INPUT' && typeof http === 'object' ? { spec: true, ...http } : http;
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    path,
    extensions: { ...others, code, ...(status === undefined ? {} : { http: status }) },
  });
}

/** What was thrown first; undefined where GraphQL itself made the error, also where it wrapped one of its own. */
export function originalOf(error: GraphQLError): unknown {
  const { originalError } = error;
  return originalError instanceof GraphQLError ? originalOf(originalError) : originalError;
}
