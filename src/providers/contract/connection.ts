/** Where, as whom and with which settings a provider is called. Only `config.ts` reads the environment; these name what it reads. */
import type { Clock } from '../../clock.ts';

/** Which settings configure a provider. Only `config.ts` reads the environment; this names what it reads. */
export interface ProviderSettings {
  /** The setting that makes the provider live; almost always its key. */
  readonly apiKey: string;
  /** What that setting is, where it is no key: `The role that Bedrock takes to read and write S3.` */
  readonly apiKeyMeaning?: string;
  readonly baseUrl: string;
  /** `{name}` in it stands for the further setting of that name. */
  readonly defaultBaseUrl: string;
  /** Further settings, by the name under which `Connection.more` has them. */
  readonly more?: Readonly<Record<string, ProviderSetting>>;
}

/** One further setting of a provider. */
export interface ProviderSetting {
  /** The variable: `AWS_REGION`. */
  readonly variable: string;
  /** Whether the provider cannot be live without it. */
  readonly required: boolean;
  /**
   * What the credential of an organization has of it, where that is another thing: `NEVER`, because it says where calls
   * go; `REQUIRED`, because without it the rights of the machine would be used.
   */
  readonly ofOrganizations?: 'NEVER' | 'REQUIRED';
  readonly pattern: RegExp;
  /** What it must be, after "must be". */
  readonly must: string;
  readonly meaning: string;
}

/** Where and as whom to call. */
export interface Connection {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** The further settings that are set, by their names in `ProviderSettings.more`. */
  readonly more?: Readonly<Record<string, string>>;
}

/** A base URL whose `{name}`s are filled in with the settings of that name. */
export const filledIn = (url: string, more: Readonly<Record<string, string>>): string =>
  url.replace(/\{(\w+)\}/g, (all, name: string) => more[name] ?? all);

/** What a client is handed beside its credentials. */
export interface ClientServices {
  readonly clock: Clock;
  /** How long a call may take that reads or creates something small; 60 where left out. */
  readonly callSeconds?: number;
}
