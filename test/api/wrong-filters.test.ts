/** Filters and names that nothing can match are refused by name, or match nothing; none is a fault. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate } from '../support/mutations.ts';
import { argumentError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let batchId: string;
beforeAll(async () => {
  service = await startTestService();
  batchId = (await mutate(service, 'createBatch', { provider: 'openai' })).batch.id;
});
afterAll(() => service.close());

const nul = 'a\\u0000';
const empty = (field: string) => `"filter.${field}" is an empty list; leave it out to match everything.`;
const withNul = (field: string) => `"filter.${field}" must not contain the character NUL.`;

describe('A list', () => {
  it.each([
    ['batches', 'status: []', empty('status')],
    ['batches', 'provider: []', empty('provider')],
    ['batches', `provider: ["openai", "${nul}"]`, withNul('provider')],
    ['batches', 'namePrefix: ""', '"filter": namePrefix must be 1 to 512 characters long.'],
    ['batches', 'metadata: "x"', '"filter": metadata must be an object whose values are strings.'],
    ['batches', 'metadata: { a: 1 }', '"filter": A metadata value must be a string.'],
    ['batches', 'metadata: {}', '"filter": metadata is an empty object; leave it out to match everything.'],
    ['jobs', 'provider: []', empty('provider')],
    ['jobs', `provider: ["${nul}"]`, withNul('provider')],
    ['batch items', 'status: []', empty('status')],
    ['batch items', 'errorCode: []', empty('errorCode')],
    ['batch items', `errorCode: ["${nul}"]`, withNul('errorCode')],
  ])('of %s refuses the filter %s', async (list, filter, message) => {
    const path = list.split(' ');
    const field = `${path.at(-1)}(filter: { ${filter} }) { totalCount edges { cursor } }`;
    const { errors } = await service.query(
      path.length === 1 ? `{ ${field} }` : `{ batch(id: "${batchId}") { ${field} } }`,
    );
    expect(errors).toEqual(argumentError('filter', message, path));
  });

  it('of nodes refuses more than a hundred ids', async () => {
    const { errors } = await service.query(`{ nodes(ids: [${'"x"'.repeat(101)}]) { id } }`);
    expect(errors).toEqual(
      argumentError('ids', '"ids" may have at most 100 entries; it has 101.', ['nodes']),
    );
  });
});

describe('A moment', () => {
  const refused = [
    'yesterday',
    '2026-11-23',
    '2026-11-23T10:00:00',
    '2026-02-30T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-01:00',
  ];
  const document =
    'query($moment: DateTime) { batches(filter: { createdAfter: $moment }) { totalCount edges { cursor } } }';

  it.each(refused)('is refused when it is %s', async (moment) => {
    const { errors } = await service.query(document, { moment });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0].message).toContain(
      'A DateTime is text with its offset, such as "2026-11-23T10:00:00Z".',
    );
  });

  it.each(['0001-01-01T00:00:00Z', '2026-11-23T09:59:59.999Z', '2026-11-23T11:59:59+02:00'])(
    'before the batch lets it through when it is %s',
    async (moment) => {
      const { data } = await service.query(document, { moment });
      expect(data.batches.totalCount).toBe(1);
    },
  );

  it.each(['2026-11-23T10:00:00Z', '2026-11-23T11:00:00+01:00', '9999-12-31T23:59:59Z'])(
    'not before the batch holds it back when it is %s',
    async (moment) => {
      const { data } = await service.query(document, { moment });
      expect(data.batches.totalCount).toBe(0);
    },
  );
});

describe('A customId that no item can have', () => {
  it.each(['a\0b', 'a\ud800b', '', 'x'.repeat(513)])('finds nothing (%j)', async (customId) => {
    const { data, errors } = await service.query(
      'query($id: ID!, $customId: String!) { batch(id: $id) { item(customId: $customId) { id } } }',
      { id: batchId, customId },
    );
    expect(errors).toBeUndefined();
    expect(data.batch.item).toBeNull();
  });
});
