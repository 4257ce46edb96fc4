/**
 * `addCredential`: takes a provider's credential of an organization into keeping. Its secret is encrypted before it
 * reaches the database, and is answered nowhere, ever. Owns what is kept of it; what each provider needs is its own
 * settings (`providers/own-connection.ts`).
 */
import { insertCredential, lockCredential, replaceCredential } from '../db/queries/credentials.ts';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { type AddCredentialInput, lastFourOf } from '../domain/credential.ts';
import type { Scope } from '../domain/scope.ts';
import { CredentialsNotKeptError, type Issue, NotFoundError, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import { ownProblems } from '../providers/own-connection.ts';
import { newId, type Services } from '../services.ts';
import { textOfSecret } from './secret.ts';

/** A credential that was added or changed. */
export interface ChangedCredential {
  readonly credential: CredentialRow;
}

/**
 * A new credential of the organization; where it `replaces` another, that one is revoked, and what waits for it goes on
 * with this one. Throws `ValidationError`, `CredentialsNotKeptError`, and `NotFoundError` for one that is to be replaced.
 */
export async function addCredential(
  services: Pick<Services, 'db' | 'clock' | 'providers' | 'credentials'>,
  scope: Scope,
  organizationId: string,
  { provider: name, name: called, apiKey, settings, replaces }: AddCredentialInput,
): Promise<ChangedCredential> {
  const { db, clock, credentials } = services;
  const known = providerOf(services, name);
  const { provider } = known;
  const problems = ownProblems(provider, settings);
  if (problems.length > 0) throw new ValidationError(problems.map(issueOf));
  if (credentials.keyring === null) throw new CredentialsNotKeptError();
  const id = newId(clock);
  const secret = { apiKey, more: Object.fromEntries(settings.map((one) => [one.name, one.value])) };
  const entry = services.providers.own(provider, { organizationId, secret });
  const now = clock.now();
  const credential: CredentialRow = {
    id,
    organizationId,
    provider: name,
    name: called,
    sandbox: entry.mode === 'SANDBOX',
    ...credentials.keyring.seal(textOfSecret(secret), { organizationId, provider: name, id }),
    fingerprint: entry.credential ?? '',
    lastFour: lastFourOf(apiKey),
    settings: settings.map((one) => one.name),
    callbackToken: entry.webhook?.token ?? null,
    createdAt: now,
    createdBy: scope.kind === 'organization' ? scope.apiKeyId : null,
    lastUsedAt: null,
    failingSince: null,
    failure: null,
    revokedAt: null,
    replacedBy: null,
  };
  return db.transaction(async (tx) => {
    if (replaces !== null && replaces !== undefined) {
      const old = await lockCredential(scope, tx, replaces);
      if (old === null || old.organizationId !== organizationId)
        throw new NotFoundError('credential', replaces);
      refuseUnfit(old, credential);
      await replaceCredential(scope, tx, replaces, { by: id, now });
    }
    await insertCredential(scope, tx, credential);
    return { credential };
  });
}

function providerOf({ providers }: Pick<Services, 'providers'>, name: string): ProviderEntry {
  const entry = providers.find(name);
  if (entry !== null) return entry;
  const known = providers.entries.map(({ provider }) => provider.name).join(', ');
  throw refusal('provider', `There is no provider with this name; known are ${known}.`);
}

function refuseUnfit(old: CredentialRow, { provider, sandbox }: CredentialRow): void {
  if (old.provider !== provider) {
    throw refusal(
      'replaces',
      `The credential to replace is for ${old.provider}, and this one for ${provider}.`,
    );
  }
  if (old.sandbox !== sandbox) {
    throw refusal(
      'replaces',
      'A credential of the sandbox replaces none that is real, or the other way round.',
    );
  }
  if (old.replacedBy !== null) {
    throw refusal('replaces', `The credential to replace was replaced before, by ${old.replacedBy}.`);
  }
}

const refusal = (field: string, message: string): ValidationError =>
  new ValidationError([{ path: ['input', field], line: null, message }]);

const issueOf = ({ index, message }: { index: number | null; message: string }): Issue => ({
  path: ['input', 'settings', ...(index === null ? [] : [index])],
  line: null,
  message,
});
