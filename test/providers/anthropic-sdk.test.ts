/** The vendor's own SDK, unchanged, against the emulator: what it needs is there, in the form that it expects. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { openSharedHost } from '../../src/emulators/shared-host.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { Emulator } from '../../src/providers/emulation.ts';

let clock: HandClock;
let emulator: Emulator;
let sdk: Anthropic;
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  emulator = await anthropic.emulate({ clock });
  sdk = sdkFor(emulator);
});
afterEach(() => emulator.close());

const sdkFor = ({ baseUrl, apiKey }: Pick<Emulator, 'baseUrl' | 'apiKey'>): Anthropic =>
  new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });

const requestOf = (
  custom_id: string,
  content = `Say ${custom_id}.`,
): Anthropic.Messages.BatchCreateParams.Request => ({
  custom_id,
  params: { model: 'claude-x', max_tokens: 64, messages: [{ role: 'user', content }] },
});

const createBatch = (...ids: string[]) =>
  sdk.messages.batches.create({ requests: ids.map((id) => requestOf(id)) });

describe('the SDK', () => {
  test('creates a batch whose every member is there, with all requests in processing', async () => {
    expect(await createBatch('a', 'b')).toEqual({
      id: expect.stringMatching(/^msgbatch_/),
      type: 'message_batch',
      processing_status: 'in_progress',
      request_counts: { processing: 2, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      created_at: '2026-11-22T10:00:00.000000Z',
      expires_at: '2026-11-23T10:00:00.000000Z',
      ended_at: null,
      cancel_initiated_at: null,
      archived_at: null,
      results_url: null,
    });
  });

  test('sees no count move until the whole batch has ended', async () => {
    const { id } = await createBatch('a', 'b');
    clock.advance({ seconds: 12 });
    const running = await sdk.messages.batches.retrieve(id);
    expect(running.request_counts).toMatchObject({ processing: 2, succeeded: 0 });
    clock.advance({ seconds: 30 });
    const ended = await sdk.messages.batches.retrieve(id);
    expect(ended).toMatchObject({
      processing_status: 'ended',
      request_counts: { processing: 0, succeeded: 2 },
      ended_at: '2026-11-22T10:00:22.000000Z',
      results_url: `${emulator.baseUrl}/v1/messages/batches/${id}/results`,
    });
  });

  test('lists the newest batches first, and walks through all pages by itself', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.unshift((await createBatch(name)).id);
    const found: string[] = [];
    for await (const { id } of sdk.messages.batches.list({ limit: 2 })) found.push(id);
    expect(found).toEqual(ids);
    expect(emulator.calls.filter(({ operation }) => operation === 'list')).toHaveLength(3);
  });

  test('walks back through the pages by before_id', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.unshift((await createBatch(name)).id);
    const page = await sdk.messages.batches.list({ limit: 2, before_id: ids[4]! });
    expect(page.data.map(({ id }) => id)).toEqual([ids[2], ids[3]]);
    expect(page).toMatchObject({ has_more: true, first_id: ids[2], last_id: ids[3] });
    const found: string[] = [];
    for await (const { id } of page) found.push(id);
    expect(found.toSorted()).toEqual(ids.slice(0, 4).toSorted());
  });

  test.each([0, 1001])('is refused a page of %i', async (limit) => {
    await expect(sdk.messages.batches.list({ limit })).rejects.toThrow(Anthropic.BadRequestError);
  });

  test('reads the results line by line, once the batch has ended', async () => {
    const { id } = await createBatch('a', 'b', 'c');
    await expect(sdk.messages.batches.results(id)).rejects.toThrow('Has it finished processing?');
    clock.advance({ minutes: 1 });
    const found = new Map<string, string>();
    for await (const { custom_id, result } of await sdk.messages.batches.results(id)) {
      found.set(custom_id, result.type);
      if (result.type !== 'succeeded') continue;
      expect(result.message).toMatchObject({ type: 'message', role: 'assistant', model: 'claude-x' });
      expect(result.message.content[0]).toMatchObject({ type: 'text', text: expect.stringMatching(/\S/) });
      expect(result.message.usage).toMatchObject({ service_tier: 'batch', cache_read_input_tokens: 0 });
    }
    expect([...found].toSorted()).toEqual([
      ['a', 'succeeded'],
      ['b', 'succeeded'],
      ['c', 'succeeded'],
    ]);
  });

  test('reads bad params, passing trouble and lack of time as lines of the results', async () => {
    const { id } = await sdk.messages.batches.create({
      requests: [
        { custom_id: 'bad', params: { ...requestOf('bad').params, max_tokens: 0 } },
        requestOf('overloaded', 'emulate:overloaded'),
        requestOf('expired', 'emulate:expired'),
      ],
    });
    clock.advance({ minutes: 1 });
    const results = new Map<string, Anthropic.Messages.MessageBatchResult>();
    for await (const line of await sdk.messages.batches.results(id)) results.set(line.custom_id, line.result);
    expect(Object.fromEntries(results)).toMatchObject({
      bad: {
        type: 'errored',
        error: {
          type: 'error',
          error: { type: 'invalid_request_error', message: /max_tokens/ },
          request_id: null,
        },
      },
      overloaded: { type: 'errored', error: { error: { type: 'overloaded_error' } } },
      expired: { type: 'expired' },
    });
    const { request_counts } = await sdk.messages.batches.retrieve(id);
    expect(request_counts).toEqual({ processing: 0, succeeded: 0, errored: 2, canceled: 0, expired: 1 });
  });

  test('reads an answer in the JSON that it asked for, or one cut at max_tokens', async () => {
    const schema = {
      type: 'object',
      properties: { mood: { enum: ['good', 'bad'] } },
      required: ['mood'],
      additionalProperties: false,
    };
    const { params } = requestOf('json');
    const { id } = await sdk.messages.batches.create({
      requests: [
        {
          custom_id: 'json',
          params: { ...params, output_config: { format: { type: 'json_schema', schema } } },
        },
        { custom_id: 'cut', params: { ...params, max_tokens: 2 } },
      ],
    });
    clock.advance({ minutes: 1 });
    const messages = new Map<string, Anthropic.Message>();
    for await (const { custom_id, result } of await sdk.messages.batches.results(id)) {
      if (result.type === 'succeeded') messages.set(custom_id, result.message);
    }
    const [block] = messages.get('json')!.content;
    expect(JSON.parse(block?.type === 'text' ? block.text : '')).toEqual({
      mood: expect.stringMatching(/^(good|bad)$/),
    });
    expect(messages.get('json')).toMatchObject({ stop_reason: 'end_turn' });
    expect(messages.get('cut')).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 2 } });
  });

  test.each([
    ['emulate:job-expired', 'ended', { succeeded: 2, errored: 0, expired: 2, processing: 0 }],
    ['emulate:job-failed', 'ended', { succeeded: 0, errored: 4, expired: 0, processing: 0 }],
    ['emulate:stuck', 'in_progress', { succeeded: 0, errored: 0, expired: 0, processing: 4 }],
  ])(
    'sees what a whole batch was asked for, in the words that there are: %s',
    async (wish, status, counts) => {
      const requests = [requestOf('a', wish), requestOf('b'), requestOf('c'), requestOf('d')];
      const { id } = await sdk.messages.batches.create({ requests });
      clock.advance({ hours: 1 });
      const batch = await sdk.messages.batches.retrieve(id);
      expect(batch).toMatchObject({ processing_status: status, request_counts: counts });
    },
  );

  test('meets a word that it does not know, where it asks to', async () => {
    const { id } = await sdk.messages.batches.create({
      requests: [requestOf('a', 'emulate:unknown-status')],
    });
    clock.advance({ seconds: 5 });
    expect((await sdk.messages.batches.retrieve(id)).processing_status).toBe('daydreaming');
    clock.advance({ minutes: 1 });
    expect((await sdk.messages.batches.retrieve(id)).processing_status).toBe('ended');
  });

  test('cancels a batch, and finds what had finished beside what had not', async () => {
    const { id } = await createBatch('a', 'b', 'c', 'd');
    clock.advance({ seconds: 11 });
    expect(await sdk.messages.batches.cancel(id)).toMatchObject({
      processing_status: 'canceling',
      cancel_initiated_at: '2026-11-22T10:00:11.000000Z',
      request_counts: { processing: 4, canceled: 0 },
    });
    clock.advance({ seconds: 1 });
    expect(await sdk.messages.batches.retrieve(id)).toMatchObject({
      processing_status: 'ended',
      request_counts: { processing: 0, succeeded: 2, canceled: 2 },
    });
    const types: string[] = [];
    for await (const { result } of await sdk.messages.batches.results(id)) types.push(result.type);
    expect(types.toSorted()).toEqual(['canceled', 'canceled', 'succeeded', 'succeeded']);
  });

  test('deletes a batch that has ended, and no other', async () => {
    const { id } = await createBatch('a');
    await expect(sdk.messages.batches.delete(id)).rejects.toThrow(Anthropic.BadRequestError);
    clock.advance({ minutes: 1 });
    expect(await sdk.messages.batches.delete(id)).toEqual({ id, type: 'message_batch_deleted' });
    await expect(sdk.messages.batches.retrieve(id)).rejects.toThrow(Anthropic.NotFoundError);
  });

  test('finds a batch 29 days after its creation, and its results no more', async () => {
    const { id } = await createBatch('a');
    clock.advance({ hours: 29 * 24 });
    const { archived_at } = await sdk.messages.batches.retrieve(id);
    expect(archived_at).toBe('2026-12-21T10:00:00.000000Z');
    await expect(sdk.messages.batches.results(id)).rejects.toThrow(Anthropic.NotFoundError);
  });

  test('reads an error as its own class, with the type and the request id', async () => {
    const failure = await sdk.messages.batches.retrieve('msgbatch_none').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Anthropic.NotFoundError);
    expect(failure).toMatchObject({ status: 404, type: 'not_found_error' });
    expect((failure as InstanceType<typeof Anthropic.NotFoundError>).requestID).toMatch(/^req_/);
  });

  test('is answered 401 with a key that nobody gave out', async () => {
    const stranger = sdkFor({ baseUrl: emulator.baseUrl, apiKey: 'sk-ant-stranger' });
    await expect(stranger.messages.batches.list()).rejects.toThrow(Anthropic.AuthenticationError);
  });
});

test('everything is the same under a path that several emulators share', async () => {
  const host = await openSharedHost({ host: '127.0.0.1', port: 0 });
  try {
    const mounted = await anthropic.emulate({ clock, host: host.at('anthropic') });
    sdk = sdkFor(mounted);
    const { id } = await createBatch('a');
    clock.advance({ minutes: 1 });
    const ended = await sdk.messages.batches.retrieve(id);
    expect(ended.results_url).toBe(`${host.origin}/anthropic/v1/messages/batches/${id}/results`);
    const lines: string[] = [];
    for await (const { custom_id } of await sdk.messages.batches.results(id)) lines.push(custom_id);
    expect(lines).toEqual(['a']);
  } finally {
    await host.close();
  }
});

describe('a batch is refused as a whole', () => {
  const long = 'x'.repeat(65);
  const { params } = requestOf('a');
  const refused: ReadonlyArray<readonly [string, unknown, RegExp]> = [
    ['with an unknown member', { requests: [requestOf('a')], metadata: {} }, /metadata/],
    ['without requests', {}, /requests/],
    ['with no request in it', { requests: [] }, /requests/],
    [
      'with an unknown member in a request',
      { requests: [{ ...requestOf('a'), priority: 1 }] },
      /requests\.0\.priority/,
    ],
    ['without a custom_id', { requests: [{ params }] }, /requests\.0\.custom_id/],
    ['with an empty custom_id', { requests: [{ custom_id: '', params }] }, /requests\.0\.custom_id/],
    [
      'with a custom_id over 64 characters',
      { requests: [{ custom_id: long, params }] },
      /requests\.0\.custom_id.*64/,
    ],
    ['with a custom_id twice', { requests: [requestOf('a'), requestOf('a')] }, /requests\.1\.custom_id/],
    [
      'with params that are no object',
      { requests: [{ custom_id: 'a', params: 'x' }] },
      /requests\.0\.params/,
    ],
  ];

  test.each(refused)('%s', async (_name, body, message) => {
    const failure = await sdk.messages.batches.create(body as never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Anthropic.BadRequestError);
    expect(String(failure)).toMatch(message);
    expect(failure).toMatchObject({ type: 'invalid_request_error' });
    expect(await emulator.batches()).toEqual([]);
  });

  test('with more bytes than 256 MB, which are not even read', async () => {
    const call = request(`${emulator.baseUrl}/v1/messages/batches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${emulator.apiKey}`, 'content-length': '256000001' },
    });
    call.flushHeaders();
    const [answer]: IncomingMessage[] = await once(call, 'response');
    expect(answer?.statusCode).toBe(413);
    expect(JSON.parse(await text(answer!))).toMatchObject({ error: { type: 'request_too_large' } });
    call.destroy();
  });

  test('and bad params are no reason for it', async () => {
    const requests = [{ custom_id: 'a', params: {} as never }];
    expect((await sdk.messages.batches.create({ requests })).request_counts.processing).toBe(1);
  });
});

describe('each doubt about the vendor can be turned both ways', () => {
  const withSwitch = async <T>(
    name: string,
    position: string,
    work: (sdk: Anthropic, at: Emulator) => Promise<T>,
  ) => {
    const switched = await anthropic.emulate({ clock, switches: { [name]: position } });
    try {
      return await work(sdkFor(switched), switched).catch((error: unknown) => error as Error);
    } finally {
      await switched.close();
    }
  };
  const create = (request: Anthropic.Messages.BatchCreateParams.Request) => (at: Anthropic) =>
    at.messages.batches.create({ requests: [request] });
  const taken = expect.objectContaining({ type: 'message_batch' });

  test('a custom_id with other characters is refused, or taken', async () => {
    const odd = create(requestOf('ä/b'));
    expect(await withSwitch('customIdCharset', 'narrow', odd)).toBeInstanceOf(Anthropic.BadRequestError);
    expect(await withSwitch('customIdCharset', 'any', odd)).toEqual(taken);
  });

  test('a batch may have 100,000 requests, or 10,000', async () => {
    const requests = Array.from({ length: 10_001 }, (_, index) => requestOf(`n-${index}`));
    const many = (at: Anthropic) => at.messages.batches.create({ requests });
    expect(await withSwitch('requestsMax', '10000', many)).toMatchObject({ status: 413 });
    expect(await withSwitch('requestsMax', '100000', many)).toEqual(taken);
  });

  test('bad params are errored lines, or refused when the batch is created', async () => {
    const bad = create({ custom_id: 'a', params: { ...requestOf('a').params, max_tokens: 0 } });
    expect(await withSwitch('paramsChecked', 'at-creation', bad)).toBeInstanceOf(Anthropic.BadRequestError);
    expect(await withSwitch('paramsChecked', 'later', bad)).toEqual(taken);
  });

  test('x-api-key is taken, or refused', async () => {
    const list = (_: Anthropic, { baseUrl, apiKey }: Emulator) =>
      fetch(`${baseUrl}/v1/messages/batches`, { headers: { 'x-api-key': apiKey } }).then(
        ({ status }) => status,
      );
    expect(await withSwitch('apiKeyHeader', 'accepted', list)).toBe(200);
    expect(await withSwitch('apiKeyHeader', 'refused', list)).toBe(401);
  });

  test('a page of the list has up to 1,000 batches, or up to 100', async () => {
    const list = (at: Anthropic) => at.messages.batches.list({ limit: 1000 }).then(({ data }) => data);
    expect(await withSwitch('listLimitMax', '1000', list)).toEqual([]);
    expect(await withSwitch('listLimitMax', '100', list)).toBeInstanceOf(Anthropic.BadRequestError);
  });

  test('cancelling a batch that has ended is refused, or answers the batch', async () => {
    const cancel = async (at: Anthropic) => {
      const { id } = await at.messages.batches.create({ requests: [requestOf('a')] });
      clock.advance({ minutes: 1 });
      return at.messages.batches.cancel(id);
    };
    expect(await withSwitch('cancelWhenOver', 'refused', cancel)).toBeInstanceOf(Anthropic.BadRequestError);
    expect(await withSwitch('cancelWhenOver', 'answered', cancel)).toMatchObject({
      processing_status: 'ended',
    });
  });

  test('a switch that does not exist is a mistake', async () => {
    await expect(anthropic.emulate({ clock, switches: { customIds: 'any' } })).rejects.toThrow(/customIds/);
  });
});
