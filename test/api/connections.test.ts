/**
 * The organization's lists, walked page by page in both directions over random data: pages joined are the whole
 * list, whatever their size, the filter and the order; nothing is skipped or told twice, also where many rows
 * share a millisecond.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFor } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import {
  expectPages,
  expectPagesOfEverySize,
  type FetchPage,
  type Page,
  type PageVariables,
  pageSelection,
} from '../support/pages.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

type Variables = Record<string, unknown>;
const pageArguments = 'first: $first, after: $after, last: $last, before: $before';
const pageVariables = '$first: Int, $after: String, $last: Int, $before: String';

/** Pages of a list of the organization. */
const pagesOf =
  (list: 'batches' | 'jobs', node: string, variables: Variables = {}, key?: string): FetchPage =>
  async (page) => {
    const type = list === 'batches' ? 'BatchFilter' : 'JobFilter';
    const document = `query(${pageVariables}, $filter: ${type}, $orderBy: CreationOrder) {
      ${list}(${pageArguments}, filter: $filter, orderBy: $orderBy) { ${pageSelection(node)} } }`;
    return (await service.query(document, { ...page, ...variables }, key)).data[list];
  };

const everything: PageVariables = { first: 100 };
const nodesOf = ({ edges }: Page) => edges.map(({ node }) => node);

describe('A list by creation time', () => {
  /** How many milliseconds lie between one batch and the one before it. */
  const gaps = fc.array(fc.constantFrom(0, 0, 1, 1000), { maxLength: 8 });

  it.each(['ASC', 'DESC'] as const)(
    'of batches is told whole in pages of every size, %s',
    async (direction) => {
      await fc.assert(
        fc.asyncProperty(gaps, async (milliseconds) => {
          const { key } = await service.addOrganization('random');
          const made: { id: string; createdAt: string }[] = [];
          for (const gap of milliseconds) {
            service.clock.advance({ seconds: gap / 1000 });
            const options = { key, batch: 'id createdAt' };
            made.push((await mutate(service, 'createBatch', { provider: 'openai' }, options)).batch);
          }
          const fetchPage = pagesOf('batches', 'id createdAt', { orderBy: { direction } }, key);
          const whole = nodesOf(await fetchPage(everything));
          expect(new Set(whole.map(({ id }) => id))).toEqual(new Set(made.map(({ id }) => id)));
          const times = whole.map(({ createdAt }) => String(createdAt));
          expect(times).toEqual(direction === 'ASC' ? times.toSorted() : times.toSorted().reverse());
          await expectPagesOfEverySize(fetchPage, whole);
        }),
        { seed: 1, numRuns: 4 },
      );
    },
  );

  it('of batches made in one millisecond skips none of them', async () => {
    const { key } = await service.addOrganization('one millisecond');
    for (let batch = 0; batch < 12; batch += 1)
      await mutate(service, 'createBatch', { provider: 'openai' }, { key });
    const fetchPage = pagesOf('batches', 'id createdAt', {}, key);
    const whole = nodesOf(await fetchPage(everything));
    expect(new Set(whole.map(({ createdAt }) => createdAt)).size).toBe(1);
    expect(whole).toHaveLength(12);
    await expectPagesOfEverySize(fetchPage, whole);
  });

  it('goes one way in one order and exactly the other way in the other', async () => {
    const { key } = await service.addOrganization('both ways');
    for (const gap of [0, 0, 1, 0, 2]) {
      service.clock.advance({ seconds: gap / 1000 });
      await mutate(service, 'createBatch', { provider: 'openai' }, { key });
    }
    const [ascending, descending, byDefault] = await Promise.all(
      [{ orderBy: { direction: 'ASC' } }, { orderBy: { direction: 'DESC' } }, {}].map(async (variables) =>
        nodesOf(await pagesOf('batches', 'id', variables, key)(everything)),
      ),
    );
    expect(descending).toEqual(ascending?.toReversed());
    expect(byDefault).toEqual(descending);
  });
});

describe('A filtered list', () => {
  let key: string;
  beforeAll(async () => {
    ({ key } = await service.addOrganization('filtered'));
    // One of every state that can be had at once: finished in several ways, running, open and cancelled.
    for (const directive of ['', 'emulate:errored', 'emulate:expired', 'emulate:stuck']) {
      for (const provider of ['openai', 'anthropic']) {
        const requests = { list: [{ body: bodyFor(provider, 'q', directive) }] };
        const named = { name: `50%_${provider}`, metadata: { team: provider, run: `run ${directive}` } };
        await mutate(service, 'createBatch', { provider, requests, submit: 'NOW', ...named }, { key });
      }
      service.clock.advance({ seconds: 1 });
    }
    await service.work();
    await service.turn(30, 15);
    for (const provider of ['openai', 'anthropic', 'openai']) {
      const { batch } = await mutate(service, 'createBatch', { provider }, { key });
      service.clock.advance({ seconds: 1 });
      if (provider === 'anthropic') await mutate(service, 'cancelBatch', { batchId: batch.id }, { key });
    }
  });

  const direction = fc.constantFrom('ASC', 'DESC');
  const size = fc.integer({ min: 1, max: 12 });
  const providers = fc.option(fc.subarray(['openai', 'anthropic', 'nobody'], { minLength: 1 }));
  const wanted = (values: unknown[] | null, value: unknown) => values === null || values.includes(value);

  it('of batches is exactly what passes by status, provider, times, name and metadata', async () => {
    const node = 'id status provider createdAt name metadata';
    const ascending = nodesOf(
      await pagesOf('batches', node, { orderBy: { direction: 'ASC' } }, key)(everything),
    );
    const statuses = [...new Set(ascending.map(({ status }) => status))];
    expect(statuses.length).toBeGreaterThan(4);
    const time = fc.option(fc.constantFrom(...ascending.map(({ createdAt }) => String(createdAt))));
    const filters = fc.record({
      status: fc.option(fc.subarray(statuses, { minLength: 1 })),
      provider: providers,
      createdAfter: time,
      createdBefore: time,
      namePrefix: fc.option(fc.constantFrom('50%_', '50%_open', '50__', 'x')),
      metadata: fc.option(
        fc.constantFrom({ team: 'openai' }, { run: 'run ', team: 'anthropic' }, { team: 'x' }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(filters, direction, size, async (filter, order, pageSize) => {
        const passing = ascending.filter(
          ({ status, provider, createdAt, name, metadata }) =>
            wanted(filter.status, status) &&
            (filter.namePrefix === null || String(name ?? '').startsWith(filter.namePrefix)) &&
            Object.entries(filter.metadata ?? {}).every(
              ([pair, value]) => (metadata as Record<string, string>)[pair] === value,
            ) &&
            wanted(filter.provider, provider) &&
            (filter.createdAfter === null || String(createdAt) > filter.createdAfter) &&
            (filter.createdBefore === null || String(createdAt) < filter.createdBefore),
        );
        const fetchPage = pagesOf('batches', node, { filter, orderBy: { direction: order } }, key);
        await expectPages(fetchPage, order === 'ASC' ? passing : passing.toReversed(), pageSize);
      }),
      { seed: 2, numRuns: 30 },
    );
  });

  it('of jobs is exactly what passes by status and provider', async () => {
    const node = 'id status provider';
    const ascending = nodesOf(
      await pagesOf('jobs', node, { orderBy: { direction: 'ASC' } }, key)(everything),
    );
    expect(ascending).toHaveLength(8);
    const statuses = [...new Set(ascending.map(({ status }) => status))];
    const filters = fc.record({
      status: fc.option(fc.subarray(statuses, { minLength: 1 })),
      provider: providers,
    });
    await fc.assert(
      fc.asyncProperty(filters, direction, size, async (filter, order, pageSize) => {
        const passing = ascending.filter(
          ({ status, provider }) => wanted(filter.status, status) && wanted(filter.provider, provider),
        );
        const fetchPage = pagesOf('jobs', node, { filter, orderBy: { direction: order } }, key);
        await expectPages(fetchPage, order === 'ASC' ? passing : passing.toReversed(), pageSize);
      }),
      { seed: 3, numRuns: 10 },
    );
  });
});
