import { type CostRange, currency } from '../domain/cost.ts';
import type { CostModel } from '../resolvers/cost.ts';
import { builder } from './builder.ts';

/** From what to what something costs. */
export const CostRangeType = builder.objectRef<CostRange>('CostRange').implement({
  description: 'From what to what something is thought to cost.',
  fields: (t) => ({
    low: t.field({
      type: 'Decimal',
      description: 'The least: the fewest tokens that its input can be, and no answer.',
      resolve: ({ low }) => low,
    }),
    high: t.field({
      type: 'Decimal',
      nullable: true,
      description:
        'The most: as many tokens as its input can be, and the longest answers that it allows. Null where it sets no bound to them.',
      resolve: ({ high }) => high,
    }),
  }),
});

/** What a batch, an item or an attempt costs. */
export const CostType = builder.objectRef<CostModel>('Cost').implement({
  description:
    'What something costs, at the prices of a batch. Null is "nobody knows", never zero. In the sandbox it is what it would cost: nothing is paid there.',
  fields: (t) => ({
    estimated: t.field({
      type: CostRangeType,
      nullable: true,
      description:
        'What it was thought to cost when it came. Null where any request names a model without a known price, or holds more than text.',
      resolve: ({ estimate }) => estimate(),
    }),
    actual: t.field({
      type: 'Decimal',
      nullable: true,
      description:
        'What its results cost so far, by the tokens that they tell, or by what the provider says that it took.',
      resolve: ({ cost }) => cost,
    }),
    savedAgainstRealtime: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'How much more the same tokens would have cost without a batch.',
      resolve: ({ saved }) => saved,
    }),
    unpriced: t.exposeInt('unpriced', {
      description: 'How many answers have no known cost; `actual` leaves them out.',
    }),
    currency: t.string({ description: 'The currency of all of these: USD.', resolve: () => currency }),
  }),
});
