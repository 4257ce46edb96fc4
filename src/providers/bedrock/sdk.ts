/**
 * The vendor's SDKs, kept to what we want of them: they build, address and sign requests and hold the connections.
 * They never retry, and they do not read answers, because reports and lines are kept as they came. Nothing of the
 * environment gets into a call but credentials, and those only where the connection has none.
 *
 * Owned here: the two clients, loaded when they are first needed. What an answer means is left to `refusal.ts` and
 * `wire.ts`. Requests are signed with the machine's own time.
 */
import { Readable } from 'node:stream';
import type { Bedrock } from '@aws-sdk/client-bedrock';
import type { S3 } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { ProviderFailure } from '../failure.ts';
import type { Guard } from '../http.ts';
import { connectionFailure } from '../http-failure.ts';
import type { Connection } from '../provider.ts';

/** An answer, whatever its status; its body is unread. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readable;
}

/** How a call is made. */
export interface Sending {
  readonly signal: AbortSignal;
  /** There for a call that may create something that must not be created twice; asked when it is signed and leaves. */
  readonly guard?: Guard;
}

/**
 * Calls the control plane and S3, each call once. Where there is no answer they throw `unavailable`, or `uncertain`
 * where something may have been created. What the SDK's promise resolves to is not what its types say.
 */
export interface Sdk {
  bedrock(
    call: (client: Bedrock, options: CallOptions) => Promise<object>,
    sending: Sending,
  ): Promise<RawAnswer>;
  s3(call: (client: S3, options: CallOptions) => Promise<object>, sending: Sending): Promise<RawAnswer>;
}

interface CallOptions {
  readonly abortSignal: AbortSignal;
}

/** The SDKs with these credentials. Opens no connection by itself. */
export function openSdk(connection: Connection): Sdk {
  const { s3Endpoint } = connection.more ?? {};
  const openBedrock = async (guard: Guard = () => {}) => {
    const { Bedrock } = await import('@aws-sdk/client-bedrock');
    const client = new Bedrock({ ...configOf(connection), endpoint: connection.baseUrl });
    client.middlewareStack.add(
      (next) => async (args) => {
        // The connection is still to be made. Should the process be stopped just there, the token of the job, which
        // any other try carries too, makes one job of both.
        guard();
        return keep(next(args));
      },
      ourReader,
    );
    return client;
  };
  const bedrock = once(openBedrock);
  const s3 = once(async () => {
    const { S3 } = await import('@aws-sdk/client-s3');
    const client = new S3({
      ...configOf(connection),
      ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint, forcePathStyle: true }),
      // A streamed body would otherwise be framed in chunks, and its lines would not leave as they are.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    client.middlewareStack.add((next) => async (args) => keep(next(args)), ourReader);
    return client;
  });

  return {
    bedrock: (call, sending) =>
      answerTo(async () => {
        const client = await (sending.guard === undefined ? bedrock() : openBedrock(sending.guard));
        return call(client, { abortSignal: sending.signal });
      }, sending),
    s3: (call, sending) => answerTo(async () => call(await s3(), { abortSignal: sending.signal }), sending),
  };
}

const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open();
    return opened;
  };
};

const silence = (): void => {};

const configOf = ({ more = {} }: Connection) => {
  const { region = '', accessKeyId, secretAccessKey, sessionToken } = more;
  const own = accessKeyId !== undefined && secretAccessKey !== undefined;
  return {
    region,
    // Without any, the SDK looks where it always does: a profile, a container's or an instance's role.
    ...(own ? { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } } : {}),
    maxAttempts: 1,
    retryMode: 'standard',
    authSchemePreference: ['sigv4'],
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    requestHandler: { connectionTimeout: connectMilliseconds, httpAgent: fresh, httpsAgent: fresh },
    // Its default is the console.
    logger: { trace: silence, debug: silence, info: silence, warn: silence, error: silence },
  };
};

const connectMilliseconds = 10_000;

/** A connection that was kept may be gone when it is used again, and a creation would then be in doubt. */
const fresh = { keepAlive: false, maxSockets: Number.POSITIVE_INFINITY };

/** The place of the SDK's own reader of answers, which ours takes. */
const ourReader = { step: 'deserialize', name: 'deserializerMiddleware', override: true } as const;

/** That a request may have left; what went wrong is the cause. Anything else went wrong before. */
class Unanswered extends Error {}

const keep = async (exchange: Promise<{ response: unknown }>) => {
  try {
    const { response } = await exchange;
    return { response, output: { $metadata: {}, answer: readAnswer(response) } };
  } catch (cause) {
    throw new Unanswered('no answer', { cause });
  }
};

const responseSchema = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.string()),
  body: z.instanceof(Readable),
});

const readAnswer = (response: unknown): RawAnswer => {
  const { statusCode, headers, body } = responseSchema.parse(response);
  return { status: statusCode, headers: new Headers(headers), body };
};

const answerTo = async (call: () => Promise<object>, { guard }: Sending): Promise<RawAnswer> => {
  try {
    const { answer } = (await call()) as { answer: RawAnswer };
    return answer;
  } catch (error) {
    if (error instanceof ProviderFailure) throw error;
    if (error instanceof Unanswered) {
      throw connectionFailure(error.cause, { creates: guard !== undefined });
    }
    throw new ProviderFailure('unavailable', {
      code: 'call_not_sent',
      message: `The call could not be made ready (${error instanceof Error ? error.name : 'unknown'}).`,
    });
  }
};
