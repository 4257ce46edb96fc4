/** How requests become a part of a batch: what their own texts ask for, and what will be wrong with them. */
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { turnProblem } from './emulator-requests.ts';
import type { KeptPart, KeptRequest, Store } from './emulator-store.ts';

/** A part of these requests, that lives from now on. `fault` is why the vendor will cancel the batch for it. */
export async function makePart(
  store: Store,
  requests: readonly KeptRequest[],
  fault: string | null,
): Promise<KeptPart> {
  return {
    id: await store.keepRequests(requests),
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    requestCount: requests.length,
    pace: store.pace,
    fates: fatesOf(requests, fault),
    fault,
  };
}

const fatesOf = (requests: readonly KeptRequest[], fault: string | null): BatchFates => {
  const { items, batch } = readFates(requests.map(({ body }) => JSON.stringify(body)));
  const errored = requests.flatMap(({ body }, position) =>
    turnProblem(body) === null ? [] : [[position, 'errored'] as const],
  );
  return {
    items: { ...items, ...Object.fromEntries(errored) },
    batch: fault === null ? batch : [...batch, 'job-failed'],
  };
};
