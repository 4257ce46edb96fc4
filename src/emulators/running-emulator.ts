/** An emulator that runs here, and the settings with which it is reached. */
import type { Emulator, EmulatorOptions } from '../providers/emulation.ts';
import type { Provider } from '../providers/provider.ts';

/** The positions of one emulator's switches, by name. */
export type SwitchPositions = NonNullable<EmulatorOptions['switches']>;

/** An emulator, whose it is, and where its switches were put. */
export interface RunningEmulator {
  readonly provider: Provider;
  readonly emulator: Emulator;
  readonly switches: SwitchPositions;
}

/** The variables that point BatchQL, and mostly the vendor's SDK, at the emulator; in the order to be shown. */
export function variablesOf({ provider, emulator }: RunningEmulator): Record<string, string> {
  const { settings } = provider;
  const more = Object.entries(emulator.more ?? {}).flatMap(([name, value]) => {
    const variable = settings.more?.[name]?.variable;
    return variable === undefined ? [] : [[variable, value]];
  });
  return {
    [settings.baseUrl]: emulator.baseUrl,
    [settings.apiKey]: emulator.apiKey,
    ...Object.fromEntries(more),
  };
}
