/**
 * GraphQL over HTTP: queries and mutations by POST, subscriptions as server-sent events.
 * Owns who may ask and what errors look like; what is answered is the schema's.
 */
import type { IncomingMessage } from 'node:http';
import { GraphQLError } from 'graphql';
import { createYoga, type GraphQLParams, type Plugin } from 'graphql-yoga';
import { type Context, createContext } from '../context.ts';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { AppError, UnauthenticatedError } from '../errors.ts';
import { noMeter } from '../meter.ts';
import { schema } from '../schema/index.ts';
import type { Services } from '../services.ts';
import { signIn } from '../sign-in.ts';
import { type ClientAddress, peerAddress } from './client-address.ts';
import { createDocumentCache } from './defences/document-cache.ts';
import { type Defences, defencesPlugin, usualDefences } from './defences/plugin.ts';
import { endWithKey } from './end-with-key.ts';
import type { KeyWatch } from './key-watch.ts';
import { measuringPlugin } from './measuring.ts';
import { plannedExecution } from './planned/plugin.ts';
import { publicError } from './public-error.ts';
import { chargeOperation, chargeRequest, rateLimitPlugin } from './rate-limiting.ts';
import { requestReadingPlugin } from './request-reading.ts';
import { sharedExecution } from './shared-execution.ts';

/** Where GraphQL is served. */
export const graphqlPath = '/graphql';

/** What the API needs to know of its process, beside the services. */
export interface ApiOptions {
  readonly services: Services;
  readonly sandbox: boolean;
  /** The origin that URLs handed out begin with. */
  readonly origin: () => string;
  readonly corsOrigins: readonly string[];
  /** Where a request comes from; from whom the connection is, where left out. */
  readonly clientAddress?: ClientAddress;
  /** A key that GraphiQL arrives with; only in the sandbox. */
  readonly sandboxKey: string | null;
  /** What may be asked; the usual where left out. */
  readonly defences?: Defences;
  /** Whether the page is served by which people ask; it is where left out. */
  readonly graphiql?: boolean;
}

/** What travels with a request from its transport to the context. */
export interface Transported {
  /** The request as node has it; absent where it came by another way than node's server. */
  readonly req?: IncomingMessage;
  /** Set by a transport that signs in by itself (WebSocket), else by the plugin below. */
  viewer?: SignedInKey;
  /** What the request says beside its document. */
  params?: GraphQLParams;
}

/** The GraphQL server, to be given requests. */
export type GraphqlApi = ReturnType<typeof createGraphqlApi>;

// A multipart request has boundaries and the operation around the file.
const envelopeBytes = 1_000_000;

/** Makes the GraphQL server; its streams end with their keys. */
export function createGraphqlApi(options: ApiOptions, keys: KeyWatch) {
  const { services, origin, sandbox, defences = usualDefences } = options;
  return createYoga<Transported, Context>({
    schema,
    graphqlEndpoint: graphqlPath,
    landingPage: false,
    logging: false,
    batching: false,
    maxRequestBodySize: services.settings.bodyBytesMax + envelopeBytes,
    // Ours is in cross-origin.ts; Yoga's takes an empty list of origins for all of them.
    cors: false,
    // Ours is in graphiql.ts; Yoga's would be loaded from another machine.
    graphiql: false,
    maskedErrors: { maskError: (error) => publicError(services.log, error) },
    extraParamNames: ['documentId'],
    // Yoga's would keep a thousand documents of any size for an hour, and as many errors.
    parserAndValidationCache: {
      documentCache: createDocumentCache(),
      errorCache: { get: () => undefined, set: () => undefined },
    },
    plugins: [
      requestReadingPlugin,
      signInPlugin(options),
      sharedExecution(services.log),
      plannedExecution(),
      defencesPlugin(defences, chargeOperation),
      rateLimitPlugin(services),
      endWithKey(keys),
      ...(services.meter === noMeter ? [] : [measuringPlugin(services.meter)]),
    ],
    context: ({ viewer }) => {
      if (viewer === undefined) throw unauthenticated();
      return createContext({ services, viewer, sandbox, origin: origin() });
    },
  });
}

/** Refuses an operation without a good key before any of it is read. */
function signInPlugin({ services, sandbox, clientAddress = peerAddress }: ApiOptions): Plugin<Transported> {
  return {
    async onParams({ request, context, setResult }) {
      const transported: Transported = context;
      try {
        const { req } = transported;
        const address = req === undefined ? null : clientAddress(req);
        const viewer = await signIn(services, Object.fromEntries(request.headers), sandbox, address);
        if (viewer === null) return setResult({ errors: [unauthenticated()] });
        transported.viewer = viewer;
        await chargeRequest(services, viewer);
      } catch (error) {
        if (error instanceof AppError) setResult({ errors: [publicError(services.log, error)] });
        else setResult({ errors: [nothingDone(publicError(services.log, error))] });
      }
    },
  };
}

/** A fault before anything was executed: the status may then say it too, for those who look no further. */
const nothingDone = ({ message, extensions }: GraphQLError): GraphQLError =>
  new GraphQLError(message, { extensions: { ...extensions, http: { status: 500 } } });

const unauthenticated = (): GraphQLError => {
  const { code, message } = new UnauthenticatedError();
  return new GraphQLError(message, {
    extensions: { code, http: { status: 401, headers: { 'www-authenticate': 'Bearer' } } },
  });
};
