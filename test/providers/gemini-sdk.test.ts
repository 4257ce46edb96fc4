/** The vendor's own SDK, unchanged, against the emulator: what it needs is there, in the form that it expects. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type BatchJob, GoogleGenAI, type InlinedRequest } from '@google/genai';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { gemini } from '../../src/providers/gemini/index.ts';

let clock: HandClock;
let emulator: Emulator;
let sdk: GoogleGenAI;
let directory: string;
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  emulator = await gemini.emulate({ clock });
  sdk = sdkFor(emulator);
  directory = await mkdtemp(join(tmpdir(), 'batchql-gemini-'));
});
afterEach(async () => {
  await emulator.close();
  await rm(directory, { recursive: true });
});

const sdkFor = ({ baseUrl, apiKey }: Pick<Emulator, 'baseUrl' | 'apiKey'>): GoogleGenAI =>
  new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });

const model = 'gemini-3.8-flash';
const lineOf = (key: string, text = `Say ${key}.`) =>
  JSON.stringify({ key, request: { contents: [{ role: 'user', parts: [{ text }] }] } });

const upload = (...lines: string[]) =>
  sdk.files.upload({
    file: new Blob([lines.join('\n')]),
    config: { mimeType: 'application/jsonl', displayName: 'requests' },
  });

const createOfFile = async (...keys: string[]): Promise<BatchJob> => {
  const file = await upload(...keys.map((key) => lineOf(key)));
  return sdk.batches.create({ model, src: file.name!, config: { displayName: 'a job' } });
};

const inlined = (key: string, text = `Say ${key}.`): InlinedRequest => ({
  contents: [{ role: 'user', parts: [{ text }] }],
  metadata: { key },
});

const failureOf = async (call: Promise<unknown>): Promise<ApiError> => {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ApiError);
  return thrown as ApiError;
};

const resultsOf = async (job: BatchJob): Promise<Array<Record<string, unknown>>> => {
  const downloadPath = join(directory, 'results.jsonl');
  await sdk.files.download({ file: job.dest!.fileName!, downloadPath });
  const text = await readFile(downloadPath, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
};

describe('files', () => {
  test('a file is uploaded and answers with every member, and is found, listed and deleted', async () => {
    const file = await upload(lineOf('a'));
    expect(file).toEqual({
      name: expect.stringMatching(/^files\/[0-9a-z]{24}$/),
      displayName: 'requests',
      mimeType: 'application/jsonl',
      sizeBytes: String(lineOf('a').length),
      createTime: '2026-11-22T10:00:00.000000000Z',
      updateTime: '2026-11-22T10:00:00.000000000Z',
      expirationTime: '2026-11-24T10:00:00.000000000Z',
      sha256Hash: expect.any(String),
      uri: `${emulator.baseUrl}/v1beta/${file.name}`,
      state: 'ACTIVE',
      source: 'UPLOADED',
    });
    expect(await sdk.files.get({ name: file.name! })).toMatchObject({ name: file.name });
    const listed: unknown[] = [];
    for await (const { name } of await sdk.files.list()) listed.push(name);
    expect(listed).toEqual([file.name]);
    await sdk.files.delete({ name: file.name! });
    expect(await failureOf(sdk.files.get({ name: file.name! }))).toMatchObject({ status: 403 });
    const none: unknown[] = [];
    for await (const { name } of await sdk.files.list()) none.push(name);
    expect(none).toEqual([]);
  });

  test('a file of several pieces arrives whole, from memory and from a path', async () => {
    const text = Array.from({ length: 120_000 }, (_, n) => lineOf(String(n).padStart(6, '0'))).join('\n');
    expect(text.length).toBeGreaterThan(8 * 1024 * 1024);
    const path = join(directory, 'requests.jsonl');
    await writeFile(path, text);
    const config = { mimeType: 'application/jsonl' };
    for (const file of [new Blob([text]), path]) {
      expect(await sdk.files.upload({ file, config })).toMatchObject({ sizeBytes: String(text.length) });
    }
    const operations = emulator.calls.map(({ operation }) => operation);
    expect(operations).toEqual(['start_upload', 'upload', 'upload', 'start_upload', 'upload', 'upload']);
  });

  test('a file is gone after two days, and cannot be downloaded before', async () => {
    const { name } = await upload(lineOf('a'));
    const downloadPath = join(directory, 'x');
    expect(await failureOf(sdk.files.download({ file: name!, downloadPath }))).toMatchObject({ status: 400 });
    clock.advance({ hours: 48 });
    expect(await failureOf(sdk.files.get({ name: name! }))).toMatchObject({ status: 403 });
    expect(await failureOf(sdk.batches.create({ model, src: name! }))).toMatchObject({ status: 403 });
  });
});

describe('a batch of a file', () => {
  test('is created, runs and succeeds, and its results are downloaded', async () => {
    const job = await createOfFile('a', 'b', 'c');
    expect(job).toEqual({
      name: expect.stringMatching(/^batches\/[0-9a-z]{24}$/),
      displayName: 'a job',
      state: 'JOB_STATE_PENDING',
      createTime: '2026-11-22T10:00:00.000000000Z',
      updateTime: '2026-11-22T10:00:00.000000000Z',
      model: `models/${model}`,
    });
    const states: unknown[] = [];
    for (const seconds of [0, 1, 10, 11]) {
      clock.advance({ seconds });
      states.push((await sdk.batches.get({ name: job.name! })).state);
    }
    expect(states).toEqual([
      'JOB_STATE_PENDING',
      'JOB_STATE_RUNNING',
      'JOB_STATE_RUNNING',
      'JOB_STATE_SUCCEEDED',
    ]);
    const done = await sdk.batches.get({ name: job.name! });
    expect(done).toMatchObject({
      endTime: '2026-11-22T10:00:22.000000000Z',
      dest: { fileName: job.name!.replace('batches/', 'files/batch-') },
    });
    const results = await resultsOf(done);
    expect(results.map(({ key }) => key).toSorted()).toEqual(['a', 'b', 'c']);
    expect(results[0]).toMatchObject({
      response: {
        candidates: [
          { content: { role: 'model', parts: [{ text: expect.any(String) }] }, finishReason: 'STOP' },
        ],
        usageMetadata: { promptTokenCount: expect.any(Number), totalTokenCount: expect.any(Number) },
        modelVersion: model,
      },
    });
  });

  test('whose requests are bad or overloaded succeeds, with an error for each of them', async () => {
    const file = await upload(
      lineOf('good'),
      JSON.stringify({ key: 'bad', request: { contents: [] } }),
      lineOf('late', 'emulate:overloaded'),
    );
    const { name } = await sdk.batches.create({ model, src: file.name! });
    clock.advance({ minutes: 1 });
    const results = await resultsOf(await sdk.batches.get({ name: name! }));
    expect(Object.fromEntries(results.map(({ key, error }) => [key, error]))).toEqual({
      good: undefined,
      bad: { code: 3, message: expect.stringContaining('contents is not specified') },
      late: { code: 14, message: expect.any(String) },
    });
  });

  test('is cancelled, which takes a moment, and keeps what had finished', async () => {
    const { name } = await createOfFile('a', 'b', 'c', 'd');
    clock.advance({ seconds: 11 });
    await sdk.batches.cancel({ name: name! });
    expect((await sdk.batches.get({ name: name! })).state).toBe('JOB_STATE_RUNNING');
    clock.advance({ seconds: 1 });
    const job = await sdk.batches.get({ name: name! });
    expect(job.state).toBe('JOB_STATE_CANCELLED');
    expect(await resultsOf(job)).toHaveLength(2);
    expect(await failureOf(sdk.batches.cancel({ name: name! }))).toMatchObject({ status: 400 });
  });

  test('is deleted, and then not known', async () => {
    const { name } = await createOfFile('a');
    await sdk.batches.delete({ name: name! });
    const { batches } = sdk;
    for (const call of ['get', 'cancel', 'delete'] as const) {
      expect(await failureOf(batches[call]({ name: name! }))).toMatchObject({ status: 404 });
    }
  });

  test.each([
    ['emulate:job-failed', 'JOB_STATE_FAILED'],
    ['emulate:job-expired', 'JOB_STATE_EXPIRED'],
    ['emulate:stuck', 'JOB_STATE_RUNNING'],
  ])('ends as one of its requests has asked: %s', async (wish, state) => {
    const file = await upload(lineOf('a', wish), lineOf('b'));
    const { name } = await sdk.batches.create({ model, src: file.name! });
    clock.advance({ hours: 1 });
    const job = await sdk.batches.get({ name: name! });
    expect([job.state, job.dest]).toEqual([state, undefined]);
  });
});

describe('a batch of requests that come along', () => {
  test('has its results inside, in the order of its requests, with their metadata', async () => {
    const src = ['a', 'b', 'c', 'd'].map((key) => inlined(key));
    const { name } = await sdk.batches.create({
      model,
      src: [...src, inlined('e', 'emulate:errored')],
      config: { displayName: 'inlined' },
    });
    clock.advance({ minutes: 1 });
    const { dest } = await sdk.batches.get({ name: name! });
    const responses = dest!.inlinedResponses!;
    expect(responses.map(({ metadata }) => metadata)).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key })),
    );
    expect(responses[0]!.response!.candidates![0]).toMatchObject({
      content: { parts: [{ text: expect.any(String) }] },
    });
    expect(responses[4]).toMatchObject({ error: { code: 3 } });
  });

  test('takes its settings along, and answers in the schema that was asked for, or is cut', async () => {
    const schema = {
      type: 'OBJECT',
      properties: { mood: { type: 'STRING', enum: ['good'] } },
      required: ['mood'],
    };
    const { name } = await sdk.batches.create({
      model,
      src: [
        {
          ...inlined('json'),
          config: {
            systemInstruction: 'Be brief.',
            responseMimeType: 'application/json',
            responseSchema: schema as never,
          },
        },
        { ...inlined('cut'), config: { maxOutputTokens: 2 } },
      ],
    });
    clock.advance({ minutes: 1 });
    const [json, cut] = (await sdk.batches.get({ name: name! })).dest!.inlinedResponses!;
    const [candidate] = json!.response!.candidates!;
    expect(JSON.parse(candidate!.content!.parts![0]!.text!)).toEqual({ mood: 'good' });
    expect(cut!.response!.candidates![0]!.finishReason).toBe('MAX_TOKENS');
  });

  test('is refused above 20 MB', async () => {
    const src = [inlined('big', 'x'.repeat(20 * 1024 * 1024))];
    expect(await failureOf(sdk.batches.create({ model, src }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('20971520'),
    });
  });
});

describe('a batch of embeddings', () => {
  beforeEach(() => {
    // The SDK says that the method is experimental.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('is created of a file, and answers vectors', async () => {
    const request = { content: { parts: [{ text: 'one' }] }, outputDimensionality: 4 };
    const file = await upload(JSON.stringify({ key: 'a', request }));
    const { name } = await sdk.batches.createEmbeddings({
      model: 'gemini-embedding-001',
      src: { fileName: file.name! },
      config: { displayName: 'vectors' },
    });
    clock.advance({ minutes: 1 });
    const [result] = await resultsOf(await sdk.batches.get({ name: name! }));
    expect(result).toMatchObject({ key: 'a', response: { embedding: { values: expect.any(Array) } } });
  });

  test('is created of requests that come along, and is known for what it is', async () => {
    const { name } = await sdk.batches.createEmbeddings({
      model: 'gemini-embedding-001',
      src: { inlinedRequests: { contents: ['one', 'two'] } },
    });
    clock.advance({ minutes: 1 });
    const { dest } = await sdk.batches.get({ name: name! });
    expect(dest!.inlinedEmbedContentResponses).toHaveLength(2);
  });

  test('is refused to a model for text, as text is to a model for embeddings', async () => {
    const file = await upload(lineOf('a'));
    const src = { fileName: file.name! };
    expect(await failureOf(sdk.batches.createEmbeddings({ model, src }))).toMatchObject({ status: 404 });
    const other = sdk.batches.create({ model: 'gemini-embedding-001', src: file.name! });
    expect(await failureOf(other)).toMatchObject({ status: 404 });
  });
});

test('the list comes newest first, page by page', async () => {
  const names: unknown[] = [];
  for (const key of ['a', 'b', 'c', 'd', 'e']) names.unshift((await createOfFile(key)).name);
  const found: unknown[] = [];
  for await (const { name } of await sdk.batches.list({ config: { pageSize: 2 } })) found.push(name);
  expect(found).toEqual(names);
  expect(emulator.calls.filter(({ operation }) => operation === 'list')).toHaveLength(3);
});

test.each(['v1', 'v1beta'])(
  'the vendor is spoken to in either version of its API: %s',
  async (apiVersion) => {
    const { baseUrl, apiKey } = emulator;
    sdk = new GoogleGenAI({ apiKey, apiVersion, httpOptions: { baseUrl } });
    const { name } = await createOfFile('a');
    clock.advance({ minutes: 1 });
    expect(await resultsOf(await sdk.batches.get({ name: name! }))).toHaveLength(1);
    expect(emulator.calls.every(({ path }) => path.includes(`/${apiVersion}/`))).toBe(true);
  },
);

test('a list of nothing is an empty one', async () => {
  const found: unknown[] = [];
  for await (const job of await sdk.batches.list()) found.push(job);
  expect(found).toEqual([]);
});

test('a key that nobody gave out is refused as the vendor refuses it', async () => {
  const stranger = sdkFor({ baseUrl: emulator.baseUrl, apiKey: 'AIza-nobody' });
  const failure = await failureOf(stranger.batches.list() as Promise<unknown>);
  expect(failure.status).toBe(400);
  expect(JSON.parse(failure.message)).toMatchObject({
    error: { status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] },
  });
});

describe('a creation is refused', () => {
  const create = (batch: unknown, path = `models/${model}:batchGenerateContent`) =>
    fetch(`${emulator.baseUrl}/v1beta/${path}`, {
      method: 'POST',
      headers: { 'x-goog-api-key': emulator.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify(batch),
    });
  const one = { request: { contents: [{ parts: [{ text: 'Hi' }] }] } };
  const requests = { requests: [one] };

  test.each([
    ['with an unknown member', { batch: { inputConfig: { requests } }, model }, /Unknown name "model"/],
    [
      'with an unknown member of the batch',
      { batch: { inputConfig: { requests }, metadata: {} } },
      /metadata/,
    ],
    ['without a batch', {}, /batch is not specified/],
    ['without an input', { batch: { displayName: 'x' } }, /input_config/],
    ['with two inputs', { batch: { inputConfig: { requests, fileName: 'files/x' } } }, /exactly one/],
    ['without requests', { batch: { inputConfig: { requests: { requests: [] } } } }, /requests/],
    [
      'with an unknown member of a request',
      { batch: { inputConfig: { requests: { requests: [{ ...one, key: 'a' }] } } } },
      /Unknown name "key"/,
    ],
    [
      'with a webhook that is no address',
      { batch: { inputConfig: { requests }, webhookConfig: { uris: ['nowhere'] } } },
      /webhook_config/,
    ],
  ])('%s', async (_name, body, message) => {
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { code: 400, status: 'INVALID_ARGUMENT', message: expect.stringMatching(message) },
    });
    expect(await emulator.batches()).toEqual([]);
  });

  test('and one in the spelling of protocol buffers is taken as well', async () => {
    const { name } = await upload(lineOf('a'));
    const answer = await create({ batch: { display_name: 'x', input_config: { file_name: name } } });
    expect(await answer.json()).toMatchObject({
      metadata: { displayName: 'x', inputConfig: { fileName: name } },
    });
  });

  test('and one with unknown members of a body is taken as well', async () => {
    const strange = { request: { ...one.request, from: 'the future' } };
    expect((await create({ batch: { inputConfig: { requests: { requests: [strange] } } } })).status).toBe(
      200,
    );
  });
});

describe('an upload is refused', () => {
  const start = (headers: Record<string, string>, body: unknown = { file: {} }) =>
    fetch(`${emulator.baseUrl}/upload/v1beta/files`, {
      method: 'POST',
      headers: {
        'x-goog-api-key': emulator.apiKey,
        'x-goog-upload-protocol': 'resumable',
        'x-goog-upload-command': 'start',
        'x-goog-upload-header-content-length': '4',
        'x-goog-upload-header-content-type': 'text/plain',
        ...headers,
      },
      body: JSON.stringify(body),
    });
  const send = async (command: string, offset: number, body: string) => {
    const url = (await start({})).headers.get('x-goog-upload-url')!;
    const headers = { 'x-goog-upload-command': command, 'x-goog-upload-offset': String(offset) };
    return fetch(url, { method: 'POST', headers, body });
  };

  test('that does not begin as one', async () => {
    expect((await start({ 'x-goog-upload-protocol': 'raw' })).status).toBe(400);
    expect((await start({ 'x-goog-upload-command': 'upload' })).status).toBe(400);
    expect((await start({ 'x-goog-upload-header-content-length': '2000000001' })).status).toBe(400);
    expect((await start({}, { file: { color: 'red' } })).status).toBe(400);
    expect((await start({ 'x-goog-api-key': '' })).status).toBe(400);
  });

  test('whose bytes are others than it announced', async () => {
    expect((await send('upload, finalize', 0, 'four')).headers.get('x-goog-upload-status')).toBe('final');
    for (const refused of [
      send('upload, finalize', 0, 'thr'),
      send('upload, finalize', 0, 'fifth'),
      send('upload, finalize', 1, 'our'),
      send('upload', 0, 'fou'),
      send('sing', 0, 'four'),
    ]) {
      expect((await refused).status).toBe(400);
    }
    const unknown = await fetch(`${emulator.baseUrl}/upload/v1beta/files?upload_id=x`, { method: 'POST' });
    expect(unknown.status).toBe(404);
  });
});
