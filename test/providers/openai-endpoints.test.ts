/**
 * Every endpoint that a batch can name: its results in one shape, with what is not told left open, and what the
 * vendor says of more inputs than a batch may have.
 */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { anyapi } from '../../src/providers/anyapi/index.ts';
import { type Bench, lineOf, noSignal, withBench } from '../../src/providers/audit/bench.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Outcome } from '../../src/providers/provider.ts';

/** Sends bodies to an endpoint, and answers the last report with the result lines. */
const run = async (bench: Bench, endpoint: string, bodies: readonly JsonObject[]) => {
  const items = bodies.map((body, n) => ({
    key: `k${n}`,
    endpoint,
    body: JSON.stringify({ model: 'm', ...body }),
  }));
  const bytes = items.map((item) => Buffer.byteLength(lineOf(openai, item)));
  const encodedBytes = bytes.reduce((sum, more) => sum + more, openai.encoding.frameBytes(items.length));
  const { submission } = bench.draft([]);
  const changes = { endpoint, encodedBytes, requestCount: items.length, model: 'm' };
  const { providerJobId } = await bench.client.submit(submission(changes), {
    async *items() {
      yield* items;
    },
    saveCheckpoint: async () => {},
    signal: noSignal,
    guard: () => {},
  });
  const job = {
    providerJobId,
    requestCount: items.length,
    checkpoint: null,
    cancelRequestedAt: null,
  };
  const report = await bench.finish(job);
  const lines = report.resultsReady
    ? (await bench.collect(job, report)).flatMap((chunk) => [...chunk.lines])
    : [];
  return { report, lines };
};

const outcomeOf = (line: string): Outcome => {
  const decoded = openai.decoding.decode(line);
  return decoded.kind === 'result' ? decoded.outcome : expect.fail(decoded.reason);
};

const answered = (body: JsonObject, status = 200) =>
  JSON.stringify({ custom_id: 'a', response: { status_code: status, body }, error: null });

/** Tokens that the vendor tells, and of which there were none. */
const none = { cachedInputTokens: 0, cacheWriteInputTokens: 0, reasoningTokens: 0 };

const succeeded = {
  status: 'SUCCEEDED',
  errorCode: null,
  errorMessage: null,
  retryable: null,
  stopReason: null,
  usage: unknownUsage,
};

test('OpenAI takes all endpoints of its specification, a service that says nothing the five of texts', () => {
  expect(openai.endpoints).toEqual([
    '/v1/chat/completions',
    '/v1/responses',
    '/v1/embeddings',
    '/v1/completions',
    '/v1/moderations',
    '/v1/images/generations',
    '/v1/images/edits',
    '/v1/videos',
  ]);
  expect(anyapi.endpoints).toEqual(openai.endpoints.slice(0, 5));
});

describe('the emulator', () => {
  const prompt = 'Say hello.';
  const bodies: Record<string, JsonObject> = {
    '/v1/chat/completions': { messages: [{ role: 'user', content: prompt }] },
    '/v1/responses': { input: prompt },
    '/v1/embeddings': { input: ['one', 'two'] },
    '/v1/completions': { prompt },
    '/v1/moderations': { input: prompt },
    '/v1/images/generations': { prompt, n: 2 },
    '/v1/images/edits': { prompt, images: [{ file_id: 'file-1' }] },
    '/v1/videos': { prompt },
  };

  test.each([
    ['/v1/chat/completions', 'stop', { inputTokens: 3, outputTokens: expect.any(Number), ...none }, 'string'],
    ['/v1/responses', 'completed', { inputTokens: 3, outputTokens: expect.any(Number), ...none }, 'string'],
    ['/v1/embeddings', null, { ...unknownUsage, inputTokens: 2 }, 'object'],
    [
      '/v1/completions',
      'stop',
      { ...unknownUsage, inputTokens: 3, outputTokens: expect.any(Number) },
      'string',
    ],
    ['/v1/moderations', null, unknownUsage, 'object'],
    ['/v1/images/generations', null, { ...unknownUsage, inputTokens: 3, outputTokens: 544 }, 'object'],
    ['/v1/images/edits', null, { ...unknownUsage, inputTokens: 275, outputTokens: 272 }, 'object'],
    ['/v1/videos', null, unknownUsage, 'object'],
  ])('answers %s, and the answer is read', async (endpoint, stopReason, usage, text) => {
    await withBench(openai, async (bench) => {
      const { lines } = await run(bench, endpoint, [bodies[endpoint] ?? {}]);
      expect(lines.map(outcomeOf)).toEqual([{ ...succeeded, stopReason, usage }]);
      expect(typeof openai.decoding.readText(lines[0] ?? '')).toBe(text);
    });
  });

  test.each(Object.keys(bodies))(
    'refuses a body for %s that lacks what it needs, alone',
    async (endpoint) => {
      await withBench(openai, async (bench) => {
        const { report, lines } = await run(bench, endpoint, [bodies[endpoint] ?? {}, {}]);
        expect(report.status).toBe('COMPLETED');
        expect(lines.map(outcomeOf).map(({ status, retryable }) => [status, retryable])).toEqual([
          ['SUCCEEDED', null],
          ['ERRORED', false],
        ]);
      });
    },
  );

  test('fails a batch of embeddings in validation that has more than 50,000 inputs over all requests', async () => {
    const texts = (count: number): JsonObject => ({ input: Array.from({ length: count }, () => 'a') });
    const tokens: JsonObject = { input: [1, 2, 3] };
    const full = [...Array.from({ length: 24 }, () => texts(2048)), texts(847), tokens];
    await withBench(openai, async (bench) => {
      const { report } = await run(bench, '/v1/embeddings', full);
      expect(report).toMatchObject({ status: 'COMPLETED', counts: { total: 26, succeeded: 26 } });
    });
    await withBench(openai, async (bench) => {
      const { report } = await run(bench, '/v1/embeddings', [...full, { input: 'one more' }]);
      expect(report).toMatchObject({ status: 'FAILED', resultsReady: false });
      expect(report.error?.message).toContain('50000 inputs');
    });
  });
});

describe('a result', () => {
  test('of an embedding or a moderation has no text, no stop reason, and no tokens but those that are told', () => {
    const embedding = answered({
      object: 'list',
      model: 'm',
      data: [{ object: 'embedding', index: 0, embedding: [0.1] }],
      usage: { prompt_tokens: 8, total_tokens: 8 },
    });
    expect(outcomeOf(embedding)).toEqual({ ...succeeded, usage: { ...unknownUsage, inputTokens: 8 } });
    const moderation = answered({ id: 'modr-1', model: 'm', results: [{ flagged: false }] });
    expect(outcomeOf(moderation)).toEqual(succeeded);
    for (const line of [embedding, moderation]) expect(openai.decoding.readText(line)).toBeNull();
  });

  test('of a completion has the first choice, its text and why it stopped', () => {
    const line = answered({
      object: 'text_completion',
      choices: [
        { index: 0, text: 'one', finish_reason: 'length' },
        { index: 1, text: 'two', finish_reason: 'stop' },
      ],
    });
    expect(outcomeOf(line)).toEqual({ ...succeeded, stopReason: 'length' });
    expect(openai.decoding.readText(line)).toBe('one');
  });

  test('of images tells its tokens where they are told, and no text', () => {
    const data = [{ b64_json: 'aGk=' }];
    const told = answered({
      created: 1,
      data,
      usage: {
        input_tokens: 50,
        input_tokens_details: { text_tokens: 10, image_tokens: 40 },
        output_tokens: 50,
        total_tokens: 100,
      },
    });
    expect(outcomeOf(told).usage).toEqual({ ...unknownUsage, inputTokens: 50, outputTokens: 50 });
    expect(outcomeOf(answered({ created: 1, data }))).toEqual(succeeded);
    expect(openai.decoding.readText(told)).toBeNull();
  });

  test('of a video that failed is an error with the reason inside, though its status is 200', () => {
    const video = { object: 'video', id: 'video_1', status: 'completed', error: null };
    expect(outcomeOf(answered(video))).toEqual(succeeded);
    const failed = (error: JsonObject | null) => outcomeOf(answered({ ...video, status: 'failed', error }));
    expect(failed({ code: 'moderation_blocked', message: 'No.' })).toMatchObject({
      status: 'ERRORED',
      errorCode: 'moderation_blocked',
      errorMessage: 'No.',
      retryable: false,
    });
    expect(failed({ code: 'server_error', message: 'Oh.' })).toMatchObject({ retryable: true });
    expect(failed(null)).toMatchObject({ errorCode: 'video_failed', errorMessage: null });
  });

  test('of a Response keeps reasoning, cached and written tokens apart, and says why it is not complete', () => {
    const response = (changes: JsonObject) =>
      answered({
        object: 'response',
        status: 'incomplete',
        incomplete_details: { reason: 'content_filter' },
        output: [{ type: 'reasoning', summary: [] }],
        usage: {
          input_tokens: 100,
          input_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
          output_tokens: 30,
          output_tokens_details: { reasoning_tokens: 30 },
          total_tokens: 130,
        },
        ...changes,
      });
    expect(outcomeOf(response({}))).toEqual({
      ...succeeded,
      stopReason: 'content_filter',
      usage: {
        inputTokens: 100,
        outputTokens: 30,
        cachedInputTokens: 60,
        cacheWriteInputTokens: 30,
        reasoningTokens: 30,
      },
    });
    expect(openai.decoding.readText(response({}))).toBeNull();
    const untold = response({ usage: null, incomplete_details: null });
    expect(outcomeOf(untold)).toEqual({ ...succeeded, stopReason: 'incomplete' });
  });

  test('of a chat tells the tokens written to the cache, and joins the parts of a text', () => {
    const line = answered({
      choices: [
        {
          message: {
            content: [
              { type: 'text', text: 'one ' },
              { type: 'thinking', thinking: 'hm' },
              { type: 'text', text: 'two' },
            ],
          },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: { cache_write_tokens: 4 } },
    });
    expect(outcomeOf(line).usage).toEqual({
      ...unknownUsage,
      inputTokens: 9,
      outputTokens: 3,
      cacheWriteInputTokens: 4,
    });
    expect(openai.decoding.readText(line)).toBe('one two');
    const refusal = answered({
      choices: [{ message: { content: null, refusal: 'No.' }, finish_reason: 'stop' }],
    });
    expect(openai.decoding.readText(refusal)).toBeNull();
  });

  test('that says what went wrong in a plain text is an error with that text', () => {
    const line = '{"custom_id":"a","response":null,"error":"The model is gone."}';
    expect(outcomeOf(line)).toMatchObject({
      status: 'ERRORED',
      errorCode: 'unknown_error',
      errorMessage: 'The model is gone.',
    });
    expect(outcomeOf(answered({ error: 'Bad.' }, 400))).toMatchObject({
      errorCode: 'http_400',
      errorMessage: 'Bad.',
      retryable: false,
    });
  });
});
