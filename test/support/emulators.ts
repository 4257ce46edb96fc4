/** All emulators on one port in a test's own process, under a clock that stands, and their controls over HTTP. */
import { createHandClock } from '../../src/clock.ts';
import { type EmulatorsOptions, type RunningEmulators, startEmulators } from '../../src/emulators/start.ts';
import { providers } from '../../src/providers/registry.ts';

/** What a control answered; `body` is null where it was empty. */
export interface ControlAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

/** Starts them on a free port; `changes` win. */
export const startTestEmulators = (changes: Partial<EmulatorsOptions> = {}): Promise<RunningEmulators> =>
  startEmulators({
    providers,
    clock: createHandClock(new Date('2026-11-23T10:00:00.000Z')),
    host: '127.0.0.1',
    port: 0,
    seconds: 20,
    switches: new Map(),
    deliveryFailed: (_provider, error) => {
      throw error;
    },
    ...changes,
  });

/** One control of the emulators at `origin`; a body that is no text is sent as JSON. */
export async function control(
  origin: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<ControlAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${origin}/_emulate${path}`, {
    method,
    ...(body === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  return { status: response.status, body: answer === '' ? null : JSON.parse(answer) };
}
