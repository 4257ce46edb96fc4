import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createPlanner,
  type Plan,
  type PlannedJob,
  type PlannerItem,
  type PlannerOptions,
} from '../../src/domain/splitting.ts';

const fields = ['model', 'endpoint', 'agentId'] as const;

const planOf = (options: PlannerOptions, items: Iterable<PlannerItem>): Plan => {
  const planner = createPlanner(options);
  for (const item of items) planner.add(item);
  return planner.finish();
};

const jobsOf = (plan: Plan): readonly PlannedJob[] => {
  if (plan.kind === 'refused') throw new Error(`refused: ${JSON.stringify(plan.refusals)}`);
  return plan.jobs;
};

/** Limits of a provider that bounds only what a test is about. */
const provider = (
  limits: Partial<PlannerOptions['limits']>,
  rest: Partial<PlannerOptions> = {},
): PlannerOptions => ({
  limits: { requestsMin: 1, requestsMax: 50_000, bytesMax: 200_000_000, lineBytesMax: null, ...limits },
  frameBytes: (count) => count,
  unmixable: [],
  ...rest,
});

const item = (position: number, rest: Partial<PlannerItem> = {}): PlannerItem => ({
  position,
  model: 'm',
  endpoint: '/v1/chat',
  agentId: null,
  encodedBytes: 10,
  ...rest,
});

const items = (count: number, rest: Partial<PlannerItem> = {}): PlannerItem[] =>
  Array.from({ length: count }, (_, position) => item(position, rest));

const counts = (plan: Plan): number[] => jobsOf(plan).map((job) => job.requestCount);

const anyItems = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 3 }),
      model: fc.constantFrom('a', 'b', null),
      endpoint: fc.constantFrom('/x', '/y'),
      agentId: fc.constantFrom('agent', null),
      encodedBytes: fc.integer({ min: 1, max: 12 }),
    }),
    { maxLength: 60 },
  )
  .map((drawn) => {
    let next = -1;
    return drawn.map(({ gap, ...rest }): PlannerItem => {
      next += gap;
      return { position: next, ...rest };
    });
  });
const anyOptions = fc
  .record({
    requestsMin: fc.integer({ min: 0, max: 5 }),
    above: fc.nat(10),
    bytesMax: fc.integer({ min: 15, max: 90 }),
    lineBytesMax: fc.option(fc.integer({ min: 8, max: 14 })),
    frame: fc.nat(3),
    separator: fc.nat(1),
    unmixable: fc.subarray([...fields]),
  })
  .map(
    ({ above, frame, separator, unmixable, ...limits }): PlannerOptions => ({
      limits: { ...limits, requestsMax: Math.max(1, limits.requestsMin) + above },
      frameBytes: (count) => frame + separator * count,
      unmixable,
    }),
  );

const groupKey = (options: PlannerOptions, of: PlannerItem | PlannedJob): string =>
  JSON.stringify(options.unmixable.map((field) => of[field]));
const fits = ({ limits, frameBytes }: PlannerOptions, job: readonly PlannerItem[]): boolean =>
  job.length <= (limits.requestsMax ?? Number.POSITIVE_INFINITY) &&
  bytesOf(job) + frameBytes(job.length) <= limits.bytesMax;
const bytesOf = (job: readonly PlannerItem[]): number =>
  job.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0);

/** The same rules with everything held in memory: null where a job stays below the minimum. */
const splitPlainly = (options: PlannerOptions, all: readonly PlannerItem[]): PlannerItem[][] | null => {
  const { requestsMin } = options.limits;
  const jobs = [...Map.groupBy(all, (one) => groupKey(options, one)).values()].flatMap((group) => {
    const split: PlannerItem[][] = [];
    for (const one of group) {
      if (split.length > 0 && fits(options, [...split.at(-1)!, one])) split.at(-1)!.push(one);
      else split.push([one]);
    }
    for (let at = 1; at < split.length; at += 1) {
      const missing = requestsMin - split[at]!.length;
      if (missing <= 0 || split[at - 1]!.length < requestsMin + missing) continue;
      const topped = [...split[at - 1]!.slice(-missing), ...split[at]!];
      if (fits(options, topped)) [split[at - 1], split[at]] = [split[at - 1]!.slice(0, -missing), topped];
    }
    return split;
  });
  if (jobs.some((job) => job.length < requestsMin)) return null;
  return jobs.sort((one, other) => one[0]!.position - other[0]!.position);
};

describe('a plan', () => {
  test("puts every position into exactly one job, in the caller's order, and keeps to every limit", () => {
    let planned = 0;
    fc.assert(
      fc.property(anyOptions, anyItems, (options, all) => {
        const plan = planOf(options, all);
        if (plan.kind === 'refused') return;
        planned += 1;
        const byPosition = new Map(all.map((one) => [one.position, one]));
        const inJobs = plan.jobs.map((job) =>
          [...job.positions].map((position) => byPosition.get(position)!),
        );
        expect(
          inJobs
            .flat()
            .map(({ position }) => position)
            .sort((a, b) => a - b),
        ).toEqual([...byPosition.keys()]);
        for (const [at, job] of plan.jobs.entries()) {
          const inside = inJobs[at]!;
          expect(job.requestCount).toBe(inside.length);
          expect(job.bytes).toBe(bytesOf(inside));
          expect(inside.length).toBeGreaterThanOrEqual(options.limits.requestsMin);
          expect(fits(options, inside)).toBe(true);
          for (const { encodedBytes } of inside) {
            expect(encodedBytes).toBeLessThanOrEqual(options.limits.lineBytesMax ?? Number.POSITIVE_INFINITY);
          }
          for (const field of fields) {
            const values = new Set(inside.map((one) => one[field]));
            if (options.unmixable.includes(field)) expect(values.size).toBe(1);
            expect(job[field]).toBe(values.size === 1 ? inside[0]![field] : null);
          }
        }
        for (const group of Map.groupBy(inJobs, (job) => groupKey(options, job[0]!)).values()) {
          const order = group.flat().map(({ position }) => position);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
      }),
      { numRuns: 400 },
    );
    expect(planned).toBeGreaterThan(50);
  });

  test('is the same as that of a split which holds all items in memory', () => {
    const seen = { planned: 0, refused: 0 };
    fc.assert(
      fc.property(anyOptions, anyItems, (options, all) => {
        const { lineBytesMax, bytesMax } = options.limits;
        const longest = Math.min(lineBytesMax ?? bytesMax, bytesMax - options.frameBytes(1));
        const short = all.filter(({ encodedBytes }) => encodedBytes <= longest);
        const plan = planOf(options, short);
        seen[plan.kind] += 1;
        const expected =
          splitPlainly(options, short)?.map((job) => job.map(({ position }) => position)) ?? null;
        expect(plan.kind === 'planned' ? plan.jobs.map((job) => [...job.positions]) : null).toEqual(expected);
      }),
      { numRuns: 400 },
    );
    expect(Math.min(seen.planned, seen.refused)).toBeGreaterThan(30);
  });

  test('never refuses a group of enough requests where bytes do not bind and two minimums fit into a job', () => {
    const limits = fc.record({ requestsMin: fc.integer({ min: 1, max: 6 }), above: fc.nat(10) });
    fc.assert(
      fc.property(limits, fc.nat(80), ({ requestsMin, above }, count) => {
        const plan = planOf(
          provider({ requestsMin, requestsMax: 2 * requestsMin - 1 + above }),
          items(count),
        );
        expect(plan.kind).toBe(count === 0 || count >= requestsMin ? 'planned' : 'refused');
      }),
    );
  });

  test('has no jobs where there are no items', () => {
    expect(planOf(provider({ requestsMin: 100 }), [])).toEqual({ kind: 'planned', jobs: [] });
  });

  test('puts a single request into one job', () => {
    const [job, ...others] = jobsOf(planOf(provider({}), [item(7)]));
    expect(others).toEqual([]);
    expect([...job!.positions]).toEqual([7]);
    expect(job).toMatchObject({
      model: 'm',
      endpoint: '/v1/chat',
      agentId: null,
      requestCount: 1,
      bytes: 10,
    });
  });

  test('fills a job to exactly the greatest count, and begins another with one more', () => {
    expect(counts(planOf(provider({ requestsMax: 3 }), items(3)))).toEqual([3]);
    expect(counts(planOf(provider({ requestsMax: 3 }), items(4)))).toEqual([3, 1]);
  });

  test('fills a job to exactly the greatest size, frame included, and begins another with one byte more', () => {
    // Three lines of 10 bytes and a frame of 3.
    expect(counts(planOf(provider({ bytesMax: 33 }), items(3)))).toEqual([3]);
    expect(counts(planOf(provider({ bytesMax: 32 }), items(3)))).toEqual([2, 1]);
  });

  test('gives the last job just enough to reach the minimum: 50,001 lines become 49,901 and 100', () => {
    const plan = planOf(provider({ requestsMin: 100 }), items(50_001));
    expect(jobsOf(plan).map((job) => job.positions.toMultirange())).toEqual([
      '{[0,49901)}',
      '{[49901,50001)}',
    ]);
    expect(jobsOf(plan).map((job) => job.bytes)).toEqual([499_010, 1000]);
  });

  test('leaves the last job as it is where it reaches the minimum by itself', () => {
    expect(counts(planOf(provider({ requestsMin: 100 }), items(50_100)))).toEqual([50_000, 100]);
  });

  test('tops up a job that large lines end early, not only the last one', () => {
    const sizes = [1, 1, 1, 9, 5, 5];
    const all = sizes.map((encodedBytes, position) => item(position, { encodedBytes }));
    const tight = provider({ requestsMin: 2, bytesMax: 10 }, { frameBytes: () => 0 });
    expect(counts(planOf(tight, all))).toEqual([2, 2, 2]);
  });

  test('numbers the jobs of all groups by their first position', () => {
    const all = items(9).map((one) => ({ ...one, model: one.position % 2 === 0 ? 'even' : 'odd' }));
    const jobs = jobsOf(planOf(provider({ requestsMax: 2 }, { unmixable: ['model'] }), all));
    expect(jobs.map((job) => [job.model, ...job.positions])).toEqual([
      ['even', 0, 2],
      ['odd', 1, 3],
      ['even', 4, 6],
      ['odd', 5, 7],
      ['even', 8],
    ]);
  });

  test('names the model of a job that gave its only other model away', () => {
    const all = [item(0), item(1), item(2), item(3, { model: 'n' }), item(4, { model: 'n' })];
    const jobs = jobsOf(planOf(provider({ requestsMin: 2, requestsMax: 4 }), all));
    expect(jobs.map((job) => [job.model, job.requestCount])).toEqual([
      ['m', 3],
      ['n', 2],
    ]);
  });

  test('keeps an item without a model apart from those with one, where models may not mix', () => {
    const all = [item(0), item(1, { model: null }), item(2, { model: 'null' })];
    expect(counts(planOf(provider({}, { unmixable: ['model'] }), all))).toEqual([1, 1, 1]);
  });
});

describe('a refusal', () => {
  test('names each line that no job can hold, and the most bytes that one may have', () => {
    const all = [item(0), item(1, { encodedBytes: 51 }), item(2, { encodedBytes: 50 })];
    const refusals = [{ kind: 'line-too-large', position: 1, encodedBytes: 51, limit: 50 }];
    const expected = { kind: 'refused', refusals, total: 1 };
    expect(planOf(provider({ lineBytesMax: 50 }), all)).toEqual(expected);
    // The frame of a job of one takes one byte.
    expect(planOf(provider({ bytesMax: 51 }), all)).toEqual(expected);
    expect(planOf(provider({ lineBytesMax: 90, bytesMax: 51 }), all)).toEqual(expected);
  });

  test('names a hundred lines that are too large and counts them all', () => {
    const plan = planOf(provider({ lineBytesMax: 9 }), items(1234));
    expect(plan).toMatchObject({ kind: 'refused', total: 1234 });
    expect(plan.kind === 'refused' && plan.refusals.length).toBe(100);
  });

  test('names every group that cannot reach the minimum, by what sets it apart', () => {
    const all = [
      ...items(3, { model: 'small' }),
      ...items(5, { model: 'enough' }),
      ...items(1, { model: null, endpoint: '/v1/embeddings' }),
    ].map((one, position) => ({ ...one, position }));
    const plan = planOf(provider({ requestsMin: 5 }, { unmixable: ['model'] }), all);
    const group = { kind: 'group-below-minimum', endpoint: null, agentId: null, minimum: 5 };
    expect(plan).toEqual({
      kind: 'refused',
      refusals: [
        { ...group, model: 'small', requestCount: 3 },
        { ...group, model: null, requestCount: 1 },
      ],
      total: 2,
    });
  });

  test('stands where the bytes allow no balance of the last two jobs', () => {
    // 4 + 1 lines; the last is so large that no other fits beside it.
    const all = [...items(4), item(4, { encodedBytes: 40 })];
    const plan = planOf(provider({ requestsMin: 2, bytesMax: 44 }), all);
    expect(plan).toEqual({
      kind: 'refused',
      refusals: [
        {
          kind: 'group-below-minimum',
          model: null,
          endpoint: null,
          agentId: null,
          requestCount: 1,
          minimum: 2,
        },
      ],
      total: 1,
    });
  });

  test('does not blame a group for the lines that were refused for their size', () => {
    const all = [item(0), item(1, { encodedBytes: 60 }), item(2, { encodedBytes: 70 })];
    const refusalsAt = (requestsMin: number) => {
      const plan = planOf(provider({ requestsMin, lineBytesMax: 50 }), all);
      return plan.kind === 'refused' ? plan.refusals : [];
    };
    const lines = [{ kind: 'line-too-large' }, { kind: 'line-too-large' }];
    expect(refusalsAt(3)).toMatchObject(lines);
    expect(refusalsAt(4)).toMatchObject([
      ...lines,
      { kind: 'group-below-minimum', requestCount: 3, minimum: 4 },
    ]);
  });
});

test('positions that do not ascend are a fault', () => {
  const planner = createPlanner(provider({}));
  planner.add(item(1));
  expect(() => planner.add(item(1))).toThrow(RangeError);
});

describe('what may occur only once in a job', () => {
  const agents = (...ids: (string | null)[]) => ids.map((agentId, position) => item(position, { agentId }));
  const oncePerAgent = provider({}, { distinct: ['agentId'] });
  const positionsOf = (plan: Plan) => jobsOf(plan).map((job) => [...job.positions]);

  test('goes to as many jobs as it occurs, each in the caller’s order', () => {
    const plan = planOf(oncePerAgent, agents('a', 'b', 'a', 'c', 'b', 'a'));
    expect(positionsOf(plan)).toEqual([[0, 1, 3], [2, 4], [5]]);
  });

  test('never stands twice in a job, and needs no more jobs than its most frequent value', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', null), { minLength: 1, maxLength: 60 }), (ids) => {
        const jobs = positionsOf(planOf(oncePerAgent, agents(...ids)));
        expect(jobs.flat().sort((one, other) => one - other)).toEqual(ids.map((_, position) => position));
        for (const job of jobs) {
          const held = job.map((position) => ids[position]);
          expect(new Set(held).size).toBe(held.length);
        }
        const most = Math.max(
          ...Map.groupBy(ids, (id) => id)
            .values()
            .map(({ length }) => length),
        );
        expect(jobs).toHaveLength(most);
      }),
    );
  });

  test('keeps an earlier request for an agent in an earlier job', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { maxLength: 30 }), (ids) => {
        const jobs = positionsOf(planOf(oncePerAgent, agents(...ids)));
        for (const agent of ['a', 'b']) {
          const places = ids.flatMap((id, position) =>
            id === agent ? [jobs.findIndex((job) => job.includes(position))] : [],
          );
          expect(places).toEqual([...places].sort((one, other) => one - other));
        }
      }),
    );
  });
});

test('a provider that names no most requests bounds a job by its bytes alone', () => {
  expect(counts(planOf(provider({ requestsMax: null, bytesMax: 1_100_000 }), items(200_000)))).toEqual([
    100_000, 100_000,
  ]);
});
