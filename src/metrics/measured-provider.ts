/** A provider whose every call is counted, by what came of it. */
import type { Meter } from '../meter.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { Provider, ProviderClient } from '../providers/provider.ts';

/** The same provider; its clients tell the meter of each call. */
export const measuredProvider = (provider: Provider, meter: Meter): Provider => ({
  ...provider,
  connect: (connection, services) =>
    measuredClient(provider.connect(connection, services), provider.name, meter),
});

function measuredClient(client: ProviderClient, provider: string, meter: Meter): ProviderClient {
  const begin = (operation: keyof ProviderClient) => {
    const began = performance.now();
    return (outcome: string) =>
      meter.called({ provider, operation, outcome, seconds: (performance.now() - began) / 1000 });
  };
  async function measured<T>(operation: keyof ProviderClient, call: () => Promise<T>): Promise<T> {
    const end = begin(operation);
    try {
      const answer = await call();
      end('ok');
      return answer;
    } catch (error) {
      end(kindOf(error));
      throw error;
    }
  }
  const { deleteFiles } = client;
  return {
    submit: (submission, ports) => measured('submit', () => client.submit(submission, ports)),
    find: (submission, signal) => measured('find', () => client.find(submission, signal)),
    retrieve: (job, signal) => measured('retrieve', () => client.retrieve(job, signal)),
    cancel: (job, signal) => measured('cancel', () => client.cancel(job, signal)),
    deleteFiles: deleteFiles && ((job, signal) => measured('deleteFiles', () => deleteFiles(job, signal))),
    async *results(job, cursor, signal) {
      const end = begin('results');
      let outcome = 'left';
      try {
        yield* client.results(job, cursor, signal);
        outcome = 'ok';
      } catch (error) {
        outcome = kindOf(error);
        throw error;
      } finally {
        end(outcome);
      }
    },
  };
}

/** A failure that is none of the kinds is a fault of ours. */
const kindOf = (error: unknown): string => (error instanceof ProviderFailure ? error.kind : 'fault');
