/**
 * Lets emulators whose vendors call webhooks do so. Owned here: that they look once a second whether anything is
 * due. What is due, and that it is sent once, is left to them.
 */
import type { RunningEmulator } from './running-emulator.ts';

/** Looks each second, until it is stopped. `failed` is told what an emulator could not do. */
export function startDeliveries(
  emulators: readonly RunningEmulator[],
  failed: (provider: string, error: unknown) => void,
): { stop(): void } {
  const busy = new Set<RunningEmulator>();
  const look = async (running: RunningEmulator): Promise<void> => {
    // A receiver that takes long is waited for, and keeps no other provider's waiting.
    if (running.emulator.deliver === undefined || busy.has(running)) return;
    busy.add(running);
    try {
      await running.emulator.deliver();
    } catch (error) {
      failed(running.provider.name, error);
    } finally {
      busy.delete(running);
    }
  };
  const timer = setInterval(() => {
    for (const running of emulators) void look(running);
  }, 1000);
  return { stop: () => clearInterval(timer) };
}
