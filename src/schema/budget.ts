/** The budget of an organization, what a batch holds of it, and the mutation that sets it. */
import { type BudgetRefusal, refusalMessage } from '../domain/budget.ts';
import { currency } from '../domain/cost.ts';
import { BudgetExceededError, ValidationError } from '../errors.ts';
import { type BudgetModel, reservedOf, setBudget } from '../resolvers/budget.ts';
import { builder } from './builder.ts';
import { ErrorInterface } from './errors.ts';
import { resultOf } from './mutation-result.ts';
import { BatchRef } from './nodes.ts';

/** A month's budget, and what is used of it. */
export const BudgetType = builder.objectRef<BudgetModel>('Budget').implement({
  description:
    'How much your organization may spend in this month, in UTC, and what is used of it. What emulators answer counts in the sandbox only.',
  fields: (t) => ({
    month: t.string({ description: 'The month: `2026-11`.', resolve: ({ month }) => month }),
    limit: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'How much may be spent in a month; null where there is no budget.',
      resolve: ({ limit }) => limit,
    }),
    spent: t.field({
      type: 'Decimal',
      description: 'What the results cost that came in this month, as far as it is known.',
      resolve: ({ spent }) => spent,
    }),
    unpriced: t.exposeInt('unpriced', {
      description: 'How many answers of this month have no known cost; `spent` leaves them out.',
    }),
    reserved: t.field({
      type: 'Decimal',
      description:
        'What is held for batches under way: the most that they may still cost. It turns into `spent` as results come.',
      resolve: ({ reserved }) => reserved,
    }),
    unreserved: t.exposeInt('unreserved', {
      description: 'How many batches under way hold nothing, because nobody can tell what they will cost.',
    }),
    remaining: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'What a submission may cost now; null where there is no budget.',
      resolve: ({ remaining }) => remaining,
    }),
    warnedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When four fifths of it were used; null where they are not. Told by an event BUDGET_WARNING in batchesUpdated.',
      resolve: ({ warnedAt }) => warnedAt,
    }),
    currency: t.string({ description: 'The currency: USD.', resolve: () => currency }),
  }),
});

const meanings = {
  budget: 'How much your organization may spend in the month.',
  spent: 'What it has spent, as far as it is known.',
  reserved: 'What is held for what is under way.',
  estimated: 'The most that this is thought to cost; null where nobody can tell, and the budget is used up.',
  month: 'The month: `2026-11`.',
} as const;

builder.objectType(BudgetExceededError, {
  name: 'BudgetExceeded',
  description:
    "What would be sent may cost more than your organization's budget has left for this month. Nothing was sent; what is under way goes on.",
  interfaces: [ErrorInterface],
  fields: (t) => ({
    budget: t.field({
      type: 'Decimal',
      description: meanings.budget,
      resolve: ({ refusal }) => refusal.limit,
    }),
    spent: t.field({ type: 'Decimal', description: meanings.spent, resolve: ({ refusal }) => refusal.spent }),
    reserved: t.field({
      type: 'Decimal',
      description: meanings.reserved,
      resolve: ({ refusal }) => refusal.reserved,
    }),
    estimated: t.field({
      type: 'Decimal',
      nullable: true,
      description: meanings.estimated,
      resolve: ({ refusal }) => refusal.estimated,
    }),
    month: t.string({ description: meanings.month, resolve: ({ refusal }) => refusal.month }),
  }),
});

/** The same, as a dry run tells it. */
export const BudgetBreachType = builder.objectRef<BudgetRefusal>('BudgetBreach').implement({
  description: 'A budget that a submission would not fit into.',
  fields: (t) => ({
    budget: t.field({ type: 'Decimal', description: meanings.budget, resolve: ({ limit }) => limit }),
    spent: t.field({ type: 'Decimal', description: meanings.spent, resolve: ({ spent }) => spent }),
    reserved: t.field({
      type: 'Decimal',
      description: meanings.reserved,
      resolve: ({ reserved }) => reserved,
    }),
    estimated: t.field({
      type: 'Decimal',
      nullable: true,
      description: meanings.estimated,
      resolve: ({ estimated }) => estimated,
    }),
    month: t.exposeString('month', { description: meanings.month }),
    message: t.string({ description: 'The same for people.', resolve: refusalMessage }),
  }),
});

builder.objectField(BatchRef, 'reserved', (t) =>
  t.field({
    type: 'Decimal',
    nullable: true,
    description:
      "What it holds of your organization's budget: the most that it may still cost while it is under way, else 0; null where nobody can tell.",
    resolve: (batch) => reservedOf(batch),
  }),
);

const SetBudgetInput = builder.inputType('SetBudgetInput', {
  description: 'How much your organization may spend.',
  fields: (t) => ({
    limit: t.field({
      type: 'Decimal',
      description:
        'How many US dollars in each month; 0 sends nothing more, null takes the budget away. Must be given.',
    }),
  }),
});

builder.mutationField('setBudget', (t) =>
  t.field({
    type: builder.objectRef<Awaited<ReturnType<typeof setBudget>>>('SetBudgetPayload').implement({
      description: 'The budget is set.',
      fields: (p) => ({
        budget: p.field({
          type: BudgetType,
          description: 'The budget as it is now.',
          resolve: ({ budget }) => budget,
        }),
      }),
    }),
    description:
      'Sets how much your organization may spend in each month. What is under way goes on; submissions that do not fit are refused with BudgetExceeded. Needs a key with the scope ADMIN.',
    args: { input: t.arg({ type: SetBudgetInput, required: true, description: 'The budget from now on.' }) },
    authScopes: { admin: true },
    errors: resultOf('SetBudget', [ValidationError]),
    resolve: (_root, args, context) => setBudget(args, context),
  }),
);
