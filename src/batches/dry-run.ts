/**
 * `createBatch` with `dryRun`: everything that the call would check, split and reckon, and nothing that it would do. The
 * input is read by the very functions that read it for a batch (`new-batch.ts`, `accept.ts`, `plan-jobs.ts`), so that
 * the two cannot differ; what would be stored or sent is left to `create.ts`.
 */
import { type ChosenCredential, chooseCredential } from '../credentials/choose.ts';
import type { CreateBatchInput } from '../domain/batch-input.ts';
import type { BudgetRefusal } from '../domain/budget.ts';
import { zero } from '../domain/decimal.ts';
import { DryRun, type DryRunFindings, type DryRunJob } from '../domain/dry-run.ts';
import type { QuotaBreach } from '../domain/quota.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { noTokens, plusTokens, type TokenEstimate } from '../domain/token-estimate.ts';
import { ProviderNotConfiguredError, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { PlacedItem } from './accept.ts';
import { budgetRefusal } from './budget.ts';
import { estimateRequests } from './estimate.ts';
import { knownProvider, readDraft } from './new-batch.ts';
import { bytesOf, type MeasureReadings, planJobs } from './plan-jobs.ts';
import { breachesOf, bytesBrought, quotasOf } from './quotas.ts';

/** What a batch of this input would be, split as if it was submitted with these requests. `read` may refuse the input. */
export async function dryRunBatch(
  services: Services,
  scope: OrganizationScope,
  read: () => Promise<CreateBatchInput>,
): Promise<DryRun> {
  let findings: DryRunFindings = { ...nothingFound, priceBook: services.prices.version };
  try {
    const input = await read();
    const entry = knownProvider(services, input.provider);
    const chosen = await chosenOrMissing(services, scope, entry, input.credentialId ?? null);
    findings = { ...findings, missingSetting: chosen.missingSetting };
    const { accepted, row } = readDraft(services, chosen, input);
    findings = { ...findings, ...measured(services, entry, accepted) };
    findings = {
      ...findings,
      quotasExceeded: await quotasExceeded(services, scope, entry, { input, accepted }),
      submitsNow: input.submit.kind === 'NOW',
      budgetExceeded: await budgetExceeded(services, scope, entry, findings),
    };
    const jobs =
      accepted.length === 0
        ? []
        : await plannedJobs(services, entry.provider, row.endpoint, onePage(accepted));
    return new DryRun({ ...findings, jobs });
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return new DryRun({ ...findings, issues: error.issues, issueCount: error.total });
  }
}

/** What is said of an input before anything is known of it. */
export const nothingFound = {
  issues: [],
  issueCount: 0,
  missingSetting: null,
  quotasExceeded: [],
  requestCount: 0,
  bytes: 0,
  jobs: [],
  tokens: null,
  cost: null,
  submitsNow: false,
  budgetExceeded: null,
} as const;

/** What submitting these requests now would be refused with. */
export async function budgetExceeded(
  { db, clock }: Services,
  scope: OrganizationScope,
  { mode }: ProviderEntry,
  { cost, requestCount }: DryRunFindings,
): Promise<BudgetRefusal | null> {
  if (requestCount === 0) return null;
  const spender = { ...scope, sandbox: mode === 'SANDBOX', now: clock.now() };
  const submission = { estimated: cost?.high ?? null, kept: zero };
  return db.read((q) => budgetRefusal(scope, q, spender, submission));
}

/** As whom it would be sent, or what would have to be set first. */
export async function chosenOrMissing(
  services: Services,
  scope: OrganizationScope,
  entry: ProviderEntry,
  named: string | null,
): Promise<ChosenCredential & { readonly missingSetting: string | null }> {
  try {
    const chosen = await services.db.read((q) => chooseCredential(services, scope, q, entry, named));
    return { ...chosen, missingSetting: null };
  } catch (error) {
    if (!(error instanceof ProviderNotConfiguredError)) throw error;
    return { entry, credentialId: null, missingSetting: error.setting };
  }
}

async function quotasExceeded(
  services: Services,
  scope: OrganizationScope,
  { provider: { name: provider } }: ProviderEntry,
  { input, accepted }: { input: CreateBatchInput; accepted: readonly PlacedItem[] },
): Promise<QuotaBreach[]> {
  const requests = accepted.length;
  const bytes = bytesBrought(input.requests, accepted);
  return services.db.read(async (q) => {
    const { quotas } = await quotasOf(services, scope, q, scope.organizationId);
    const brought = { provider, requests, bytes, before: 0 };
    return breachesOf(scope, q, quotas, brought, { batches: 1, waiting: requests });
  });
}

const measured = (services: Services, { provider }: ProviderEntry, accepted: readonly PlacedItem[]) => ({
  requestCount: accepted.length,
  bytes: accepted.reduce((sum, { item }) => sum + item.bytes, 0),
  tokens: accepted.reduce<TokenEstimate | null>((sum, { tokens }) => plusTokens(sum, tokens), noTokens),
  cost: estimateRequests(services, provider.name, accepted, services.clock.now()),
});

/** The jobs that requests would be split into; `endpoint` is that of requests that name none. */
export async function plannedJobs(
  services: Services,
  provider: Provider,
  endpoint: string,
  readings: MeasureReadings,
): Promise<DryRunJob[]> {
  const planned = await planJobs(services, provider, readings);
  return planned.map((job) => ({
    endpoint: job.endpoint ?? endpoint,
    model: job.model,
    agentId: job.agentId,
    requestCount: job.requestCount,
    bytes: bytesOf(provider, job),
  }));
}

async function* onePage(accepted: readonly PlacedItem[]): MeasureReadings {
  yield accepted.map(({ item }) => item);
}
