/** Batches at a provider that this service knows nothing of: made there by another program, under names of its own. */
import { itemKey } from '../../src/domain/ids.ts';
import { ProviderFailure } from '../../src/providers/failure.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { newId, newNonce } from '../../src/services.ts';
import { bodyFor, modelFor } from './documents.ts';
import type { TestService } from './service.ts';

/** A batch that was made elsewhere. */
export interface ForeignBatch {
  readonly providerJobId: string;
  /** Its requests as they were sent, as JSON lines. */
  readonly jsonl: string;
  /** What they are called there, in order. */
  readonly keys: readonly string[];
}

/** What another program makes; everything has a default. */
export interface ForeignWish {
  /** What it asks, one text for each request; a directive in one is read by the emulator. */
  readonly texts?: readonly string[];
  /** The names of the requests; `their 0`, … where left out. */
  readonly keys?: readonly string[];
  /** Where the indexes of the bodies begin, which tell apart what may be in a batch once. */
  readonly firstIndex?: number;
  /** The mark that it carries, where the provider has a place for one; nobody's where left out. */
  readonly nonce?: string;
}

/** Makes one by the provider's own client, as small as the provider takes it. */
export async function makeForeignBatch(
  service: TestService,
  provider: Provider,
  { texts = textsFor(provider), firstIndex = 0, nonce = newNonce(), ...wish }: ForeignWish = {},
): Promise<ForeignBatch> {
  const { services } = service.app;
  const keys = wish.keys ?? texts.map((_, index) => itemKey('their', index));
  const [endpoint] = provider.endpoints;
  const items = texts.map((text, index) => ({
    key: keys[index] ?? '',
    endpoint,
    body: JSON.stringify(bodyFor(provider.name, text, '', firstIndex + index)),
  }));
  const lines = items.map((item) => {
    const { before, after } = provider.encoding.envelope(item);
    return before + item.body + after;
  });
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const client = provider.connect(service.emulator(provider.name), services);
  const submission: Parameters<typeof client.submit> = [
    {
      jobId: newId(services.clock),
      nonce,
      endpoint,
      model: modelFor(provider.name).model ?? null,
      completionWindow: provider.completionWindows[0],
      requestCount: items.length,
      encodedBytes: bytes + provider.encoding.frameBytes(items.length),
      checkpoint: null,
      intentAt: services.clock.now(),
    },
    {
      signal: new AbortController().signal,
      saveCheckpoint: async () => undefined,
      guard: () => {},
      async *items() {
        yield* items;
      },
    },
  ];
  // A connection that lay idle can be closed just as it is used again. Nobody of ours is behind this call, who would look
  // for what may have become of it, and another batch does no harm.
  const { providerJobId } = await client.submit(...submission).catch((error: unknown) => {
    if (!(error instanceof ProviderFailure) || error.kind !== 'uncertain') throw error;
    return client.submit(...submission);
  });
  return { providerJobId, jsonl: lines.join('\n'), keys };
}

/** As many texts as a batch of the provider needs, and two more. */
export const textsFor = ({ limits }: Provider): string[] =>
  Array.from({ length: limits.requestsMin + 2 }, (_, index) => `asked elsewhere ${index}`);
