/** The plain routes below a batch's own address: who may read them, what they refuse, and what they show meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { leavesOf, placesBelowLists } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let id: string;
let url: string;
beforeAll(async () => {
  service = await startTestService();
  ({ id, url } = await makeBatch());
});

afterAll(() => service.close());

async function makeBatch(): Promise<{ id: string; url: string }> {
  // Two models make two jobs; the second never leaves half-way.
  const list = ['', '', 'emulate:errored', 'emulate:stuck', '', ''].map((directive, index) => ({
    body: { ...chatBody(`q ${index}`, directive), model: index < 3 ? 'quick' : 'slow' },
  }));
  const input = { provider: 'openai', name: 'watched', requests: { list } };
  return (await mutate(service, 'createBatch', input, { batch: 'id url' })).batch;
}

const get = (address: string, headers: Record<string, string> = { authorization: `Bearer ${sandboxKey}` }) =>
  fetch(address, { headers });
const routes = ['', '/input.jsonl', '/output.jsonl', '/errors.jsonl'];
const downloads = routes.slice(1);

describe.each(routes)('The route %s of a batch', (rest) => {
  it.each<[string, Record<string, string>]>([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer wrong' }],
  ])('answers 401 to %s', async (_title, headers) => {
    const response = await get(`${url}${rest}`, headers);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toEqual({
      error: {
        code: 'UNAUTHENTICATED',
        message: 'Send a valid API key as "Authorization: Bearer <key>" or "x-api-key: <key>".',
      },
    });
  });

  it('takes the key in x-api-key too', async () => {
    expect((await get(`${url}${rest}`, { 'x-api-key': sandboxKey })).status).toBe(200);
  });

  it("answers 404 to another organization's key, and to an id that nothing has or that is none", async () => {
    const { key } = await service.addOrganization('Stranger');
    const { origin } = new URL(url);
    for (const response of [
      await get(`${url}${rest}`, { 'x-api-key': key }),
      await get(`${origin}/batches/01900000-0000-7000-8000-000000000000${rest}`),
      await get(`${origin}/batches/nothing${rest}`),
      await get(`${origin}/batches/${id}${rest}`),
    ]) {
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({
        error: { code: 'NOT_FOUND', message: 'There is no batch with this id.' },
      });
    }
  });

  it('is only read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await fetch(`${url}${rest}`, { method, headers: { 'x-api-key': sandboxKey } });
      expect(response.status).toBe(404);
    }
  });
});

it.each(['', '-1', '1.5', '0x1', '1e1', '+1', 'x', '2147483648', 'Infinity'])(
  'A download after %s is refused with 400',
  async (after) => {
    for (const rest of downloads) {
      const response = await get(`${url}${rest}?after=${after}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        error: {
          code: 'INVALID_ARGUMENT',
          message: 'after must be the position of a line, a whole number from 0.',
        },
      });
    }
  },
);

it.each(downloads)('The download %s says what it is and what it may be called', async (rest) => {
  const { headers } = await get(`${url}${rest}`);
  expect(headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
  const name = rest.slice(1).replace('.jsonl', '');
  expect(headers.get('content-disposition')).toBe(`attachment; filename=watched-${name}.jsonl`);
});

it('The address of a batch answers all its plain fields as GraphQL does, at every moment', async () => {
  const batchType = placesBelowLists().find(({ type }) => type.name === 'Batch')?.type;
  const leaves = leavesOf(batchType ?? null);
  const same = async () => {
    const { data } = await service.query(
      `query($id: ID!) { batch(id: $id) { ${leaves} counts { total succeeded errored submitted } } }`,
      { id },
    );
    const response = await get(url);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const shown = await response.json();
    expect(shown).toMatchObject(data.batch);
    return shown;
  };
  expect(await same()).toMatchObject({ name: 'watched', status: 'ACCUMULATING', counts: { total: 6 } });
  await mutate(service, 'submitBatch', { batchId: id });
  await service.work();
  expect(await same()).toMatchObject({ status: 'VALIDATING', counts: { submitted: 6 } });
  await service.turn(30, 15);
  expect(await same()).toMatchObject({
    status: 'IN_PROGRESS',
    counts: { succeeded: 2, errored: 1, submitted: 3 },
  });
});

it('Downloads during a run give what is there, and later the same and more', async () => {
  const { id, url } = await makeBatch();
  await mutate(service, 'submitBatch', { batchId: id });
  await service.work();
  await service.turn(30, 15);
  const lines = async (rest: string) => (await (await get(`${url}${rest}`)).text()).split('\n').slice(0, -1);
  const positions = (all: string[]) => all.map((line) => JSON.parse(line).position);
  const early = { output: await lines('/output.jsonl'), errors: await lines('/errors.jsonl') };
  expect(positions(early.output)).toEqual([0, 1]);
  expect(positions(early.errors)).toEqual([2]);
  expect(await lines('/input.jsonl')).toHaveLength(6);

  await mutate(service, 'cancelBatch', { batchId: id });
  await service.turn(30, 15);
  const { data } = await service.query(
    'query($id: ID!) { batch(id: $id) { status counts { succeeded cancelled } } }',
    { id },
  );
  expect(data.batch).toMatchObject({ status: 'COMPLETED', counts: { succeeded: 3, cancelled: 2 } });
  const late = { output: await lines('/output.jsonl'), errors: await lines('/errors.jsonl') };
  expect(late.output.slice(0, 2)).toEqual(early.output);
  expect(late.errors.slice(0, 1)).toEqual(early.errors);
  expect(positions([...late.output, ...late.errors]).toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
});
