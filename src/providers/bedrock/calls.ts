/**
 * The calls of the control plane, each made once and answered within `callSeconds`. Answers come back as the text
 * that they are, because a report keeps them verbatim; every failure is a `ProviderFailure`.
 */
import { text } from 'node:stream/consumers';
import type {
  CreateModelInvocationJobCommandInput,
  ListModelInvocationJobsCommandInput,
} from '@aws-sdk/client-bedrock';
import type { Guard } from '../http.ts';
import { connectionFailure } from '../http-failure.ts';
import type { ClientServices, SubmitPorts } from '../provider.ts';
import type { Refusals } from './refusal.ts';
import type { RawAnswer, Sdk } from './sdk.ts';

/** What the calls need beside their arguments. */
export interface CallServices extends ClientServices {
  readonly sdk: Sdk;
  readonly refusals: Refusals;
}

/** The calls for one set of credentials. */
export interface Calls {
  /** Creates a job; a lost answer is `uncertain`. */
  create(
    job: CreateModelInvocationJobCommandInput,
    ports: Pick<SubmitPorts, 'signal' | 'guard'>,
  ): Promise<string>;
  retrieve(id: string, signal: AbortSignal): Promise<string>;
  list(query: ListModelInvocationJobsCommandInput, signal: AbortSignal): Promise<string>;
  stop(id: string, signal: AbortSignal): Promise<string>;
}

/** Calls with these services. Opens no connection by itself. */
export function createCalls({ sdk, refusals, callSeconds = 60 }: CallServices): Calls {
  const call = async (
    ask: Parameters<Sdk['bedrock']>[0],
    { signal, guard }: { signal: AbortSignal; guard?: Guard },
  ): Promise<string> => {
    const creates = guard !== undefined;
    const within = AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]);
    // Before anything is sent, nothing can have been created.
    if (within.aborted) throw connectionFailure(within.reason, { creates: false });
    const answer = await sdk.bedrock(ask, { signal: within, ...(guard && { guard }) });
    const { status, headers } = answer;
    const told = await readText(answer, { creates });
    if (status >= 200 && status < 300) return told;
    throw refusals.control({ status, headers, text: told }, { creates });
  };

  return {
    create: (job, { signal, guard }) =>
      call((aws, options) => aws.createModelInvocationJob(job, options), { signal, guard }),
    retrieve: (jobIdentifier, signal) =>
      call((aws, options) => aws.getModelInvocationJob({ jobIdentifier }, options), { signal }),
    list: (query, signal) => call((aws, options) => aws.listModelInvocationJobs(query, options), { signal }),
    stop: (jobIdentifier, signal) =>
      call((aws, options) => aws.stopModelInvocationJob({ jobIdentifier }, options), { signal }),
  };
}

/** The whole body; a broken connection is `unavailable`, or `uncertain` where something may have been created. */
export async function readText({ body }: RawAnswer, { creates }: { creates: boolean }): Promise<string> {
  try {
    return await text(body);
  } catch (error) {
    throw connectionFailure(error, { creates });
  }
}
