/** The payload of a dry run. How much of a long split is shown is decided here; what it says is `batches/dry-run.ts`'. */
import { currency } from '../domain/cost.ts';
import { DryRun, type DryRunJob } from '../domain/dry-run.ts';
import type { TokenEstimate } from '../domain/token-estimate.ts';
import { BudgetBreachType } from './budget.ts';
import { builder } from './builder.ts';
import { CostRangeType } from './cost.ts';
import { IssueType } from './errors.ts';
import { QuotaBreachType } from './quota.ts';

const TokenEstimateType = builder.objectRef<TokenEstimate>('TokenEstimate').implement({
  description: 'How many tokens requests are thought to use together, by the length of their texts.',
  fields: (t) => ({
    inputLow: t.field({
      type: 'BigInt',
      description: 'The least that their input can be.',
      resolve: ({ inputLow }) => inputLow,
    }),
    inputHigh: t.field({
      type: 'BigInt',
      description: 'The most that their input can be.',
      resolve: ({ inputHigh }) => inputHigh,
    }),
    outputMax: t.field({
      type: 'BigInt',
      nullable: true,
      description:
        'The longest that all answers can be together; null where a body sets no bound, as `max_tokens` does.',
      resolve: ({ outputMax }) => outputMax,
    }),
  }),
});

const DryRunJobType = builder.objectRef<DryRunJob>('DryRunJob').implement({
  description: 'A job that the requests would be split into.',
  fields: (t) => ({
    endpoint: t.exposeString('endpoint', { description: 'The endpoint of its requests.' }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'The model that all its requests name; null where they name several or none.',
    }),
    agentId: t.exposeString('agentId', {
      nullable: true,
      description: 'The agent that all its requests are for; null where they are for several or none.',
    }),
    requestCount: t.exposeInt('requestCount', { description: 'How many requests it would hold.' }),
    bytes: t.field({
      type: 'BigInt',
      description: 'How many bytes would be sent.',
      resolve: ({ bytes }) => bytes,
    }),
  }),
});

const jobsShown = 1000;

/** What a dry run comes to. */
export const DryRunType = builder.objectType(DryRun, {
  name: 'DryRunPayload',
  description:
    'What createBatch would do with this input, by the same rules; split as if it was submitted with these requests. Nothing was made, stored or sent.',
  fields: (t) => ({
    accepted: t.boolean({
      description:
        'Whether the call would go through: nothing is wrong, nothing is missing, no quota is exceeded, and what it would send at once fits into the budget.',
      resolve: ({ findings }) =>
        findings.issueCount === 0 &&
        findings.missingSetting === null &&
        findings.quotasExceeded.length === 0 &&
        !(findings.submitsNow && findings.budgetExceeded !== null),
    }),
    issues: t.field({
      type: [IssueType],
      description:
        'What is wrong: every field, and every bad line with its number, ids that occur twice included; at most 100.',
      resolve: ({ findings }) => [...findings.issues],
    }),
    issueCount: t.int({
      description: 'How many things are wrong in all.',
      resolve: ({ findings }) => findings.issueCount,
    }),
    missingSetting: t.string({
      nullable: true,
      description:
        'The setting of the service without which the provider cannot be used; null where none is missing.',
      resolve: ({ findings }) => findings.missingSetting,
    }),
    quotasExceeded: t.field({
      type: [QuotaBreachType],
      description: 'The quotas that your organization would go beyond now, at most 5.',
      resolve: ({ findings }) => [...findings.quotasExceeded],
    }),
    requestCount: t.int({
      description: 'How many requests there are; 0 where anything is wrong with them.',
      resolve: ({ findings }) => findings.requestCount,
    }),
    bytes: t.field({
      type: 'BigInt',
      description: 'The size of all request bodies, in bytes.',
      resolve: ({ findings }) => findings.bytes,
    }),
    jobCount: t.int({
      description: 'How many jobs they would be split into; 0 where anything is wrong.',
      resolve: ({ findings }) => findings.jobs.length,
    }),
    jobs: t.field({
      type: [DryRunJobType],
      description: 'These jobs, in the order of their numbers; at most 1,000.',
      resolve: ({ findings }) => findings.jobs.slice(0, jobsShown),
    }),
    tokens: t.field({
      type: TokenEstimateType,
      nullable: true,
      description: 'What they are thought to use; null where any request holds more than text.',
      resolve: ({ findings }) => findings.tokens,
    }),
    cost: t.field({
      type: CostRangeType,
      nullable: true,
      description:
        'What they are thought to cost; null also where any request names a model without a known price.',
      resolve: ({ findings }) => findings.cost,
    }),
    budgetExceeded: t.field({
      type: BudgetBreachType,
      nullable: true,
      description: 'What submitting them now would be refused with; null where it would not.',
      resolve: ({ findings }) => findings.budgetExceeded,
    }),
    currency: t.string({ description: 'The currency of the cost: USD.', resolve: () => currency }),
    priceBook: t.string({
      description: 'Which prices these are: the catalogue and its version, and that of your own.',
      resolve: ({ findings }) => findings.priceBook,
    }),
  }),
});
