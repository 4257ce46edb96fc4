import { currency } from '../domain/cost.ts';
import type { SpendModel } from '../resolvers/spend.ts';
import { builder } from './builder.ts';
import { UsageType } from './usage.ts';

/** What a model of a provider cost on a day. */
export const SpendType = builder.objectRef<SpendModel>('Spend').implement({
  description:
    'What the results of one model of one provider cost that came on one day. Null is "nobody knows", never zero.',
  fields: (t) => ({
    day: t.field({ type: 'Date', description: 'The day, in UTC.', resolve: ({ day }) => day }),
    provider: t.exposeString('provider', { description: "The provider's name." }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'The model, as the requests name it; null where they name none.',
    }),
    sandbox: t.exposeBoolean('sandbox', {
      description: 'Whether emulators answered, so that nothing was paid.',
    }),
    succeeded: t.exposeInt('succeeded', { description: 'How many answers came.' }),
    cost: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'What they cost, failed attempts that used something included.',
      resolve: ({ cost }) => cost,
    }),
    savedAgainstRealtime: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'How much more the same tokens would have cost without a batch.',
      resolve: ({ saved }) => saved,
    }),
    unpriced: t.exposeInt('unpriced', {
      description: 'How many answers have no known cost; `cost` leaves them out.',
    }),
    usage: t.field({ type: UsageType, description: 'The tokens that they used.', resolve: (spend) => spend }),
    currency: t.string({ description: 'The currency: USD.', resolve: () => currency }),
  }),
});
