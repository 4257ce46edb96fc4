/** On whose behalf something is read or written. The first parameter of every query function. */

/** What a key allows; each includes the ones before it. */
export const accessScopes = ['read', 'write', 'admin'] as const;
/** A key's right. */
export type AccessScope = (typeof accessScopes)[number];

/** A caller: one organization, through one of its keys. */
export interface OrganizationScope {
  readonly kind: 'organization';
  readonly organizationId: string;
  readonly apiKeyId: string;
  readonly access: AccessScope;
  /** What a read token or a signed link of the key is limited to; null for the key itself. */
  readonly grant: GrantedScope | null;
}

/** Batches, and nothing else that an organization has. */
export interface GrantedScope {
  /** Null for all. */
  readonly batchIds: readonly string[] | null;
}

/** The scope of whoever has signed in. */
export const scopeOf = ({
  organizationId,
  apiKeyId,
  access,
  grant,
}: Omit<OrganizationScope, 'kind'>): OrganizationScope => ({
  kind: 'organization',
  organizationId,
  apiKeyId,
  access,
  grant: grant === null ? null : { batchIds: grant.batchIds },
});

/** The service's own work, which sees every organization. */
export interface WorkerScope {
  readonly kind: 'worker';
}

/** On whose behalf. */
export type Scope = OrganizationScope | WorkerScope;

/** The service itself. */
export const workerScope: WorkerScope = { kind: 'worker' };

/** Whether a key with `access` may do what needs `needed`. */
export const allows = (access: AccessScope, needed: AccessScope): boolean =>
  accessScopes.indexOf(access) >= accessScopes.indexOf(needed);

/** Equal for scopes that show the same rows, and for no others. */
export const sightOf = (scope: Scope): string =>
  scope.kind === 'worker'
    ? 'worker'
    : JSON.stringify([scope.organizationId, scope.grant && [scope.grant.batchIds?.toSorted()]]);
