/** The vendor's last SDK with batches, unchanged, against the emulator: what it needs is there, in the form it expects. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import Letta from '@letta-ai/letta-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { letta } from '../../src/providers/letta/index.ts';

let clock: HandClock;
let emulator: Emulator;
let sdk: Letta;
const start = async (options: Partial<EmulatorOptions> = {}): Promise<void> => {
  await emulator?.close();
  emulator = await letta.emulate({ clock, ...options });
  sdk = sdkFor(emulator);
};
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  await start();
});
afterEach(() => emulator.close());

const sdkFor = ({ baseUrl, apiKey }: Pick<Emulator, 'baseUrl' | 'apiKey'>): Letta =>
  new Letta({ baseURL: baseUrl, apiKey, maxRetries: 0, logLevel: 'off' });

const agent = (index: number): string => `agent-00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
const requestsOf = (...inputs: string[]) =>
  inputs.map((input, index) => ({ agent_id: agent(index), input, max_steps: 3 }));
const create = (...inputs: string[]) => sdk.batches.create({ requests: requestsOf(...inputs) });

const idsIn = async (list: AsyncIterable<{ id: string }>, most = Number.POSITIVE_INFINITY) => {
  const ids: string[] = [];
  for await (const { id } of list) {
    ids.push(id);
    if (ids.length >= most) break;
  }
  return ids;
};

describe('the SDK', () => {
  test('creates a job that runs at once, with every member that the server shows', async () => {
    const callback_url = 'https://example.com/hook';
    const job = await sdk.batches.create({ requests: requestsOf('a', 'b'), callback_url });
    expect(job).toEqual({
      id: expect.stringMatching(/^job-/),
      status: 'running',
      job_type: 'batch',
      agent_id: null,
      background: null,
      callback_url,
      callback_sent_at: null,
      callback_status_code: null,
      callback_error: null,
      created_at: '2026-11-22T10:00:00.000000Z',
      updated_at: '2026-11-22T10:00:00.000000Z',
      completed_at: null,
      created_by_id: expect.stringMatching(/^user-/),
      last_updated_by_id: expect.stringMatching(/^user-/),
      user_id: expect.stringMatching(/^user-/),
      metadata: { job_type: 'batch_messages' },
      stop_reason: null,
      total_duration_ns: null,
      ttft_ns: null,
    });
    clock.advance({ minutes: 1 });
    expect(await sdk.batches.retrieve(job.id)).toMatchObject({
      status: 'completed',
      completed_at: '2026-11-22T10:00:22.000000',
    });
  });

  test('lists the jobs that run, newest first, through all pages to an empty one', async () => {
    const ids: string[] = [];
    for (const input of ['a', 'b', 'c', 'd', 'e']) ids.unshift((await create(input)).id);
    expect(await idsIn(sdk.batches.list({ limit: 2 }))).toEqual(ids);
    expect(emulator.calls.filter(({ operation }) => operation === 'list')).toHaveLength(4);
    expect(await idsIn(sdk.batches.list({ limit: 2, order: 'asc' }))).toEqual(ids.toReversed());
    const page = await sdk.batches.list({ before: ids[3]!, limit: 10 });
    expect(page.items.map(({ id }) => id)).toEqual(ids.slice(0, 3));
  });

  test('goes round in circles in a list whose "after" means newer, newest first, and not oldest first', async () => {
    await start({ switches: { listCursors: 'age' } });
    const ids: string[] = [];
    for (const input of ['a', 'b', 'c']) ids.unshift((await create(input)).id);
    expect(await idsIn(sdk.batches.list({ limit: 2 }), 6)).not.toContain(ids[2]);
    expect(await idsIn(sdk.batches.list({ limit: 2, order: 'asc' }))).toEqual(ids.toReversed());
    expect(await idsIn(sdk.batches.list({ before: ids[1]!, limit: 2 }))).toEqual([ids[2]]);
  });

  test('does not see in the list what is over, however it ended', async () => {
    const { id: cancelled } = await create('a');
    await sdk.batches.cancel(cancelled);
    for (const input of ['b', 'emulate:job-failed', 'emulate:job-expired']) await create(input);
    const { id: stuck } = await create('emulate:stuck');
    clock.advance({ minutes: 1 });
    expect(await idsIn(sdk.batches.list())).toEqual([stuck]);
    expect((await sdk.batches.retrieve(cancelled)).status).toBe('cancelled');
  });

  test('reads what an agent was told and what it said, in every page to an empty one, either way round', async () => {
    const { id } = await create('Say a.', 'Say b.', 'Say c.');
    clock.advance({ minutes: 1 });
    const newestFirst = await idsIn(sdk.batches.messages.list(id, { limit: 4 }));
    expect(newestFirst).toHaveLength(6);
    expect(emulator.calls.filter(({ operation }) => operation === 'messages')).toHaveLength(3);
    const oldestFirst = await idsIn(sdk.batches.messages.list(id, { limit: 4, order: 'asc' }));
    expect(oldestFirst).toEqual(newestFirst.toReversed());
    const { messages } = await sdk.batches.messages.list(id, { agent_id: agent(1), order: 'asc' });
    expect(messages).toMatchObject([
      { role: 'user', agent_id: agent(1), content: [{ type: 'text', text: 'Say b.' }], tool_calls: null },
      {
        role: 'assistant',
        agent_id: agent(1),
        content: [{ type: 'text', text: expect.stringMatching(/\w/) }],
      },
    ]);
    expect(messages.every(({ batch_item_id }) => batch_item_id?.startsWith('batch_item-'))).toBe(true);
  });

  test('reads the same messages first while more come after them', async () => {
    const { id } = await create('a', 'emulate:tools b', 'c', 'd');
    const seen: string[][] = [];
    for (let turn = 0; turn < 12; turn += 1) {
      seen.push(await idsIn(sdk.batches.messages.list(id, { order: 'asc' })));
      clock.advance({ seconds: 2 });
    }
    for (const [turn, ids] of seen.entries()) {
      expect(ids.slice(0, seen[turn - 1]?.length ?? 0)).toEqual(seen[turn - 1] ?? []);
    }
    expect(new Set(seen.at(-1))).toHaveLength(11);
    expect(new Set(seen.map(({ length }) => length)).size).toBe(6);
  });

  test('reads the steps of an agent that calls tools, and its answer by the tool for messages', async () => {
    await start({ switches: { answers: 'message-tool' } });
    const { id } = await create('emulate:tools Look it up.');
    clock.advance({ minutes: 1 });
    const { messages } = await sdk.batches.messages.list(id, { order: 'asc' });
    expect(messages.map(({ role, name }) => [role, name])).toEqual([
      ['user', null],
      ['assistant', null],
      ['tool', 'archival_memory_search'],
      ['user', null],
      ['assistant', null],
      ['tool', 'send_message'],
    ]);
    expect(messages[4]?.tool_calls?.[0]?.function.name).toBe('send_message');
    expect(JSON.parse(messages[4]?.tool_calls?.[0]?.function.arguments ?? '')).toMatchObject({
      message: expect.stringMatching(/\w/),
    });
    expect(messages[5]?.tool_returns?.[0]?.status).toBe('success');
  });

  test('is told nothing of a cancelled job but null, and asks it how it is', async () => {
    const { id } = await create('a', 'b', 'c', 'd');
    clock.advance({ seconds: 11 });
    expect(await sdk.batches.cancel(id)).toBeNull();
    expect(await sdk.batches.retrieve(id)).toMatchObject({ status: 'cancelled', completed_at: null });
    clock.advance({ minutes: 1 });
    expect(await idsIn(sdk.batches.messages.list(id))).toHaveLength(4 + 2);
  });

  test('fails to page messages of a server whose "after" does', async () => {
    await start({ switches: { messagesAfter: 'fails' } });
    const { id } = await create('a', 'b');
    await expect(idsIn(sdk.batches.messages.list(id, { limit: 1 }))).rejects.toThrow(
      Letta.InternalServerError,
    );
  });

  test('is refused a job, a list or messages that do not exist, and everything without the key', async () => {
    await expect(sdk.batches.retrieve('job-none')).rejects.toThrow(Letta.NotFoundError);
    await expect(sdk.batches.cancel('job-none')).rejects.toThrow(Letta.NotFoundError);
    await expect(sdk.batches.messages.list('job-none')).rejects.toThrow(Letta.NotFoundError);
    await expect(sdk.batches.list({ after: 'job-none' })).rejects.toThrow(Letta.BadRequestError);
    const stranger = sdkFor(emulator.stranger);
    await expect(stranger.batches.list()).rejects.toThrow(Letta.AuthenticationError);
  });

  test.each([{ order: 'up' }, { order_by: 'name' }, { limit: -1 }])(
    'is refused a list by %j',
    async (query) => {
      await expect(sdk.batches.list(query)).rejects.toThrow(Letta.UnprocessableEntityError);
      const { id } = await create('a');
      await expect(sdk.batches.messages.list(id, query)).rejects.toThrow(Letta.UnprocessableEntityError);
    },
  );
});

describe('a job is refused as a whole', () => {
  const [good] = requestsOf('a');
  const refused: ReadonlyArray<readonly [string, unknown, RegExp]> = [
    ['that is no object', [good], /body/],
    ['without requests', {}, /requests/],
    ['with a request that is none', { requests: ['a'] }, /requests.*0/],
    ['without an agent', { requests: [{ input: 'a' }] }, /agent_id/],
    ['with an agent of another form', { requests: [{ agent_id: 'agent-1', input: 'a' }] }, /agent_id/],
    ['with nothing said to an agent', { requests: [{ agent_id: agent(0) }] }, /One of input and messages/],
    [
      'with both ways of saying it',
      { requests: [{ ...good, messages: [] }] },
      /Only one of input and messages/,
    ],
    ['with messages that are none', { requests: [{ agent_id: agent(0), messages: ['a'] }] }, /messages/],
    ['with an input that is none', { requests: [{ agent_id: agent(0), input: 7 }] }, /input/],
    ['with a callback that is no URL', { requests: [good], callback_url: 'ftp://a' }, /callback_url/],
  ];

  test.each(refused)('%s', async (_name, body, message) => {
    const failure = await sdk.batches.create(body as never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Letta.UnprocessableEntityError);
    expect(String(failure)).toMatch(message);
    expect(await emulator.batches()).toEqual([]);
  });

  test('with no request in it, of which a failed job remains', async () => {
    await expect(sdk.batches.create({ requests: [] })).rejects.toThrow(Letta.BadRequestError);
    expect(await emulator.batches()).toMatchObject([{ status: 'failed', requestCount: 0 }]);
  });

  test('with more bytes than 256 MB, which are not even read', async () => {
    const call = request(`${emulator.baseUrl}/v1/messages/batches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${emulator.apiKey}`, 'content-length': '268435457' },
    });
    call.flushHeaders();
    const [answer]: IncomingMessage[] = await once(call, 'response');
    expect(answer?.statusCode).toBe(400);
    expect(JSON.parse(await text(answer!)).detail).toMatch(/268435457 bytes/);
    call.destroy();
  });

  test.each(['later', 'at-creation'])(
    'or fails %s, as it was asked to, and is there all the same',
    async (createFailure) => {
      await start({ switches: { createFailure } });
      const creation = create('emulate:job-failed');
      if (createFailure === 'later') expect((await creation).status).toBe('running');
      else await expect(creation).rejects.toThrow(Letta.InternalServerError);
      clock.advance({ minutes: 1 });
      expect(await emulator.batches()).toMatchObject([{ status: 'failed', keys: [agent(0)] }]);
    },
  );

  test('and unknown members are no reason for it', async () => {
    const requests = [{ ...good, nonsense: true }];
    expect((await sdk.batches.create({ requests, nonsense: 1 } as never)).status).toBe('running');
  });
});
