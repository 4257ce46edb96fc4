/** The vendor's quota of enqueued tokens: a batch that brings more of a model's than there is room for fails. */
import { isOver, lifeAt } from '../emulator/life.ts';
import type { InputFault, Store } from './emulator-store.ts';

const bytesPerToken = 4;

/** What stands against a batch with this input; null where there is room. */
export async function queueFault(
  store: Store,
  { model, bytes }: { readonly model: string | null; readonly bytes: number },
): Promise<InputFault | null> {
  const most = store.switches.enqueuedTokensMax;
  if (most === 'none') return null;
  const now = store.clock.now();
  let enqueued = bytes;
  for (const batch of await store.batches.all()) {
    if (batch.model !== model || isOver(lifeAt(batch, now))) continue;
    enqueued += (await store.batches.content(batch.id))?.length ?? 0;
  }
  if (enqueued / bytesPerToken <= Number(most)) return null;
  return {
    code: 'token_limit_exceeded',
    message: `Enqueued token limit reached for ${model}. Limit: ${most} enqueued tokens.`,
    param: null,
    line: null,
  };
}
