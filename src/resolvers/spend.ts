/** What the caller's organization spends. */
import type { Context } from '../context.ts';
import { type SpendOfDay, spendByDay } from '../db/queries/spend.ts';
import { type Day, dayOf, daysIn, firstDayOf, monthOf } from '../domain/month.ts';
import { ArgumentError } from '../errors.ts';

/** What a model of a provider cost on a day, as the schema's type is backed. */
export type SpendModel = SpendOfDay;

const daysMax = 366;
const rowsMax = 1000;

/** The organization's spend from one day to another. Throws `ArgumentError` where that is more than one answer takes. */
export async function spendOf(
  args: { readonly from?: Day | null | undefined; readonly to?: Day | null | undefined },
  { services: { clock, db }, scope }: Context,
): Promise<SpendOfDay[]> {
  const now = clock.now();
  const from = args.from ?? firstDayOf(monthOf(now));
  const to = args.to ?? dayOf(now);
  if (daysIn(from, to) > daysMax) {
    throw new ArgumentError('from', `"from" and "to" must be at most ${daysMax} days apart.`);
  }
  const rows = await db.read((q) => spendByDay(scope, q, { from, to, limit: rowsMax + 1 }));
  if (rows.length <= rowsMax) return rows;
  throw new ArgumentError(
    'from',
    `There are more than ${rowsMax} rows from "from" to "to"; ask for fewer days.`,
  );
}
