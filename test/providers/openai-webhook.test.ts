/**
 * OpenAI's webhooks: what a call says, held against the vendor's own SDK at the same instant; and the emulator's
 * calls, from the registration of an endpoint by that SDK to what arrives there.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import OpenAI, { APIError, toFile } from 'openai';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { anyapi } from '../../src/providers/anyapi/index.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { listenOnLoopback } from '../../src/providers/emulator/server.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { WebhookReading } from '../../src/providers/provider.ts';

const webhook = openai.webhook ?? expect.fail();
const secret = 'whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=';
const seconds = 1_750_861_210;

/** A call with this body, signed as the vendor signs. */
const signed = (body: string, key = secret) => ({
  body,
  headers: {
    'webhook-id': 'wh_685c059ae39c8190af8c71ed1022a24d',
    'webhook-timestamp': String(seconds),
    'webhook-signature': new Webhook(key).sign(
      'wh_685c059ae39c8190af8c71ed1022a24d',
      new Date(seconds * 1000),
      body,
    ),
  },
});
type Call = { readonly body: string; readonly headers: Readonly<Record<string, string>> };

const read = ({ body, headers }: Call, late = 0, key: string | null = secret): WebhookReading =>
  webhook.read({ headers: new Headers(headers), body, now: new Date((seconds + late) * 1000) }, key);

/** Whether the vendor's SDK takes the call, as late as that. */
const sdkAccepts = async ({ body, headers }: Call, late: number, key: string): Promise<boolean> => {
  vi.useFakeTimers({ toFake: ['Date'], now: (seconds + late) * 1000 });
  try {
    await new OpenAI({ apiKey: 'sk-none' }).webhooks.unwrap(body, new Headers(headers), key);
    return true;
  } catch {
    return false;
  } finally {
    vi.useRealTimers();
  }
};

const event = (type: string, data: unknown = { id: 'batch_abc' }) =>
  JSON.stringify({ id: 'evt_1', object: 'event', created_at: seconds, type, data });

describe('a call of the webhook', () => {
  test.each(['batch.completed', 'batch.failed', 'batch.cancelled', 'batch.expired'])(
    'that tells of %s is an event about that batch, by the id that every repetition has',
    (type) => {
      expect(read(signed(event(type)))).toEqual({
        kind: 'event',
        id: 'wh_685c059ae39c8190af8c71ed1022a24d',
        providerJobId: 'batch_abc',
      });
    },
  );

  test('that is genuine and tells of something else, or of nothing that can be read, is ignored', () => {
    const ignored = { kind: 'ignored', reason: expect.any(String) };
    for (const body of [
      event('response.completed'),
      event('batch.created'),
      '{}',
      '[]',
      'null',
      'text',
      '',
    ]) {
      expect(read(signed(body))).toEqual(ignored);
    }
  });

  test('that does not say which batch is an event all the same', () => {
    for (const data of [null, {}, { id: 7 }, { id: '' }, 'batch_abc']) {
      expect(read(signed(event('batch.completed', data)))).toMatchObject({
        kind: 'event',
        providerJobId: null,
      });
    }
  });

  test('that is not genuine is refused, whatever it says, and so is every call where no secret is set', () => {
    const refused = { kind: 'refused', reason: expect.any(String) };
    const call = signed(event('batch.completed'));
    expect(read({ ...call, body: `${call.body} ` })).toEqual(refused);
    expect(read({ ...call, headers: {} })).toEqual(refused);
    expect(read(call, 301)).toEqual(refused);
    expect(read(call, 0, null)).toEqual(refused);
    expect(read(call, 0, 'whsec_AAAA')).toEqual(refused);
  });

  test("with the vector of the vendor's own tests is read as what it is", () => {
    const headers = {
      'webhook-id': 'wh_685c059ae39c8190af8c71ed1022a24d',
      'webhook-timestamp': '1750861210',
      'webhook-signature': 'v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY=',
    };
    const body =
      '{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}}';
    expect(read({ headers, body })).toMatchObject({ kind: 'ignored' });
    expect(read({ headers, body: body.replace('resp_123', 'resp_124') })).toMatchObject({ kind: 'refused' });
  });

  test("is accepted here exactly where the vendor's SDK accepts it at the same instant", async () => {
    const other = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.json({ stringUnit: 'grapheme' }),
        fc.integer({ min: -303, max: 303 }),
        fc.constantFrom(
          'as signed',
          'body',
          'secret',
          'version',
          'among others',
          'others alone',
          'id',
          'time',
        ),
        async (bytes, body, late, change) => {
          const key = `whsec_${Buffer.from(bytes).toString('base64')}`;
          const call = signed(body, key);
          const { 'webhook-signature': signature } = call.headers;
          const changes: Record<string, Record<string, string>> = {
            version: { 'webhook-signature': signature.replace('v1,', 'v2,') },
            'among others': { 'webhook-signature': `${other} ${signature} ${other}` },
            'others alone': { 'webhook-signature': `${other} ${other}` },
            id: { 'webhook-id': 'wh_another' },
            time: { 'webhook-timestamp': String(seconds - 1) },
          };
          const sent = {
            body: change === 'body' ? `${body} ` : body,
            headers: { ...call.headers, ...changes[change] },
          };
          const checked = change === 'secret' ? secret : key;
          const ours = read(sent, late, checked).kind !== 'refused';
          expect(ours).toBe(await sdkAccepts(sent, late, checked));
          expect(ours).toBe(['as signed', 'among others'].includes(change) && Math.abs(late) <= 300);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the setting of the secret', () => {
  const { pattern } = openai.settings.more?.['webhookSecret'] ?? expect.fail();

  test('takes the secrets that the vendor makes, and nothing that its SDK reads otherwise', () => {
    expect(pattern.test(secret)).toBe(true);
    for (const text of [
      '',
      'whsec_',
      secret.slice(6),
      `${secret} `,
      'whsec_a',
      'whsec_é===',
      secret.slice(0, -1),
    ]) {
      expect(pattern.test(text)).toBe(false);
    }
  });

  test('is needed by no one: without it the calls are refused and nothing else changes', () => {
    expect(openai.settings.more?.['webhookSecret']).toMatchObject({
      variable: 'OPENAI_WEBHOOK_SECRET',
      required: false,
    });
    expect(webhook).toMatchObject({
      registration: 'ACCOUNT',
      secret: 'webhookSecret',
      unsignedAsHint: false,
    });
  });
});

describe("the emulator's webhooks", () => {
  let emulator: Emulator;
  let clock: HandClock;
  let sdk: OpenAI;
  const closing: Array<() => Promise<unknown>> = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  const begin = async (options: Partial<EmulatorOptions> = {}) => {
    clock = createHandClock(new Date('2026-01-01T00:00:00.000Z'));
    emulator = await openai.emulate({ clock, ...options });
    closing.push(() => emulator.close());
    sdk = new OpenAI({ apiKey: emulator.apiKey, baseURL: emulator.baseUrl, maxRetries: 0 });
  };

  /** Someone who can be called, and remembers it. */
  const receiver = async (status = 200) => {
    const calls: { headers: IncomingHttpHeaders; body: string }[] = [];
    const { origin, close } = await listenOnLoopback((incoming, outgoing) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      incoming.on('end', () => {
        calls.push({ headers: incoming.headers, body: Buffer.concat(pieces).toString('utf8') });
        outgoing.writeHead(status, { location: '/elsewhere' }).end('answer');
      });
    });
    closing.push(close);
    return { url: `${origin}/hook`, calls };
  };

  const register = (url: string, ...types: Parameters<OpenAI['webhooks']['create']>[0]['event_types']) =>
    sdk.webhooks.create({
      name: 'ours',
      url,
      event_types:
        types.length > 0 ? types : ['batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled'],
    });

  const batchOf = async (...prompts: readonly string[]) => {
    const lines = prompts.map((content, n) =>
      JSON.stringify({
        custom_id: `k${n}`,
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model: 'gpt-x', messages: [{ role: 'user', content }] },
      }),
    );
    const file = await sdk.files.create({
      file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
      purpose: 'batch',
    });
    return sdk.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
  };

  const deliver = () => emulator.deliver?.() ?? expect.fail();
  const readCall = ({ headers, body }: { headers: IncomingHttpHeaders; body: string }) =>
    webhook.read(
      {
        headers: { get: (name) => String(headers[name] ?? '') || null },
        body,
        now: clock.now(),
      },
      emulator.more?.['webhookSecret'] ?? null,
    );

  test('tell of the end of a batch, once, by a call that is genuine to us and to the SDK', async () => {
    await begin();
    const { url, calls } = await receiver();
    const { signing_secret: signingSecret } = await register(url);
    expect(signingSecret).toBe(emulator.more?.['webhookSecret']);
    const batch = await batchOf('a', 'b');
    clock.advance({ seconds: 21 });
    expect([await deliver(), calls.length]).toEqual([0, 0]);
    clock.advance({ seconds: 1 });
    expect(await Promise.all([deliver(), deliver()])).toEqual([1, 0]);
    expect([await deliver(), calls.length]).toEqual([0, 1]);

    const [call] = calls;
    expect(call?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(readCall(call ?? expect.fail())).toEqual({
      kind: 'event',
      id: call?.headers['webhook-id'],
      providerJobId: batch.id,
    });
    vi.useFakeTimers({ toFake: ['Date'], now: clock.now() });
    const headers = Object.entries(call?.headers ?? {}).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const unwrapped = await sdk.webhooks.unwrap(call?.body ?? '', headers, signingSecret);
    vi.useRealTimers();
    expect(unwrapped).toEqual({
      id: expect.stringMatching(/^evt_/),
      object: 'event',
      created_at: 1767225622,
      type: 'batch.completed',
      data: { id: batch.id },
    });
  });

  test('tell how each batch ended, by ids that no other call has', async () => {
    await begin();
    const { url, calls } = await receiver();
    await register(url);
    const ended = {
      'batch.completed': await batchOf('a'),
      'batch.failed': await batchOf('emulate:job-failed'),
      'batch.expired': await batchOf('emulate:job-expired', 'b'),
      'batch.cancelled': await batchOf('emulate:stuck'),
    };
    await sdk.batches.cancel(ended['batch.cancelled'].id);
    clock.advance({ minutes: 1 });
    expect(await deliver()).toBe(4);
    const told = calls.map(({ body }) => JSON.parse(body));
    expect(Object.fromEntries(told.map(({ type, data }) => [type, data.id]))).toEqual(
      Object.fromEntries(Object.entries(ended).map(([type, { id }]) => [type, id])),
    );
    expect(new Set(calls.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
    expect(calls.map(readCall).map(({ kind }) => kind)).toEqual(['event', 'event', 'event', 'event']);
  });

  test('reach every endpoint that asked for the event and was there when the batch ended', async () => {
    await begin();
    const [all, failures, late] = [await receiver(), await receiver(), await receiver()];
    await register(all.url);
    await register(failures.url, 'batch.failed');
    await batchOf('a');
    clock.advance({ minutes: 1 });
    await register(late.url);
    expect(await deliver()).toBe(1);
    expect([all.calls.length, failures.calls.length, late.calls.length]).toEqual([1, 0, 0]);
  });

  test('are not repeated for who answers badly, redirects, or is not there', async () => {
    await begin();
    const [broken, moved] = [await receiver(500), await receiver(302)];
    for (const url of [broken.url, moved.url, 'http://127.0.0.1:9/hook']) await register(url);
    await batchOf('a');
    clock.advance({ minutes: 1 });
    expect([await deliver(), await deliver()]).toEqual([3, 0]);
    expect([broken.calls.length, moved.calls.length]).toEqual([1, 1]);
  });

  test('are remembered in the directory, endpoints and calls alike', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-openai-'));
    await begin({ directory });
    closing.unshift(() => rm(directory, { recursive: true }));
    const { url, calls } = await receiver();
    await register(url);
    await batchOf('a');
    clock.advance({ minutes: 1 });
    await deliver();
    await batchOf('b');
    await emulator.close();
    emulator = await openai.emulate({ clock, directory });
    expect(await deliver()).toBe(0);
    clock.advance({ minutes: 1 });
    expect([await deliver(), calls.length]).toEqual([1, 2]);
  });

  test('go where a person says, and nowhere else, as long as it stays so', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-openai-'));
    await begin({ directory });
    closing.unshift(() => rm(directory, { recursive: true }));
    const [before, after] = [await receiver(), await receiver()];
    await register(before.url);
    await register(after.url, 'batch.failed');
    await emulator.callAt?.(after.url);
    await batchOf('a');
    clock.advance({ minutes: 1 });
    await emulator.close();
    emulator = await openai.emulate({ clock, directory });
    // What was said again is what was said before: the endpoint still hears of what ended meanwhile.
    await emulator.callAt?.(after.url);
    expect(await deliver()).toBe(1);
    expect([before.calls.length, after.calls.length]).toEqual([0, 1]);
    await emulator.callAt?.(before.url);
    sdk = new OpenAI({ apiKey: emulator.apiKey, baseURL: emulator.baseUrl, maxRetries: 0 });
    expect((await sdk.webhooks.list()).data.map(({ url }) => url)).toEqual([before.url]);
  });

  test('have endpoints that the SDK registers, lists, shows and deletes', async () => {
    await begin();
    const first = await register('https://a.example/hook');
    const { signing_secret: _, ...shown } = first;
    expect(shown).toEqual({
      id: expect.stringMatching(/^whe_/),
      object: 'webhook_endpoint',
      created_at: 1767225600,
      event_types: ['batch.completed', 'batch.failed', 'batch.expired', 'batch.cancelled'],
      name: 'ours',
      url: 'https://a.example/hook',
      signing_secret_hint: expect.stringMatching(/^whsec_\.\.\..{4}$/),
    });
    const second = await register('https://b.example/hook', 'batch.completed');
    const listed: string[] = [];
    for await (const { id } of sdk.webhooks.list({ limit: 1 })) listed.push(id);
    expect(listed).toEqual([second.id, first.id]);
    expect(await sdk.webhooks.retrieve(first.id)).toEqual(shown);
    expect(await sdk.webhooks.delete(first.id)).toEqual({
      id: first.id,
      object: 'webhook_endpoint.deleted',
      deleted: true,
    });
    for (const call of [sdk.webhooks.retrieve(first.id), sdk.webhooks.delete(first.id)]) {
      await expect(call).rejects.toMatchObject({ status: 404 });
    }
  });

  test('have no endpoint that the vendor would refuse, and none without the key', async () => {
    await begin();
    const types = ['batch.completed'];
    const good = { name: 'n', url: 'https://a.example/hook', event_types: types };
    for (const [body, param] of [
      [{ ...good, name: '' }, 'name'],
      [{ ...good, name: 'n'.repeat(257) }, 'name'],
      [{ ...good, url: 'http://a.example/hook' }, 'url'],
      [{ ...good, url: 'nowhere' }, 'url'],
      [{ ...good, url: `https://a.example/${'x'.repeat(2048)}` }, 'url'],
      [{ ...good, event_types: [] }, 'event_types'],
      [{ ...good, event_types: ['batch.created'] }, 'event_types'],
      [{ ...good, color: 'blue' }, 'color'],
    ] as const) {
      await expect(sdk.post('/webhook_endpoints', { body })).rejects.toMatchObject({ status: 400, param });
    }
    const stranger = new OpenAI({ apiKey: 'sk-wrong', baseURL: emulator.baseUrl, maxRetries: 0 });
    await expect(stranger.post('/webhook_endpoints', { body: good })).rejects.toBeInstanceOf(APIError);
    const endpoints = await sdk.webhooks.list();
    expect(endpoints.data).toEqual([]);
  });
});

describe('a service whose webhooks are not known', () => {
  test('has none, no secret, and no endpoints to register', async () => {
    const emulator = await anyapi.emulate({ clock: createHandClock(new Date('2026-01-01T00:00:00Z')) });
    try {
      expect(anyapi.webhook).toBeNull();
      expect(emulator).not.toHaveProperty('more');
      expect(emulator).not.toHaveProperty('deliver');
      expect(emulator).not.toHaveProperty('callAt');
      const headers = { authorization: `Bearer ${emulator.apiKey}` };
      const answer = await fetch(`${emulator.baseUrl}/webhook_endpoints`, { headers });
      expect(answer.status).toBe(404);
    } finally {
      await emulator.close();
    }
  });
});
