/** The providers of this process, as a form needs them. */
import type { Context } from '../context.ts';
import type { ProviderEntry } from '../providers/access.ts';

/** A provider, as the schema's type is backed. */
export type ProviderModel = ProviderEntry;

/** Every provider that this version knows, configured or not, in a fixed order. */
export const listProviders = ({ services }: Context): readonly ProviderEntry[] => services.providers.entries;
