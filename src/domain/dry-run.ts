/** What a dry run of `createBatch` answers: what the same call would do, found out by the same rules, and nothing done. */
import type { Issue } from '../errors.ts';
import type { BudgetRefusal } from './budget.ts';
import type { CostRange } from './cost.ts';
import type { QuotaBreach } from './quota.ts';
import type { TokenEstimate } from './token-estimate.ts';

/** One of the jobs that the requests would be split into. */
export interface DryRunJob {
  readonly endpoint: string;
  /** What all its requests share; null where they differ or have none. */
  readonly model: string | null;
  readonly agentId: string | null;
  readonly requestCount: number;
  /** Exact bytes of the encoded job. */
  readonly bytes: number;
}

/** What was found out. */
export interface DryRunFindings {
  /** What is wrong with the input, at most `ValidationError.issuesMax` of it; then there is no split. */
  readonly issues: readonly Issue[];
  readonly issueCount: number;
  /** The setting of the service that is missing for the provider to be called; null where none is. */
  readonly missingSetting: string | null;
  /** The quotas that the organization would go beyond. */
  readonly quotasExceeded: readonly QuotaBreach[];
  readonly requestCount: number;
  readonly bytes: number;
  readonly jobs: readonly DryRunJob[];
  /** Null where it cannot be told of all requests. */
  readonly tokens: TokenEstimate | null;
  readonly cost: CostRange | null;
  /** Whether the call would submit the batch at once. */
  readonly submitsNow: boolean;
  /** What submitting these requests now would be refused with; null where it would not. */
  readonly budgetExceeded: BudgetRefusal | null;
  /** Whose prices these are. */
  readonly priceBook: string;
}

/** The answer of a dry run. A class, so that it can be told from the other answers of `createBatch`. */
export class DryRun {
  readonly findings: DryRunFindings;
  constructor(findings: DryRunFindings) {
    this.findings = findings;
  }
}
