/** What results come to together: how many of each outcome, their tokens, their costs. Pure. */
import type { ResultCost } from './cost.ts';
import { plusKnown, sumOfKnown } from './decimal.ts';
import type { ResultStatus } from './status.ts';
import { type Usage, usageFields } from './usage.ts';

/** How many results there are of each outcome, and the sums of their tokens and costs, null where none of them knows any. */
export interface Tally extends Usage, ResultCost {
  readonly succeeded: number;
  readonly errored: number;
  readonly expired: number;
  readonly cancelled: number;
  /** How many of those that succeeded have no known cost. */
  readonly unpriced: number;
}

/** What is counted of one result. */
export interface Counted extends Usage, ResultCost {
  readonly status: ResultStatus;
}

/** How many results there are. */
export const totalOf = ({ succeeded, errored, expired, cancelled }: Tally): number =>
  succeeded + errored + expired + cancelled;

/** What these results come to. */
export function tallyOf(results: readonly Counted[]): Tally {
  const counts = { SUCCEEDED: 0, ERRORED: 0, EXPIRED: 0, CANCELLED: 0 } satisfies Record<
    ResultStatus,
    number
  >;
  let unpriced = 0;
  for (const { status, cost } of results) {
    counts[status] += 1;
    if (status === 'SUCCEEDED' && cost === null) unpriced += 1;
  }
  return {
    succeeded: counts.SUCCEEDED,
    errored: counts.ERRORED,
    expired: counts.EXPIRED,
    cancelled: counts.CANCELLED,
    unpriced,
    ...tokensOf(results),
    cost: sumOfKnown(results.map(({ cost }) => cost)),
    saved: sumOfKnown(results.map(({ saved }) => saved)),
  };
}

/** What so many results with this outcome come to, of which nothing else is known. */
export const tallyOfSame = (status: ResultStatus, count: number): Tally => ({
  ...tallyOf([]),
  [countOf[status]]: count,
  unpriced: status === 'SUCCEEDED' ? count : 0,
});

const countOf = {
  SUCCEEDED: 'succeeded',
  ERRORED: 'errored',
  EXPIRED: 'expired',
  CANCELLED: 'cancelled',
} as const satisfies Record<ResultStatus, keyof Tally>;

/** All of them together. */
export function addTallies(tallies: readonly Tally[]): Tally {
  const count = (name: 'succeeded' | 'errored' | 'expired' | 'cancelled' | 'unpriced') =>
    tallies.reduce((sum, tally) => sum + tally[name], 0);
  return {
    succeeded: count('succeeded'),
    errored: count('errored'),
    expired: count('expired'),
    cancelled: count('cancelled'),
    unpriced: count('unpriced'),
    ...tokensOf(tallies),
    cost: tallies.reduce<Tally['cost']>((sum, { cost }) => plusKnown(sum, cost), null),
    saved: tallies.reduce<Tally['saved']>((sum, { saved }) => plusKnown(sum, saved), null),
  };
}

/** Whether there is anything in it that somebody could be asked to pay for, or should be able to. */
export const isSpent = (tally: Tally): boolean =>
  tally.succeeded > 0 || tally.cost !== null || usageFields.some((field) => tally[field] !== null);

function tokensOf(all: readonly Usage[]): Usage {
  const sum = (field: keyof Usage): number | null => {
    let known: number | null = null;
    for (const usage of all) {
      const tokens = usage[field];
      if (tokens !== null) known = (known ?? 0) + tokens;
    }
    return known;
  };
  return {
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cachedInputTokens: sum('cachedInputTokens'),
    cacheWriteInputTokens: sum('cacheWriteInputTokens'),
    reasoningTokens: sum('reasoningTokens'),
  };
}
