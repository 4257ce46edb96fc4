/**
 * `batchql emulate`: the emulators of all providers on one port, for software that is not BatchQL, and for another
 * BatchQL. Owned here: reading the command line, telling where everything is, and ending on a signal.
 */
import { systemClock } from '../clock.ts';
import { type RunningEmulator, type SwitchPositions, variablesOf } from '../emulators/running-emulator.ts';
import { startEmulators } from '../emulators/start.ts';
import { StartError } from '../errors.ts';
import type { Provider } from '../providers/provider.ts';
import { providers } from '../providers/registry.ts';

/** What the command line says. */
export interface EmulateOptions {
  readonly port: number;
  readonly host: string;
  readonly publicUrl?: string;
  readonly providers?: readonly string[];
  readonly seconds: number;
  readonly directory?: string;
  /** `<provider>.<name>=<value>` each. */
  readonly switch: readonly string[];
}

/** Starts them, tells the variables to export, and ends on SIGINT and SIGTERM. Throws `StartError`. */
export async function emulate(options: EmulateOptions): Promise<void> {
  const chosen = choose(options.providers ?? providers.map(({ name }) => name));
  const running = await startEmulators({
    providers: chosen,
    clock: systemClock,
    host: options.host,
    port: options.port,
    publicUrl: options.publicUrl?.replace(/\/+$/, ''),
    seconds: options.seconds,
    directory: options.directory,
    switches: readSwitches(options.switch, chosen),
    deliveryFailed: (provider, error) =>
      console.error(
        `A webhook of ${provider} was not sent: ${error instanceof Error ? error.message : error}`,
      ),
  });

  let ending = false;
  const end = () => {
    if (ending) process.exit(1);
    ending = true;
    running.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  console.log(announcement(running));
}

function choose(names: readonly string[]): Provider[] {
  const unknown = names.find((name) => !providers.some((provider) => provider.name === name));
  if (unknown !== undefined) throw unknownProvider('--providers', unknown, providers);
  return providers.filter(({ name }) => names.includes(name));
}

/** The positions by provider; `true` and `false` are what they say, all else is a word. */
function readSwitches(
  asked: readonly string[],
  chosen: readonly Provider[],
): ReadonlyMap<string, SwitchPositions> {
  const all = new Map<string, Record<string, boolean | string>>();
  for (const text of asked) {
    const [, provider, name, value] = /^([^.=]+)\.([^.=]+)=(.*)$/s.exec(text) ?? [];
    if (provider === undefined || name === undefined || value === undefined) {
      throw new StartError(`--switch must be <provider>.<name>=<value>, and this is ${text}.`);
    }
    if (!chosen.some((one) => one.name === provider)) throw unknownProvider('--switch', provider, chosen);
    const position = value === 'true' || value === 'false' ? value === 'true' : value;
    all.set(provider, { ...all.get(provider), [name]: position });
  }
  return all;
}

const unknownProvider = (option: string, name: string, known: readonly Provider[]): StartError =>
  new StartError(
    `${option}: there is no provider "${name}" here; there are ${known.map((one) => one.name).join(', ')}.`,
  );

function announcement({
  origin,
  controlsUrl,
  emulators,
}: Awaited<ReturnType<typeof startEmulators>>): string {
  const width = Math.max(...emulators.map(({ provider }) => provider.name.length));
  const rows = emulators.map(
    (running) => `  ${running.provider.name.padEnd(width)}  ${assignments(running)}`,
  );
  return [
    `\nEmulators at ${origin}: nothing leaves this machine but the webhooks that you ask for, nothing is paid.`,
    'Export what stands beside a provider, and call it as you would the vendor.\n',
    ...rows,
    `\nFaults, calls and the clock: ${controlsUrl}. Ctrl-C ends them.\n`,
  ].join('\n');
}

/** As a shell reads them. */
const assignments = (running: RunningEmulator): string =>
  Object.entries(variablesOf(running))
    .map(
      ([name, value]) =>
        `${name}=${/^[\w.:/@%+,=-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`}`,
    )
    .join(' ');
