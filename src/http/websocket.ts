/**
 * GraphQL over WebSocket, by the graphql-transport-ws protocol, on the same path and through the same pipeline
 * as HTTP. Signs in when the connection is initialised; a connection without a good key is closed with 4403, also
 * when the key stops being one.
 */
import type { Server } from 'node:http';
import { type DocumentNode, type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { type GraphQLParams, isAsyncIterable } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import type { Context } from '../context.ts';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { RateLimitedError } from '../errors.ts';
import { signIn } from '../sign-in.ts';
import { peerAddress } from './client-address.ts';
import { type ConnectionStreams, createConnectionStreams } from './connection-streams.ts';
import { mayOpenSocket } from './cross-origin.ts';
import { documentOf } from './defences/persisted.ts';
import { usualDefences } from './defences/plugin.ts';
import { type Connection, sendingDirectly } from './direct-sending.ts';
import { type ApiOptions, type GraphqlApi, graphqlPath } from './graphql.ts';
import type { KeyWatch } from './key-watch.ts';
import { publicError } from './public-error.ts';
import { chargeRequest } from './rate-limiting.ts';
import { unwrappedResults } from './shared-execution.ts';
import { refuseWrongWay } from './wrong-way-messages.ts';

/** The WebSocket side of the server. */
export interface WebSocketApi {
  /** Tells every client to go elsewhere (1001), and cuts off those that have not gone after `graceSeconds`. */
  close(graceSeconds: number): Promise<void>;
}

/** How often a client is asked for a sign of life; one that has not answered by the next time is cut off. */
const usualKeepAliveMilliseconds = 12_000;

type SocketOptions = Pick<
  ApiOptions,
  'services' | 'sandbox' | 'corsOrigins' | 'origin' | 'defences' | 'clientAddress'
>;

interface Extra extends Record<PropertyKey, unknown> {
  viewer?: SignedInKey;
  /** Stops watching the connection's key, and counting it. */
  letGo?: () => void;
  streams?: ConnectionStreams;
}

/** Serves WebSocket connections of `server`. */
export function serveWebSocket(
  server: Server,
  api: GraphqlApi,
  {
    services,
    sandbox,
    keys,
    corsOrigins,
    origin,
    clientAddress = peerAddress,
    defences: { documents } = usualDefences,
  }: SocketOptions & { readonly keys: KeyWatch },
  keepAliveMilliseconds = usualKeepAliveMilliseconds,
): WebSocketApi {
  const sockets = new WebSocketServer({
    server,
    path: graphqlPath,
    maxPayload: services.settings.bodyBytesMax,
    verifyClient: ({ req }, answer) => answer(mayOpenSocket(req, corsOrigins, origin()), 403),
  });
  const { dispose } = useServer<Record<string, unknown>, Extra>(
    {
      // The reason for a closing is public, so it must not be the text of whatever went wrong.
      isProd: true,
      async onConnect({ connectionParams, extra }) {
        const { socket } = extra;
        try {
          const address = clientAddress(extra.request);
          const viewer = await signIn(services, lowerCased(connectionParams), sandbox, address);
          if (viewer === null) return false;
          // One that has gone meanwhile would be watched and counted for good.
          if (socket.readyState !== socket.OPEN) return false;
          const uncount = services.rates.connections.open(viewer.apiKeyId);
          if (uncount === null) {
            socket.close(tryAgainLater, 'TOO_MANY_CONNECTIONS');
            return false;
          }
          extra.viewer = viewer;
          extra.streams = createConnectionStreams();
          const unwatch = keys.watch(viewer, () => socket.close(CloseCode.Forbidden, 'Forbidden'));
          extra.letGo = () => {
            unwatch();
            uncount();
          };
          return true;
        } catch (error) {
          if (error instanceof RateLimitedError) {
            socket.close(tryAgainLater, error.code);
            return false;
          }
          services.log.error({ err: error }, 'nobody can sign in, by a fault of the service');
          // Not 4403 or 4500, after which clients give up.
          socket.close(tryAgainLater);
          return false;
        }
      },
      onClose({ extra }) {
        extra.letGo?.();
        extra.streams?.end();
      },
      async onSubscribe({ extra }, id, payload) {
        const { viewer, streams } = extra;
        const { operationName, variables } = payload;
        if (viewer === undefined || streams === undefined)
          throw new Error('an operation comes only after its connection was accepted');
        const { schema, execute, subscribe, contextFactory, parse, validate } = api.getEnveloped({
          viewer,
          params: payload as GraphQLParams,
        });
        try {
          await chargeRequest(services, viewer);
        } catch (error) {
          return [publicError(services.log, error)];
        }
        const query = documentOf(payload, documents);
        if (query instanceof GraphQLError) return [query];
        let document: DocumentNode;
        try {
          document = parse(query);
        } catch (error) {
          if (error instanceof GraphQLError) return [unreadable(error)];
          throw error;
        }
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
        return {
          schema,
          document,
          operationName,
          variableValues: variables,
          contextValue: await contextFactory(),
          rootValue: {
            execute,
            subscribe,
            streams,
            connection: { socket: extra.socket, below: extra.request.socket },
            id,
          },
        };
      },
      execute: (args) => pipelineOf(args).execute(args),
      subscribe: async (args) => {
        const { subscribe, streams, connection, id } = pipelineOf(args);
        const result: ExecutionResult | AsyncIterableIterator<ExecutionResult> = await subscribe(args);
        if (!isAsyncIterable(result)) return result;
        const plain = unwrappedResults(args.contextValue as Context);
        const stream = plain === null ? result : sendingDirectly({ layered: result, plain }, connection, id);
        return streams.keep<ExecutionResult>(stream);
      },
      onError: (_context, _id, _payload, errors) => errors.map(withoutHttp),
      onNext(_context, _id, _payload, _args, { data, errors }) {
        if (errors === undefined) return;
        return { ...(data === undefined ? {} : { data }), errors: errors.map(withoutHttp) };
      },
    },
    sockets,
    keepAliveMilliseconds,
  );
  sockets.on('connection', (socket) => {
    refuseWrongWay(socket);
    // In place of the library's listener, which writes to the console; ws closes the connection by itself.
    socket.removeAllListeners('error');
    socket.on('error', (error) => services.log.info({ err: error }, 'a WebSocket connection broke'));
  });
  return {
    async close(graceSeconds) {
      const patience = setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, graceSeconds * 1000);
      await dispose();
      clearTimeout(patience);
    },
  };
}

/** The closing code of a server that cannot serve just now. */
const tryAgainLater = 1013;

interface Pipeline extends Pick<ReturnType<GraphqlApi['getEnveloped']>, 'execute' | 'subscribe'> {
  readonly streams: ConnectionStreams;
  readonly connection: Connection;
  /** The operation's, by the client. */
  readonly id: string;
}

/** The functions that `onSubscribe` put aside, so that plugins apply to this operation as to any other. */
const pipelineOf = (args: { rootValue?: unknown }): Pipeline => args.rootValue as Pipeline;

/** The code that HTTP gives such an error too. */
const unreadable = ({ message, source, positions, extensions }: GraphQLError): GraphQLError =>
  new GraphQLError(message, {
    source,
    positions,
    extensions: { code: 'GRAPHQL_PARSE_FAILED', ...extensions },
  });

/** What errors tell HTTP of its status and headers is not the client's. */
function withoutHttp(error: GraphQLError): GraphQLFormattedError {
  const { extensions: { http: _, ...extensions } = {}, ...formatted } = error.toJSON();
  return { ...formatted, extensions };
}

const lowerCased = (params: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
