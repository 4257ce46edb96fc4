/** What xAI's emulator refuses and shows, asked by plain fetch: the wire as the facts have it, and each doubt both ways. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { xai } from '../../src/providers/xai/index.ts';

let clock: HandClock;
let emulator: Emulator;
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  emulator = await xai.emulate({ clock });
});
afterEach(() => emulator.close());

const restart = async (switches: NonNullable<EmulatorOptions['switches']>) => {
  await emulator.close();
  emulator = await xai.emulate({ clock, switches });
};

/** The status, and whatever JSON came with it. */
const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const isForm = body instanceof FormData;
  const answer = await fetch(`${emulator.baseUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${emulator.apiKey}`,
      ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: JSON.parse(text), headers: answer.headers };
};

const create = async (more: JsonObject = {}): Promise<string> =>
  (await call('POST', '/batches', { name: 'mine', ...more })).body.batch_id;
const chat = (key: string, more: JsonObject = {}) => ({
  batch_request_id: key,
  batch_request: {
    chat_get_completion: {
      model: 'grok-4.3',
      messages: [{ role: 'user', content: `Say ${key}.` }],
      ...more,
    },
  },
});
const add = (id: string, ...batch_requests: readonly unknown[]) =>
  call('POST', `/batches/${id}/requests`, { batch_requests });

describe('a batch', () => {
  test('is created empty, with every member of the facts and no word for its state', async () => {
    const { status, body } = await call('POST', '/batches', { name: 'mine' });
    expect(status).toBe(200);
    expect(body).toEqual({
      batch_id: expect.stringMatching(/^batch_/),
      name: 'mine',
      create_time: '2026-11-22',
      expire_time: '2026-12-22',
      create_api_key_id: expect.any(String),
      cancel_time: null,
      cancel_by_xai_message: null,
      state: { num_requests: 0, num_pending: 0, num_success: 0, num_error: 0, num_cancelled: 0 },
    });
  });

  test('is filled call by call, answers an empty message each time, and each call has its own time', async () => {
    const id = await create();
    expect(await add(id, chat('a'), chat('b'))).toMatchObject({ status: 200, body: {} });
    clock.advance({ minutes: 1 });
    await add(id, chat('c'));
    const { state } = (await call('GET', `/batches/${id}`)).body;
    expect(state).toMatchObject({ num_requests: 3, num_success: 2, num_pending: 1 });
  });

  test('lists what was added to it, each with its state and its times', async () => {
    const id = await create();
    await add(id, chat('a'), chat('emulate:errored', {}), chat('c'));
    clock.advance({ seconds: 15 });
    const page = (await call('GET', `/batches/${id}/requests?limit=2`)).body;
    expect(page.batch_request_metadata).toHaveLength(2);
    expect(page.batch_request_metadata[0]).toEqual({
      batch_request_id: 'a',
      endpoint: 'xai_api.Chat/GetCompletion',
      model: 'grok-4.3',
      state: expect.stringMatching(/^(pending|succeeded)$/),
      create_time: '2026-11-22',
      finish_time: page.batch_request_metadata[0].state === 'pending' ? null : '2026-11-22',
    });
    const next = await call(
      'GET',
      `/batches/${id}/requests?limit=2&pagination_token=${page.pagination_token}`,
    );
    expect(next.body).toMatchObject({
      batch_request_metadata: [{ batch_request_id: 'c' }],
      pagination_token: null,
    });
    clock.advance({ minutes: 1 });
    const over = (await call('GET', `/batches/${id}/requests`)).body.batch_request_metadata;
    expect(over.map(({ state }: JsonObject) => state)).toEqual(['succeeded', 'failed', 'succeeded']);
  });

  test('makes an id for a request that has none', async () => {
    const id = await create();
    const { batch_request } = chat('a');
    await add(id, { batch_request }, { batch_request_id: null, batch_request });
    const [batch] = await emulator.batches();
    for (const key of batch?.keys ?? []) expect(key).toMatch(/^batch_request_[0-9a-f-]{36}$/);
    expect(batch?.requestCount).toBe(2);
  });

  test('takes nothing more once it is cancelled, be it empty', async () => {
    const id = await create();
    const cancelled = (await call('POST', `/batches/${id}:cancel`, {})).body;
    expect(cancelled).toMatchObject({ batch_id: id, cancel_time: '2026-11-22', cancel_by_xai_message: null });
    expect(await add(id, chat('a'))).toMatchObject({
      status: 403,
      body: { error: 'Cannot add requests to a cancelled batch' },
    });
  });

  test('that the vendor cancelled counts nothing, takes nothing and has no results', async () => {
    const id = await create();
    await add(id, chat('a'), chat('emulate:job-failed'));
    clock.advance({ seconds: 2 });
    expect((await call('GET', `/batches/${id}`)).body).toMatchObject({
      cancel_time: '2026-11-22',
      cancel_by_xai_message: 'This batch was asked to fail.',
      state: { num_requests: 0, num_pending: 0, num_success: 0 },
    });
    expect((await call('GET', `/batches/${id}/results`)).body).toEqual({
      results: [],
      pagination_token: null,
    });
    expect((await add(id, chat('b'))).status).toBe(403);
  });
});

describe('a call is refused', () => {
  const { batch_request } = chat('a');
  const body = batch_request.chat_get_completion;
  const refused: ReadonlyArray<readonly [string, number, RegExp, unknown]> = [
    ['without requests', 422, /batch_requests/, {}],
    ['with no request in it', 400, /must not be empty/, { batch_requests: [] }],
    ['with an unknown member', 422, /priority/, { batch_requests: [chat('a')], priority: 1 }],
    [
      'with an unknown member in a request',
      422,
      /custom_id/,
      { batch_requests: [{ ...chat('a'), custom_id: 'a' }] },
    ],
    ['with a request that is no object', 422, /invalid type/, { batch_requests: ['a'] }],
    [
      'with an id that is no text',
      422,
      /batch_request_id/,
      { batch_requests: [{ batch_request_id: 7, batch_request }] },
    ],
    ['without a wrapper', 422, /batch_request/, { batch_requests: [{ batch_request_id: 'a' }] }],
    [
      'with a wrapper that is not known',
      422,
      /nonsense/,
      { batch_requests: [{ batch_request: { nonsense: {} } }] },
    ],
    [
      'with two wrappers',
      422,
      /variant/,
      { batch_requests: [{ batch_request: { ...batch_request, responses: {} } }] },
    ],
    [
      'without a model',
      422,
      /model/,
      { batch_requests: [{ batch_request: { chat_get_completion: { messages: [] } } }] },
    ],
    [
      'without what the kind needs',
      422,
      /input/,
      { batch_requests: [{ batch_request: { responses: { model: 'grok-4.3' } } }] },
    ],
    [
      'with a model that takes no batches',
      400,
      /Model grok-4\.5 is not supported/,
      { batch_requests: [chat('a'), chat('b', { model: 'grok-4.5' })] },
    ],
    [
      'with an id twice, of another content',
      412,
      /'a' content differs/,
      {
        batch_requests: [
          chat('a'),
          { batch_request_id: 'a', batch_request: { responses: { ...body, input: '' } } },
        ],
      },
    ],
    ['with a body that is no JSON', 400, /JSON/, '{'],
  ];

  test.each(refused)('%s, as a whole', async (_name, status, message, sent) => {
    const id = await create();
    const answer = await call('POST', `/batches/${id}/requests`, sent);
    expect(answer).toMatchObject({
      status,
      body: { code: expect.any(String), error: expect.stringMatching(message) },
    });
    expect((await emulator.batches())[0]?.keys).toEqual([]);
  });

  test.each([
    ['without a name', {}, 422],
    ['with an empty name', { name: '' }, 422],
    ['with an unknown member', { name: 'a', endpoint: '/v1/responses' }, 422],
    ['with a file that is none', { name: 'a', input_file_id: 'file_none' }, 404],
    ['with a file that is no text', { name: 'a', input_file_id: 7 }, 422],
  ])('that creates a batch %s', async (_name, sent, status) => {
    expect((await call('POST', '/batches', sent)).status).toBe(status);
    expect(await emulator.batches()).toEqual([]);
  });

  test('without a key, or to nowhere', async () => {
    expect((await call('GET', '/batches', undefined, { authorization: '' })).status).toBe(401);
    expect(await call('GET', '/models')).toMatchObject({
      status: 404,
      body: { code: 'Some requested entity was not found', error: expect.any(String) },
    });
    expect((await call('GET', '/batches/batch_none')).status).toBe(404);
    expect((await call('POST', '/batches/batch_none:cancel')).status).toBe(404);
    expect((await call('GET', '/batches/batch_none/results')).status).toBe(404);
  });

  test('with a limit or a token that cannot be', async () => {
    const id = await create();
    for (const path of ['/batches', `/batches/${id}/requests`, `/batches/${id}/results`]) {
      for (const query of ['limit=0', 'limit=1001', 'limit=x', 'pagination_token=nonsense']) {
        expect((await call('GET', `${path}?${query}`)).status).toBe(400);
      }
      expect((await call('GET', `${path}?limit=1000&pagination_token=`)).status).toBe(200);
    }
  });
});

describe('each doubt about the vendor can be turned both ways', () => {
  test('a request of more than 25 MB is too large, and so are requests together where calls are measured', async () => {
    const long = 'x'.repeat(13_000_000);
    const two = [chat('a', { user: long }), chat('b', { user: long })];
    const id = await create();
    expect((await add(id, ...two)).status).toBe(200);
    expect((await add(id, chat('c', { user: long + long }))).status).toBe(413);
    await restart({ bytesMaxOf: 'call' });
    expect((await add(await create(), ...two)).status).toBe(413);
  });

  test('the same request again is ignored, or refused with the whole call', async () => {
    for (const [duplicates, status, keys] of [
      ['ignored', 200, ['a', 'b']],
      ['refused', 412, ['a']],
    ] as const) {
      await restart({ duplicates });
      const id = await create();
      await add(id, chat('a'));
      expect((await add(id, chat('a'), chat('b'))).status).toBe(status);
      expect((await emulator.batches())[0]?.keys).toEqual(keys);
    }
  });

  test('the last page ends with null, or with an empty token', async () => {
    expect((await call('GET', '/batches')).body.pagination_token).toBeNull();
    await restart({ lastToken: 'empty' });
    expect((await call('GET', '/batches')).body.pagination_token).toBe('');
  });

  test('a batch is kept for thirty days, or for one, told as days or as moments', async () => {
    await restart({ retention: '1d', times: 'moments' });
    const { body } = await call('GET', `/batches/${await create()}`);
    expect(body).toMatchObject({
      create_time: '2026-11-22T10:00:00.000Z',
      expire_time: '2026-11-23T10:00:00.000Z',
    });
  });

  test('a switch that does not exist, or stands where it cannot, stops the emulator from starting', async () => {
    for (const switches of [{ nonsense: true }, { times: 'weeks' }]) {
      await expect(xai.emulate({ clock, switches })).rejects.toThrow();
    }
  });
});

describe('a batch of a file', () => {
  const line = (custom_id: string, more: JsonObject = {}) =>
    JSON.stringify({
      custom_id,
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model: 'grok-4.3', messages: [{ role: 'user', content: custom_id }] },
      ...more,
    });
  const upload = (content: string, fields: ReadonlyArray<readonly [string, string]> = [], after = false) => {
    const form = new FormData();
    if (after) form.append('file', new Blob([content]), 'in.jsonl');
    for (const [name, value] of fields) form.append(name, value);
    if (!after) form.append('file', new Blob([content]), 'in.jsonl');
    return call('POST', '/files', form);
  };
  const createOf = async (content: string) =>
    create({ input_file_id: (await upload(content)).body.id as string });

  test('is read after its creation, closed from then on, and mixes endpoints', async () => {
    const responses = line('b', { url: '/v1/responses', body: { model: 'grok-4.3', input: 'b' } });
    const id = await createOf(`${line('a')}\n\n${responses}\n`);
    const shown = async () => (await call('GET', `/batches/${id}`)).body;
    expect(await shown()).toMatchObject({
      input_file_id: expect.stringMatching(/^file_/),
      state: { num_requests: 0, num_pending: 0 },
    });
    expect(await add(id, chat('c'))).toMatchObject({
      status: 412,
      body: { error: 'Cannot add inline requests to a file-based batch' },
    });
    clock.advance({ seconds: 1 });
    expect((await shown()).state).toMatchObject({ num_requests: 2, num_pending: 2 });
    clock.advance({ minutes: 1 });
    const { results } = (await call('GET', `/batches/${id}/results`)).body;
    expect(results.map((result: JsonObject) => result['batch_request_id'])).toEqual(['a', 'b']);
    for (const { batch_result } of results) {
      expect(batch_result.response.chat_get_completion).toMatchObject({ object: 'chat.completion' });
    }
  });

  test.each([
    ['{', 'line 2: invalid JSON'],
    ['[]', 'line 2: invalid JSON: expected an object'],
    [line('a'), "line 2: duplicate custom_id 'a'"],
    [line('b', { method: 'GET' }), 'line 2: method must be POST'],
    [line('b', { url: '/v1/embeddings' }), "line 2: unsupported url '/v1/embeddings'"],
    [line('b', { body: {} }), 'line 2: missing field `model`'],
    [line('b', { priority: 1 }), 'line 2: unknown field `priority`'],
    ['{"method":"POST"}', 'line 2: missing field `custom_id`'],
    [
      line('b', { body: { model: 'grok-4.5', messages: [] } }),
      'Model grok-4.5 is not supported for batch processing.',
    ],
  ])('is cancelled by the vendor for the single line %s', async (bad, why) => {
    const id = await createOf(`${line('a')}\n${bad}\n${line('c')}`);
    clock.advance({ seconds: 1 });
    expect((await call('GET', `/batches/${id}`)).body).toMatchObject({
      cancel_time: '2026-11-22',
      cancel_by_xai_message: `JSONL file validation failed: ${why}`,
      state: { num_requests: 0, num_error: 0 },
    });
  });

  test('of no requests, or of more than 50,000, is cancelled too', async () => {
    const many = Array.from({ length: 50_001 }, (_, n) => line(`n${n}`)).join('\n');
    for (const [content, why] of [
      ['\n', /no requests/],
      [many, /50000/],
    ] as const) {
      const id = await createOf(content);
      clock.advance({ seconds: 1 });
      expect((await call('GET', `/batches/${id}`)).body.cancel_by_xai_message).toMatch(why);
    }
  });

  test('has a file that stays as long as was asked for, which must be said before the file', async () => {
    const hour = [['expires_after', '3600']] as const;
    const { body } = await upload(line('a'), hour);
    expect(body).toEqual({
      id: expect.stringMatching(/^file_/),
      object: 'file',
      bytes: Buffer.byteLength(line('a')),
      created_at: 1795341600,
      expires_at: 1795345200,
      filename: 'in.jsonl',
      purpose: '',
    });
    expect((await upload(line('a'), hour, true)).status).toBe(400);
    expect((await upload(line('a'), [['expires_after', '60']])).status).toBe(400);
    clock.advance({ hours: 1 });
    expect((await call('GET', `/files/${body.id}`)).status).toBe(404);
  });

  test('has no file in a form without one, nor in what is no form', async () => {
    expect((await call('POST', '/files', new FormData())).status).toBe(400);
    expect((await call('POST', '/files', { file: 'x' })).status).toBe(400);
  });
});
