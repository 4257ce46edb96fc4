/** The lists of one batch, walked page by page in both directions, with every page size and with random filters. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
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

/** Pages of a list of one batch. */
const pagesOfBatch =
  (id: string, list: 'items' | 'jobs' | 'events', node: string, filter?: Variables): FetchPage =>
  async (page) => {
    const [declared, given] =
      list === 'items' ? [', $filter: BatchItemFilter', ', filter: $filter'] : ['', ''];
    const document = `query($id: ID!, ${pageVariables}${declared}) {
      batch(id: $id) { ${list}(${pageArguments}${given}) { ${pageSelection(node)} } } }`;
    const variables = { id, ...page, ...(filter === undefined ? {} : { filter }) };
    return (await service.query(document, variables)).data.batch[list];
  };

const everything: PageVariables = { first: 100 };
const nodesOf = ({ edges }: Page) => edges.map(({ node }) => node);

describe('A list of one batch', () => {
  let id: string;
  beforeAll(async () => {
    const fates = [
      '',
      'errored',
      'expired',
      'overloaded',
      '',
      'malformed',
      'missing',
      '',
      'errored',
      '',
      'errored',
    ];
    // A job holds one model, so that five models make five jobs.
    const list = fates.map((fate, index) => ({
      body: { ...chatBody(`q ${index}`, fate === '' ? '' : `emulate:${fate}`), model: `model-${index % 5}` },
    }));
    const input = { provider: 'openai', requests: { list }, submit: 'NOW' };
    id = (await mutate(service, 'createBatch', input)).batch.id;
    await service.work();
    await service.turn(30, 15);
    await mutate(service, 'updateBatch', { batchId: id, name: 'one more event' });
  });

  it('has the items in the order of their positions, in pages of every size', async () => {
    const fetchPage = pagesOfBatch(id, 'items', 'id position status');
    const whole = nodesOf(await fetchPage(everything));
    expect(whole.map(({ position }) => position)).toEqual(Array.from({ length: 11 }, (_, index) => index));
    await expectPagesOfEverySize(fetchPage, whole);
  });

  it('has the jobs in the order of their numbers, in pages of every size', async () => {
    const fetchPage = pagesOfBatch(id, 'jobs', 'id number');
    const whole = nodesOf(await fetchPage(everything));
    expect(whole.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    await expectPagesOfEverySize(fetchPage, whole);
  });

  it('has the events in the order of their numbers without gaps, in pages of every size', async () => {
    const fetchPage = pagesOfBatch(id, 'events', 'seq kind');
    const whole = nodesOf(await fetchPage(everything));
    expect(whole.map(({ seq }) => seq)).toEqual(
      Array.from({ length: whole.length }, (_, index) => index + 1),
    );
    expect(whole[0]).toMatchObject({ kind: 'BATCH_CREATED' });
    expect(whole.at(-1)).toMatchObject({ kind: 'BATCH_UPDATED' });
    await expectPagesOfEverySize(fetchPage, whole);
  });

  it('of items is exactly what passes by status and error code', async () => {
    const node = 'id position status error { code }';
    const whole = nodesOf(await pagesOfBatch(id, 'items', node)(everything));
    const codeOf = ({ error }: Readonly<Variables>) => (error as { code: string } | null)?.code ?? null;
    const codes = [...new Set(whole.map(codeOf))].filter((code) => code !== null);
    expect(codes.length).toBeGreaterThan(3);
    const filters = fc.record({
      status: fc.option(
        fc.subarray(['PENDING', 'SUCCEEDED', 'ERRORED', 'EXPIRED', 'CANCELLED'], { minLength: 1 }),
      ),
      errorCode: fc.option(fc.subarray([...codes, 'no_such_code'], { minLength: 1 })),
    });
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 1, max: 12 }), async (filter, pageSize) => {
        const passing = whole.filter((item) => {
          const code = codeOf(item);
          const byStatus =
            filter.status === null || filter.status.some((status) => status === item['status']);
          return (
            byStatus && (filter.errorCode === null || (code !== null && filter.errorCode.includes(code)))
          );
        });
        await expectPages(pagesOfBatch(id, 'items', node, filter), passing, pageSize);
      }),
      { seed: 4, numRuns: 20 },
    );
  });
});
