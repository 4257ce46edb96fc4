/** The emulator of sync.so by plain HTTP: what it refuses, how it calls webhooks, and where it may be served. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { sync } from '../../src/providers/sync/index.ts';

let clock: HandClock;
let emulator: Emulator;
const others: Array<() => unknown> = [];
afterEach(async () => {
  await emulator.close();
  for (const close of others.splice(0)) await close();
});

const begin = async (options: Partial<EmulatorOptions> = {}) => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  emulator = await sync.emulate({ clock, ...options });
};

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  others.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const payload = { model: 'lipsync-2', input: [{ type: 'video', url: 'https://example.com/a.mp4' }] };
const row = (n: number): Record<string, unknown> => ({
  request_id: `r${n}`,
  endpoint: '/v2/generate',
  payload,
});
const rows = (count: number) => Array.from({ length: count }, (_, n) => row(n));
const jsonl = (records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');

const call = async (path: string, init: RequestInit = {}) => {
  const answer = await fetch(emulator.baseUrl + path, {
    redirect: 'manual',
    ...init,
    headers: { 'x-api-key': emulator.apiKey, ...init.headers },
  });
  const body = await answer.text();
  return { status: answer.status, headers: answer.headers, body };
};

/** The answer to a creation: its JSON, and beside that the status that carried it. */
const post = async (init: RequestInit): Promise<Record<string, unknown>> => {
  const { status: http, body } = await call('/v2/batch', { method: 'POST', ...init });
  return { http, ...JSON.parse(body) };
};
const postForm = (fields: Record<string, string | Blob>) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return post({ body: form });
};
const create = (records: readonly unknown[], fields: Record<string, string> = {}) =>
  postForm({ ...fields, input: new Blob([jsonl(records)]) });
const createRows = (body: unknown) =>
  post({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const idOf = async (fields: Record<string, string> = {}): Promise<string> =>
  String((await create(rows(20), fields))['id']);

describe('a batch is refused', () => {
  const records = (change: Record<string, unknown>) => [...rows(20), { ...row(20), ...change }];
  const refused: ReadonlyArray<readonly [string, () => ReturnType<typeof post>, RegExp]> = [
    ['without a file', () => postForm({ dry_run: 'false' }), /input file is required/],
    ['with a field that is unknown', () => create(rows(20), { name: 'x' }), /property name should not exist/],
    ['with a dry run that is neither', () => create(rows(20), { dry_run: 'maybe' }), /dry_run/],
    ['with a webhook that is no URL', () => create(rows(20), { webhook_url: 'nowhere' }), /webhook_url/],
    ['with 19 records', () => create(rows(19)), /at least 20/],
    ['with 501 records', () => create(rows(501)), /at most 500/],
    ['with a line that is no object', () => create([...rows(20), 7]), /Line 21: not a JSON object/],
    ['with a request id twice', () => create(records({ request_id: 'r3' })), /r3 is not unique/],
    ['with an empty request id', () => create(records({ request_id: '' })), /Line 21: request_id/],
    ['with another endpoint', () => create(records({ endpoint: '/v2/generate/' })), /\/v2\/generate/],
    ['without a payload', () => create(records({ payload: 'x' })), /payload must be an object/],
    ['with an unknown member', () => create(records({ priority: 1 })), /property priority/],
    ['without a model', () => create(records({ payload: { input: [] } })), /payload\.model/],
    ['without input', () => create(records({ payload: { model: 'm', input: [] } })), /payload\.input/],
  ];

  test.each(refused)('%s', async (_name, send, message) => {
    await begin();
    const answer = await send();
    expect(answer).toMatchObject({ http: 400, statusCode: 400, error: 'Bad Request' });
    expect(String(answer['message'])).toMatch(message);
    expect(await emulator.batches()).toEqual([]);
  });

  test('and a dry run of it alike, while one that is right is validated and creates nothing', async () => {
    await begin();
    expect(await create(rows(19), { dry_run: 'true' })).toMatchObject({ http: 400 });
    expect(await create(rows(20), { dry_run: 'true' })).toEqual({ http: 200, status: 'VALIDATED' });
    expect(emulator.calls.map(({ operation, status }) => [operation, status])).toEqual([
      ['validate', 400],
      ['validate', 200],
    ]);
    expect(await emulator.batches()).toEqual([]);
  });

  test('with a form that is none', async () => {
    await begin();
    for (const contentType of ['multipart/form-data; boundary=x', 'text/plain', '']) {
      const { status } = await call('/v2/batch', {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: 'nonsense',
      });
      expect(status).toBe(400);
    }
  });
});

describe('a batch is taken', () => {
  test('from the file under either of its names, with 20 and with 500 records, and blank lines between', async () => {
    await begin();
    expect(await postForm({ file: new Blob([jsonl(rows(500))]) })).toMatchObject({ status: 'PENDING' });
    const spread = new Blob([`\n${jsonl(rows(20)).replaceAll('\n', '\r\n\r\n')}\n\n`]);
    expect(await postForm({ input: spread, dry_run: 'false' })).toMatchObject({
      metrics: { total_generations: 20 },
    });
  });

  test('from JSON rows, checked alike, or refused, where the vendor does not know them', async () => {
    await begin();
    expect(await createRows({ rows: rows(20), dry_run: true })).toEqual({ http: 200, status: 'VALIDATED' });
    expect(await createRows({ rows: rows(20), webhook_url: 'https://x.example/' })).toMatchObject({
      status: 'PENDING',
      webhookUrl: 'https://x.example/',
    });
    expect((await emulator.batches()).map(({ keys }) => keys.length)).toEqual([20]);
    for (const wrong of [{ rows: rows(19) }, { rows: 'x' }, { rows: rows(20), name: 'x' }, []]) {
      expect(await createRows(wrong)).toMatchObject({ http: 400 });
    }
    await emulator.close();
    await begin({ switches: { rowsForm: 'refused' } });
    expect(await createRows({ rows: rows(20) })).toMatchObject({ http: 400 });
  });

  test('with a webhook of any web address, or only of an encrypted one', async () => {
    await begin();
    expect(await create(rows(20), { webhook_url: 'http://x.example/' })).toMatchObject({ status: 'PENDING' });
    await emulator.close();
    await begin({ switches: { webhookUrls: 'https' } });
    expect(await create(rows(20), { webhook_url: 'http://x.example/' })).toMatchObject({ http: 400 });
    expect(await create(rows(20), { webhook_url: 'https://x.example/' })).toMatchObject({
      status: 'PENDING',
    });
  });

  test('with as many others under way as the plan allows', async () => {
    for (const [batchesAtOnce, statuses] of [
      ['1', [201, 429, 429]],
      ['2', [201, 201, 429]],
      ['unlimited', [201, 201, 201]],
    ] as const) {
      await begin({ switches: { batchesAtOnce } });
      for (const expected of statuses) {
        await create(rows(20));
        expect(emulator.calls.at(-1)?.status).toBe(expected);
      }
      await emulator.close();
    }
  });
});

describe('the list', () => {
  test('is a bare array, newest first, filtered by time and status', async () => {
    await begin();
    const first = await idOf();
    clock.advance({ hours: 1 });
    const second = await idOf();
    const list = async (query = '') => {
      const { body } = await call(`/v2/batch${query}`);
      return (JSON.parse(body) as Array<{ id: string }>).map(({ id }) => id);
    };
    expect(await list()).toEqual([second, first]);
    expect(await list('?created_after=2026-11-22T10:30:00Z')).toEqual([second]);
    expect(await list('?created_before=2026-11-22T10:30:00Z')).toEqual([first]);
    expect(await list('?status=COMPLETED')).toEqual([first]);
    for (const query of ['?created_after=yesterday', '?limit=3']) {
      expect((await call(`/v2/batch${query}`)).status).toBe(400);
    }
  });
});

describe('the file of results', () => {
  const signedUrl = async () => {
    const id = await idOf();
    clock.advance({ minutes: 1 });
    const { headers } = await call(`/v2/batches/${id}/result`);
    return { id, url: headers.get('location') ?? expect.fail() };
  };
  const statusOf = async (url: string, headers: Record<string, string> = {}) =>
    (await fetch(url, { headers })).status;

  test('is behind a signed URL that wants its signature, refuses a key, and expires', async () => {
    await begin();
    const { url } = await signedUrl();
    expect(await statusOf(url)).toBe(200);
    expect(await statusOf(url, { 'x-api-key': emulator.apiKey })).toBe(400);
    expect(await statusOf(url, { authorization: 'Bearer x' })).toBe(400);
    expect(await statusOf(url.replace(/signature=./, 'signature=é'))).toBe(403);
    expect(await statusOf(url.replace(/expires=\d/, 'expires=9'))).toBe(403);
    expect(await statusOf(url.split('?')[0] ?? '')).toBe(403);
    clock.advance({ minutes: 16 });
    expect(await statusOf(url)).toBe(403);
  });

  test('is not there before the batch is over', async () => {
    await begin();
    const id = await idOf();
    expect((await call(`/v2/batches/${id}/result`)).status).toBe(404);
    expect((await call('/v2/batches/batch_unknown/result')).status).toBe(404);
  });

  for (const outputKey of ['required', 'not-needed'] as const) {
    test(`needs a key to be led to, where that is ${outputKey}`, async () => {
      await begin({ switches: { outputKey } });
      const { id } = await signedUrl();
      const { status } = await fetch(`${emulator.baseUrl}/v2/batches/${id}/result`, { redirect: 'manual' });
      expect(status).toBe(outputKey === 'required' ? 401 : 302);
    });
  }

  test('names videos that lie at the emulator, which say that there are none', async () => {
    await begin();
    const { url } = await signedUrl();
    const [line = ''] = (await (await fetch(url)).text()).split('\n');
    const { output_url: video } = JSON.parse(line) as { output_url: string };
    expect(video.startsWith(`${emulator.baseUrl}/media/`)).toBe(true);
    expect(await (await fetch(video)).text()).toMatch(/emulator/);
  });

  test('knows directives in a URL, percent-encoded as they stand there', async () => {
    await begin();
    const spoken = {
      ...row(20),
      payload: {
        model: 'm',
        input: [{ type: 'audio', url: `https://x.example/?text=${encodeURIComponent('emulate:errored')}` }],
      },
    };
    const { id } = await create([...rows(20), spoken]);
    clock.advance({ minutes: 1 });
    expect(JSON.parse((await call(`/v2/batch/${id}`)).body)).toMatchObject({
      metrics: { success_count: 20, failed_count: 1 },
    });
  });
});

describe('webhooks', () => {
  interface Heard {
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  const listen = async (status = 200) => {
    const heard: Heard[] = [];
    const url = await serve(async (incoming, outgoing) => {
      heard.push({ headers: incoming.headers, body: await text(incoming) });
      outgoing.writeHead(status).end();
    });
    return { heard, url };
  };
  const read = ({ headers, body }: Heard, secret: string | null) =>
    sync.webhook?.read(
      { headers: new Headers(headers as Record<string, string>), body, now: clock.now() },
      secret,
    );
  const deliver = () => emulator.deliver?.();

  test('tell once of each batch that has completed or failed, and of no other', async () => {
    await begin();
    const { heard, url } = await listen();
    const completed = await idOf({ webhook_url: url });
    await idOf();
    expect(await deliver()).toBe(0);
    clock.advance({ minutes: 1 });
    const failing = { ...row(20), payload: { ...payload, note: 'emulate:job-failed' } };
    const { id: failed } = await create([...rows(20), failing], { webhook_url: url });
    clock.advance({ seconds: 2 });
    expect(await Promise.all([deliver(), deliver()])).toEqual([2, 0]);
    expect(heard.map(({ body }) => JSON.parse(body)).map(({ id, status }) => [id, status])).toEqual([
      [completed, 'COMPLETED'],
      [failed, 'FAILED'],
    ]);
    const told = JSON.parse(heard[0]?.body ?? '');
    expect(told).toEqual(JSON.parse((await call(`/v2/batch/${completed}`)).body));
  });

  test('are called once even if nobody listens, or the listener is not pleased', async () => {
    await begin();
    const { heard, url } = await listen(500);
    await idOf({ webhook_url: url });
    await idOf({ webhook_url: 'http://127.0.0.1:1/' });
    clock.advance({ minutes: 1 });
    expect(await deliver()).toBe(2);
    expect(await deliver()).toBe(0);
    expect(heard).toHaveLength(1);
  });

  test('are remembered in the directory, so that no restart repeats them', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-sync-'));
    others.push(() => rm(directory, { recursive: true }));
    await begin({ directory });
    const { heard, url } = await listen();
    await idOf({ webhook_url: url });
    clock.advance({ minutes: 1 });
    await deliver();
    await emulator.close();
    emulator = await sync.emulate({ clock, directory });
    expect(await deliver()).toBe(0);
    expect(heard).toHaveLength(1);
  });

  for (const signatureHeader of ['Sync-Signature', 'X-Signature-Primary'] as const) {
    for (const signatureOver of ['body', 'payload'] as const) {
      for (const webhookPayload of ['snake', 'camel'] as const) {
        test(`are understood, signed in ${signatureHeader} over the ${signatureOver}, spelled in ${webhookPayload}`, async () => {
          await begin({ switches: { signatureHeader, signatureOver, webhookPayload } });
          const { heard, url } = await listen();
          const id = await idOf({ webhook_url: url });
          clock.advance({ minutes: 1 });
          await deliver();
          const [call] = heard;
          if (call === undefined) throw new Error('nothing was heard');
          expect(call.headers[signatureHeader.toLowerCase()]).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
          expect(JSON.parse(call.body)).toHaveProperty(
            webhookPayload === 'snake' ? 'created_at' : 'createdAt',
          );
          const secret = emulator.more?.['webhookSecret'] ?? expect.fail();
          expect(read(call, secret)).toMatchObject({ kind: 'event', providerJobId: id });
          expect(read(call, 'another')).toMatchObject({ kind: 'refused' });
        });
      }
    }
  }

  test('are mere hints where the organization has no secret', async () => {
    await begin({ switches: { signatureHeader: 'none' } });
    const { heard, url } = await listen();
    const id = await idOf({ webhook_url: url });
    clock.advance({ minutes: 1 });
    await deliver();
    const [call] = heard;
    expect(call && read(call, 'secret')).toMatchObject({ kind: 'refused' });
    expect(call && read(call, null)).toMatchObject({ kind: 'event', providerJobId: id });
  });
});

describe('the emulator', () => {
  test('does not start with a switch that does not exist, or stands where it cannot', async () => {
    await begin();
    for (const switches of [{ nonsense: true }, { plan: 'free' }]) {
      await expect(sync.emulate({ clock, switches })).rejects.toThrow();
    }
  });

  test('keeps its batches in a directory, so that results are the same after a restart', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-sync-'));
    others.push(() => rm(directory, { recursive: true }));
    await begin({ directory });
    const id = await idOf({ webhook_url: 'https://x.example/' });
    clock.advance({ minutes: 1 });
    const results = async () => {
      const { headers } = await call(`/v2/batches/${id}/result`);
      return (await fetch(headers.get('location') ?? '')).text();
    };
    const before = await results();
    await emulator.close();
    emulator = await sync.emulate({ clock, directory });
    expect(JSON.parse((await call(`/v2/batch/${id}`)).body)).toMatchObject({
      status: 'COMPLETED',
      webhookUrl: 'https://x.example/',
      outputUrl: `${emulator.baseUrl}/v2/batches/${id}/result`,
    });
    expect(await results()).toBe(before);
  });

  test('works below a path of another server, where its URLs begin with that path', async () => {
    let handle: RequestListener = () => {};
    const origin = await serve((incoming, outgoing) => {
      incoming.url = (incoming.url ?? '').replace(/^\/some\/place/, '');
      handle(incoming, outgoing);
    });
    await begin({
      host: {
        async mount(listener) {
          handle = listener;
          return `${origin}/some/place`;
        },
      },
    });
    expect(emulator.baseUrl).toBe(`${origin}/some/place`);
    const id = await idOf();
    clock.advance({ minutes: 1 });
    const client = sync.connect(emulator, { clock });
    const { signal } = new AbortController();
    const job = { providerJobId: id, requestCount: 20, checkpoint: null, cancelRequestedAt: null };
    const report = await client.retrieve(job, signal);
    const lines: string[] = [];
    for await (const chunk of client.results({ ...job, report }, null, signal)) lines.push(...chunk.lines);
    expect(report.raw).toContain(`${origin}/some/place/v2/batches/${id}/result`);
    expect(lines.filter((line) => line.includes(`${origin}/some/place/media/`))).toHaveLength(20);
  });

  test('answers what it does not know in the form of the vendor', async () => {
    await begin();
    for (const path of ['/v2/batch/batch_unknown', '/v2/batch/..', '/v3']) {
      const { status, body } = await call(path);
      expect([status, JSON.parse(body)]).toMatchObject([404, { statusCode: 404, error: 'Not Found' }]);
    }
    const { status, body } = await call('/v2/batch', { headers: { 'x-api-key': 'sk-nobody' } });
    expect([status, JSON.parse(body)]).toMatchObject([401, { statusCode: 401, message: 'Unauthorized' }]);
  });
});
