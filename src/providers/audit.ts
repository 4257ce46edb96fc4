/**
 * The contract of `provider.ts` as checks that can be run for any provider, each with a permanent id. Owned here:
 * running them and telling how they came out. The checks stand in `audit/`, by subject.
 */
import { withBench } from './audit/bench.ts';
import { calling } from './audit/calling.ts';
import { cancelling } from './audit/cancelling.ts';
import type { Check } from './audit/check.ts';
import { collecting } from './audit/collecting.ts';
import { decoding } from './audit/decoding.ts';
import { deleting } from './audit/deleting.ts';
import { Inapplicable, Unmet } from './audit/demands.ts';
import { failing } from './audit/failing.ts';
import { finding } from './audit/finding.ts';
import { guarding } from './audit/guarding.ts';
import { limits } from './audit/limits.ts';
import { type LiveAudit, liveChecks, runLiveJob } from './audit/live.ts';
import { reporting } from './audit/reporting.ts';
import { submitting } from './audit/submitting.ts';
import type { Provider } from './provider.ts';

/** Every check, in the order in which a job lives. */
export const checks: readonly Check[] = [
  ...limits,
  ...submitting,
  ...guarding,
  ...finding,
  ...reporting,
  ...failing,
  ...collecting,
  ...decoding,
  ...cancelling,
  ...deleting,
  ...calling,
];

/** How one check came out. */
export interface AuditFinding extends Omit<Check, 'run'> {
  /** `notice`: the question does not arise here, or a SHOULD does not hold. */
  readonly verdict: 'pass' | 'fail' | 'notice';
  /** Why it did not pass; null where it did. */
  readonly reason: string | null;
}

/** How a provider stands to the contract. */
export interface AuditReport {
  readonly provider: string;
  /** One for each check that was run, in the order of `checks`. */
  readonly findings: readonly AuditFinding[];
}

/** Runs the checks against the provider's emulator, one after the other; `only` those with these ids. */
export async function auditProvider(
  provider: Provider,
  { only = checks.map((check) => check.id) }: { only?: readonly string[] } = {},
): Promise<AuditReport> {
  const findings: AuditFinding[] = [];
  for (const check of checks.filter(({ id }) => only.includes(id))) {
    findings.push(await runCheck(provider, check));
  }
  return { provider: provider.name, findings };
}

/**
 * Runs those checks against the real service that one of them can be asked without faults, on one small job. Throws
 * what the submission or the waiting throws.
 */
export async function auditService(audit: LiveAudit): Promise<AuditReport> {
  const job = await runLiveJob(audit);
  const findings: AuditFinding[] = [];
  for (const { run: _, ...check } of checks) {
    const ask = liveChecks[check.id];
    if (ask !== undefined) findings.push(await judge(check, async () => ask(job)));
  }
  return { provider: audit.provider.name, findings };
}

const runCheck = (provider: Provider, { run, ...check }: Check): Promise<AuditFinding> =>
  judge(check, () => withBench(provider, run));

const judge = async (check: Omit<Check, 'run'>, ask: () => Promise<void>): Promise<AuditFinding> => {
  try {
    await ask();
    return { ...check, verdict: 'pass', reason: null };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof Inapplicable) return { ...check, verdict: 'notice', reason };
    const unmet = thrown instanceof Unmet ? reason : `it threw ${reason}`;
    return { ...check, verdict: check.level === 'MUST' ? 'fail' : 'notice', reason: unmet };
  }
};
