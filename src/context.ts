/** What every resolver is handed: who asks, the parts of the process, and loaders that live as long as one answer. */
import type { SignedInKey } from './db/queries/organizations.ts';
import { type OrganizationScope, scopeOf } from './domain/scope.ts';
import { createLoaders, type Loaders } from './resolvers/loaders.ts';
import type { Services } from './services.ts';

/** The context of one GraphQL operation. */
export interface Context {
  readonly services: Services;
  readonly scope: OrganizationScope;
  readonly viewer: SignedInKey;
  /** Whether this process answers from emulators. */
  readonly sandbox: boolean;
  /** The origin that URLs handed out begin with, without a trailing slash. */
  readonly origin: string;
  /** Loads rows in batches and at most once. Replaced before each event of a subscription. */
  loaders: Loaders;
}

/** A context for a signed-in caller. */
export function createContext(parts: Pick<Context, 'services' | 'viewer' | 'sandbox' | 'origin'>): Context {
  const { viewer, services } = parts;
  const scope = scopeOf(viewer);
  return { ...parts, scope, loaders: createLoaders(services.db, scope) };
}

/** Forgets what was loaded for the context, so that all of it is read anew. */
export function forgetLoaded(context: Context): void {
  context.loaders = createLoaders(context.services.db, context.scope);
}
