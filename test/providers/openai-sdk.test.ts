import OpenAI, { APIError, toFile } from 'openai';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { openSharedHost } from '../../src/emulators/shared-host.ts';
import { createCompatibleProvider } from '../../src/providers/compatible/create-provider.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';

/** The vendor's SDK, as anyone would use it, against the emulator. */
describe("the vendor's SDK against the emulator", () => {
  let emulator: Emulator;
  let clock: HandClock;
  let sdk: OpenAI;
  afterEach(() => emulator.close());

  const begin = async (options: Partial<EmulatorOptions> = {}) => {
    clock = createHandClock(new Date('2026-01-01T00:00:00.000Z'));
    emulator = await openai.emulate({ clock, ...options });
    sdk = new OpenAI({ apiKey: emulator.apiKey, baseURL: emulator.baseUrl, maxRetries: 0 });
  };

  const endpoint = '/v1/chat/completions';
  const request = (key: string, changes: object = {}) => ({
    custom_id: key,
    method: 'POST',
    url: endpoint,
    body: { model: 'gpt-x', messages: [{ role: 'user', content: `Say ${key}.` }] },
    ...changes,
  });
  const upload = async (...lines: readonly (object | string)[]) => {
    const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
    return sdk.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' });
  };
  const create = async (file: { id: string }, changes: object = {}) =>
    sdk.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', ...changes });

  const refusal = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => new Error('it succeeded'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof APIError)) throw error;
    return `${error.status} ${error.code} ${error.param}`;
  };

  test('a batch is made, watched and read, as in the official guide', async () => {
    await begin();
    const file = await upload(request('a'), request('b'));
    expect(file).toEqual({
      id: expect.stringMatching(/^file-/),
      object: 'file',
      bytes: expect.any(Number),
      created_at: 1767225600,
      filename: 'in.jsonl',
      purpose: 'batch',
      status: 'processed',
    });
    const batch = await create(file, { metadata: { team: 'blue' } });
    expect(batch).toMatchObject({
      id: expect.stringMatching(/^batch_/),
      object: 'batch',
      endpoint,
      model: 'gpt-x',
      status: 'validating',
      input_file_id: file.id,
      output_file_id: null,
      created_at: 1767225600,
      expires_at: 1767225600 + 86400,
      metadata: { team: 'blue' },
    });

    const seen: string[] = [];
    for (const seconds of [1, 20, 1]) {
      clock.advance({ seconds });
      seen.push((await sdk.batches.retrieve(batch.id)).status);
    }
    expect(seen).toEqual(['in_progress', 'finalizing', 'completed']);

    const done = await sdk.batches.retrieve(batch.id);
    expect(done).toMatchObject({
      in_progress_at: 1767225601,
      finalizing_at: 1767225621,
      completed_at: 1767225622,
      error_file_id: null,
      request_counts: { total: 2, completed: 2, failed: 0 },
    });
    const output = await sdk.files.content(done.output_file_id ?? '');
    const text = await output.text();
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.custom_id).toSorted()).toEqual(['a', 'b']);
    for (const line of lines) {
      expect(line).toMatchObject({ error: null, response: { status_code: 200 } });
      expect(line.response.body.choices[0].message.content).toEqual(expect.any(String));
    }
    expect(await sdk.files.retrieve(done.output_file_id ?? '')).toMatchObject({
      bytes: Buffer.byteLength(text),
      purpose: 'batch_output',
    });
  });

  test('a batch is cancelled, and its error file names what was cancelled', async () => {
    await begin();
    const batch = await create(await upload(request('a'), request('b'), request('c'), request('d')));
    clock.advance({ seconds: 11 });
    expect(await sdk.batches.cancel(batch.id)).toMatchObject({ status: 'cancelling', cancelled_at: null });
    clock.advance({ seconds: 1 });
    const cancelled = await sdk.batches.retrieve(batch.id);
    expect(cancelled).toMatchObject({
      status: 'cancelled',
      cancelling_at: 1767225611,
      cancelled_at: 1767225612,
      request_counts: { total: 4, completed: 2, failed: 0 },
    });
    const errors = await (await sdk.files.content(cancelled.error_file_id ?? '')).text();
    expect(errors.trim().split('\n')).toHaveLength(2);
    expect(errors).toContain('"code":"batch_cancelled"');
    expect(await refusal(sdk.batches.cancel(batch.id))).toBe('409 null null');
  });

  test('batches and files are listed page by page, by the pages that the SDK turns itself', async () => {
    await begin();
    const file = await upload(request('a'));
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await create(file)).id);
    const listed: string[] = [];
    for await (const batch of sdk.batches.list({ limit: 2 })) listed.push(batch.id);
    expect(listed).toEqual(ids.toReversed());
    expect(emulator.calls.filter(({ operation }) => operation === 'list')).toHaveLength(3);

    const second = await upload(request('b'));
    clock.advance({ minutes: 1 });
    const names = async (query: OpenAI.FileListParams) => {
      const purposes: string[] = [];
      for await (const { id, purpose } of sdk.files.list(query)) {
        purposes.push(purpose === 'batch' ? id : purpose);
      }
      return purposes;
    };
    expect(await names({ purpose: 'batch', limit: 1 })).toEqual([second.id, file.id]);
    expect(await names({ purpose: 'batch', order: 'asc' })).toEqual([file.id, second.id]);
    expect((await names({})).filter((name) => name === 'batch_output')).toHaveLength(5);
    expect(await refusal(sdk.batches.list({ limit: 101 }).asResponse())).toBe('400 null limit');
    expect(await refusal(sdk.files.list({ limit: 10_001 }).asResponse())).toBe('400 null limit');
  });

  test('a deleted file is gone, its batch is not', async () => {
    await begin();
    const file = await upload(request('a'));
    const batch = await create(file);
    expect(await sdk.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    expect(await refusal(sdk.files.retrieve(file.id))).toBe('404 null id');
    expect(await refusal(create(file))).toBe('400 null input_file_id');
    clock.advance({ minutes: 1 });
    const { output_file_id: output = '' } = await sdk.batches.retrieve(batch.id);
    await sdk.files.delete(output);
    expect(await refusal(sdk.files.content(output))).toBe('404 null id');
    expect(await refusal(sdk.files.delete(output))).toBe('404 null id');
    expect((await sdk.batches.retrieve(batch.id)).output_file_id).toBeNull();
  });

  test('nobody gets in without the key', async () => {
    await begin();
    const stranger = new OpenAI({ apiKey: 'sk-wrong', baseURL: emulator.baseUrl, maxRetries: 0 });
    expect(await refusal(stranger.batches.retrieve('batch_1').asResponse())).toBe('401 invalid_api_key null');
    expect((await fetch(`${emulator.baseUrl}/batches`)).status).toBe(401);
    expect(await refusal(sdk.models.list().asResponse())).toBe('404 unknown_url null');
  });

  test('a creation that the vendor refuses is refused, and makes no batch', async () => {
    await begin();
    const file = await upload(request('a'));
    const pairs = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));
    expect(await refusal(create({ id: 'file-nothing' }))).toBe('400 null input_file_id');
    expect(await refusal(create(file, { endpoint: '/v1/audio' }))).toBe('400 invalid_value endpoint');
    expect(await refusal(create(file, { completion_window: '48h' }))).toBe(
      '400 invalid_value completion_window',
    );
    expect(await refusal(create(file, { nickname: 'x' }))).toBe('400 unknown_parameter nickname');
    expect(await refusal(create(file, { endpoint: undefined }))).toBe(
      '400 missing_required_parameter endpoint',
    );
    for (const metadata of [pairs(17), { ['k'.repeat(65)]: 'v' }, { k: 'v'.repeat(513) }, { k: 1 }, []]) {
      expect(await refusal(create(file, { metadata }))).toBe('400 invalid_type metadata');
    }
    expect(await emulator.batches()).toEqual([]);
    await create(file, { metadata: { ...pairs(15), ['k'.repeat(64)]: 'v'.repeat(512) } });
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('a file that the vendor refuses is refused', async () => {
    await begin();
    const send = async (form: Record<string, string | Blob>) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(form)) body.append(name, value);
      const headers = { authorization: `Bearer ${emulator.apiKey}` };
      const response = await fetch(`${emulator.baseUrl}/files`, { method: 'POST', headers, body });
      return response.status;
    };
    const file = new Blob(['{}']);
    expect(await send({ purpose: 'batch', file })).toBe(200);
    expect(await send({ purpose: 'fine-tune', file })).toBe(400);
    expect(await send({ purpose: 'batch' })).toBe(400);
    expect(await send({ purpose: 'batch', file, color: 'blue' })).toBe(400);
    expect(await refusal(sdk.post('/files', { body: { purpose: 'batch' } }))).toBe('400 null null');
  });

  test('a batch may have 50,000 requests and no more', async () => {
    await begin();
    const requests = Array.from({ length: 50_001 }, (_, n) => request(`k${n}`));
    expect(await refusal(create(await upload(...requests)))).toBe('400 null null');
    const full = await create(await upload(...requests.slice(1)));
    clock.advance({ seconds: 2 });
    expect(await sdk.batches.retrieve(full.id)).toMatchObject({
      status: 'in_progress',
      request_counts: { total: 50_000, completed: 2500 },
    });
  });

  test('a batch whose lines are wrong fails in validation, and names every line', async () => {
    await begin();
    const batch = await create(
      await upload(
        request('good'),
        '{"custom_id":',
        request('good'),
        request('c', { url: '/v1/embeddings' }),
        request('d', { body: { model: 'other', messages: [] } }),
        request('e', { extra: 1 }),
        request('f', { method: 'GET' }),
        request(''),
        request('g', { body: {} }),
        request('h', { body: 'text' }),
      ),
    );
    expect(await sdk.batches.retrieve(batch.id)).toMatchObject({ status: 'validating', errors: null });
    clock.advance({ seconds: 1 });
    const failed = await sdk.batches.retrieve(batch.id);
    expect(failed).toMatchObject({ status: 'failed', failed_at: 1767225601, in_progress_at: null });
    expect(failed.errors?.data?.map(({ line, code }) => `${line} ${code}`)).toEqual([
      '2 invalid_json_line',
      '3 duplicate_custom_id',
      '4 invalid_url',
      '5 mismatched_model',
      '6 unknown_parameter',
      '7 invalid_method',
      '8 missing_required_parameter',
      '9 missing_required_parameter',
      '10 missing_required_parameter',
    ]);
  });

  test('a batch of an empty file fails in validation', async () => {
    await begin();
    const batch = await create(await upload('\n'));
    clock.advance({ seconds: 1 });
    expect((await sdk.batches.retrieve(batch.id)).errors?.data).toEqual([
      expect.objectContaining({ code: 'empty_file', line: null }),
    ]);
  });

  test('output files may be asked to expire within the bounds that the vendor has', async () => {
    await begin();
    const file = await upload(request('a'));
    const until = (seconds: unknown, anchor = 'created_at') =>
      create(file, { output_expires_after: { anchor, seconds } });
    for (const refused of [until(3599), until(2_592_001), until('3600'), until(3600, 'completed_at')]) {
      expect(await refusal(refused)).toBe('400 invalid_value output_expires_after');
    }
    expect(await emulator.batches()).toEqual([]);
    for (const taken of [until(3600), until(2_592_000)]) expect((await taken).status).toBe('validating');
  });

  test('everything is the same under a path that several emulators share', async () => {
    const host = await openSharedHost({ host: '127.0.0.1', port: 0 });
    try {
      await begin({ host: host.at('openai') });
      expect(emulator.baseUrl).toBe(`${host.origin}/openai/v1`);
      const batch = await create(await upload(request('a')));
      clock.advance({ minutes: 1 });
      const { output_file_id: output = '' } = await sdk.batches.retrieve(batch.id);
      expect(await (await sdk.files.content(output)).text()).toContain('"custom_id":"a"');

      const compatible = createCompatibleProvider({
        name: 'x',
        title: 'X',
        settings: { apiKey: 'X_API_KEY', baseUrl: 'X_BASE_URL', defaultBaseUrl: 'https://x.example/v1' },
        quirks: { uploadIdHeader: 'x-file-id' },
      });
      const other = await compatible.emulate({ clock, host: host.at('x') });
      const described = await fetch(`${other.baseUrl}/files`, {
        method: 'POST',
        headers: { authorization: `Bearer ${other.apiKey}` },
        body: new URLSearchParams({ purpose: 'batch', file_name: 'a.jsonl' }),
        redirect: 'manual',
      });
      const place = described.headers.get('location') ?? '';
      expect(place).toMatch(new RegExp(`^${host.origin}/x/put/`));
      expect((await fetch(place, { method: 'PUT', body: '{}' })).status).toBe(200);
    } finally {
      await host.close();
    }
  });

  test('a request that its endpoint refuses fails alone', async () => {
    await begin();
    const streaming = { model: 'gpt-x', messages: [], stream: true };
    const batch = await create(
      await upload(
        request('a'),
        request('b', { body: { model: 'gpt-x' } }),
        request('c', { body: streaming }),
      ),
    );
    clock.advance({ minutes: 1 });
    const done = await sdk.batches.retrieve(batch.id);
    expect(done.request_counts).toEqual({ total: 3, completed: 1, failed: 2 });
    const errors = await (await sdk.files.content(done.error_file_id ?? '')).text();
    expect(errors).toContain("Missing required parameter: 'messages'.");
    expect(errors).toContain("'stream' must not be true");
  });
});
