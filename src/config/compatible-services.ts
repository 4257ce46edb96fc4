/**
 * Services that speak OpenAI's batch wire and are known by settings alone: `COMPATIBLE_PROVIDERS` names them, and
 * each brings three settings of its own. Owned here: which names can be taken, and what each setting means. What a
 * quirk is, and which presets there are, is data of `providers/compatible`.
 */
import {
  findPreset,
  type Profile,
  presets,
  profileSchema,
  providerOf,
} from '../providers/compatible/presets.ts';
import type { Provider } from '../providers/provider.ts';
import { anyText } from './kinds.ts';
import { providerVariables } from './provider-variables.ts';
import type { Reading } from './reading.ts';
import { variables } from './variables.ts';

/** The providers that the settings name; what is wrong with one is told, and leaves it out. */
export function readCompatibleServices(reading: Reading, builtIn: readonly Provider[]): Provider[] {
  const { compatibleProviders } = variables;
  const names = reading.read(compatibleProviders);
  const refuse = (problem: string): Provider[] => {
    reading.refuse(compatibleProviders.name, problem);
    return [];
  };
  if (new Set(names).size < names.length) return refuse('must name each service once');
  if (names.some((name) => builtIn.some((provider) => provider.name === name))) {
    return refuse(`must not name what is built in: ${builtIn.map(({ name }) => name).join(', ')}`);
  }
  // The key of this service would otherwise be sent to that one.
  const ours = new Set<string>(Object.values(variables).map(({ name }) => name));
  const taken = [...ours].filter((name) => names.some((service) => settingsOf(service).includes(name)));
  if (taken.length > 0) {
    return refuse(`must not name a service whose settings would be another's: ${taken.join(', ')}`);
  }
  return names.flatMap((name) => readService(reading, name) ?? []);
}

const settingsOf = (name: string): string[] =>
  ['API_KEY', 'BASE_URL', 'QUIRKS', 'QUEUE_TOKENS'].map((end) => `${name.toUpperCase()}_${end}`);

function readService(reading: Reading, name: string): Provider | null {
  const [apiKey = '', baseUrl = '', quirks = ''] = settingsOf(name);
  const preset = readPreset(reading, quirks) ?? findPreset(name) ?? presets.openai;
  const own = findPreset(name);
  const title = own?.title ?? `${name} batches`;
  const draft = { name, title, settings: { apiKey, baseUrl, defaultBaseUrl: preset.baseUrl ?? '' } };
  const url = reading.read(providerVariables(draft).baseUrl);
  const isSound = reading.isSound({ name: baseUrl });
  if (isSound && url === '') {
    reading.refuse(baseUrl, `must be set, because ${variables.compatibleProviders.name} names the service`);
  }
  if (!isSound || url === '') return null;
  // What is known of one service is not known of another that only speaks as it does.
  const about = own?.about ?? {};
  return providerOf(
    { ...draft, ...about, settings: { ...draft.settings, defaultBaseUrl: url } },
    preset.profile,
  );
}

/** What the setting says of a service: a preset by its name, or quirks in JSON; null where it says nothing. */
function readPreset(
  reading: Reading,
  name: string,
): { readonly baseUrl: string | null; readonly profile: Profile } | null {
  const text = reading.read({ name, kind: anyText, default: null, meaning: '' });
  if (text === null) return null;
  const preset = findPreset(text);
  if (preset !== null) return preset;
  const result = profileSchema.safeParse(jsonIn(text));
  if (result.success) return { baseUrl: null, profile: result.data };
  const known = Object.keys(presets).join(', ');
  const problems = [...new Set(result.error.issues.map(({ message }) => message))].join('; ');
  reading.refuse(name, `must be one of ${known}, or a JSON object of quirks: ${problems}`);
  return null;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
