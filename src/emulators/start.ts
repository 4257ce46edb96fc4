/**
 * Emulators of several providers on one port, under one clock, with their controls. Owned here: starting and
 * ending them together. Which providers there are, and what is told to people, is left to who starts them.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { StartError } from '../errors.ts';
import type { Provider } from '../providers/provider.ts';
import { openAdvancingClock } from './clock.ts';
import { serveControls } from './controls.ts';
import { startDeliveries } from './deliveries.ts';
import type { RunningEmulator, SwitchPositions } from './running-emulator.ts';
import { type HostOptions, openSharedHost, type SharedHost } from './shared-host.ts';

/** How they are started. */
export interface EmulatorsOptions extends HostOptions {
  readonly providers: readonly Provider[];
  readonly clock: Clock;
  /** How long an emulated batch runs, in seconds. */
  readonly seconds: number;
  /** Keeps batches here, each provider in a directory of its own; in memory where absent. */
  readonly directory?: string | undefined;
  /** Positions of switches, by provider's name. */
  readonly switches: ReadonlyMap<string, SwitchPositions>;
  /** Is told of a webhook that could not be sent. */
  readonly deliveryFailed: (provider: string, error: unknown) => void;
}

/** Emulators at work. */
export interface RunningEmulators {
  readonly origin: string;
  readonly controlsUrl: string;
  readonly emulators: readonly RunningEmulator[];
  /** Ends them at once. */
  close(): Promise<void>;
}

/** Where the controls are, beside the providers. */
const controlsName = '_emulate';

/** Starts them all, or none. Throws `StartError` for everything that its caller can put right. */
export async function startEmulators(options: EmulatorsOptions): Promise<RunningEmulators> {
  const clock = openAdvancingClock(options.clock, options.directory);
  const host = await openSharedHost(options);
  try {
    const emulators: RunningEmulator[] = [];
    for (const provider of options.providers) emulators.push(await startOne(provider, options, host, clock));
    const controlsUrl = await serveControls(host.at(controlsName), { emulators, clock });
    const deliveries = startDeliveries(emulators, options.deliveryFailed);
    return {
      origin: host.origin,
      controlsUrl,
      emulators,
      async close() {
        deliveries.stop();
        await Promise.all(emulators.map(({ emulator }) => emulator.close()));
        await host.close();
      },
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

async function startOne(
  provider: Provider,
  { seconds, directory, switches: all }: EmulatorsOptions,
  host: SharedHost,
  clock: Clock,
): Promise<RunningEmulator> {
  const switches = all.get(provider.name) ?? {};
  try {
    const emulator = await provider.emulate({
      clock,
      pace: { runningSeconds: seconds },
      switches,
      host: host.at(provider.name),
      ...(directory === undefined ? {} : { directory: join(directory, provider.name) }),
    });
    return { provider, emulator, switches };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const sentences = error.issues.map(({ path, message }) => [...path, message].join(': '));
    throw new StartError(`The switches of ${provider.name} cannot stand so: ${sentences.join('; ')}.`);
  }
}
