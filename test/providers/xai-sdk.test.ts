/**
 * Other people's clients, unchanged, against the emulator: Vercel's AI SDK, which knows the Batch API by its files, and
 * OpenAI's, which fits the files endpoints. What they need is there, in the form that they expect.
 */
import { createXai } from '@ai-sdk/xai';
import {
  experimental_cancelBatch as cancelBatch,
  experimental_getBatchResults as getBatchResults,
  experimental_getBatchStatus as getBatchStatus,
  experimental_listBatches as listBatches,
  experimental_startBatch as startBatch,
} from 'ai';
import OpenAI, { toFile } from 'openai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { xai } from '../../src/providers/xai/index.ts';

let clock: HandClock;
let emulator: Emulator;
let provider: ReturnType<typeof createXai>;
beforeEach(() => begin());
afterEach(() => emulator.close());

const begin = async (switches: NonNullable<EmulatorOptions['switches']> = {}) => {
  // The AI SDK looks at the wall clock to see whether a batch has expired, so that the emulator's is far ahead of it.
  clock = createHandClock(new Date('2126-11-22T10:00:00Z'));
  emulator = await xai.emulate({ clock, switches });
  provider = createXai({ baseURL: emulator.baseUrl, apiKey: emulator.apiKey });
};

const model = 'grok-4.20-0309-reasoning';
const text = (
  id: string,
  prompt = `Say ${id}.`,
  more: { maxOutputTokens?: number; model?: string } = {},
) => ({
  id,
  type: 'text' as const,
  model,
  prompt,
  ...more,
});
const started = (...requests: readonly ReturnType<typeof text>[]) =>
  startBatch({ provider, requests: [...requests] });

const resultsOf = async (batch: Awaited<ReturnType<typeof started>>) => {
  const found = new Map<string, Awaited<ReturnType<typeof one>>>();
  for await (const result of getBatchResults({ provider, batch, maxRetries: 0 }))
    found.set(result.id, result);
  return found;
};
const one = async (batch: Awaited<ReturnType<typeof started>>) => {
  for await (const result of getBatchResults({ provider, batch })) return result;
  throw new Error('there is none');
};

describe('the AI SDK', () => {
  test('starts a batch by a file, sees it running, and sees it completed', async () => {
    const batch = await started(text('a'), text('b'));
    expect(emulator.calls.map(({ operation }) => operation)).toEqual(['upload', 'create']);
    expect(batch).toMatchObject({
      id: expect.stringMatching(/^batch_/),
      status: 'pending',
      createdAt: '2126-11-22',
      expiresAt: '2126-12-22',
      warnings: [],
    });
    clock.advance({ seconds: 11 });
    expect(await getBatchStatus({ provider, batch })).toMatchObject({
      status: 'pending',
      requestCounts: { total: 2, completed: 1, failed: 0, pending: 1 },
    });
    clock.advance({ minutes: 1 });
    expect(await getBatchStatus({ provider, batch })).toMatchObject({
      status: 'completed',
      requestCounts: { total: 2, completed: 2, failed: 0, pending: 0 },
    });
  });

  test('reads text, its end, and its tokens with the reasoning beside the answer', async () => {
    const batch = await started(text('a'), text('cut', undefined, { maxOutputTokens: 2 }));
    clock.advance({ minutes: 1 });
    const results = await resultsOf(batch);
    expect([...results.keys()]).toEqual(['a', 'cut']);
    expect(results.get('a')).toMatchObject({
      type: 'text',
      status: 'succeeded',
      text: expect.stringMatching(/\w/),
      finishReason: 'stop',
      usage: { outputTokenDetails: { reasoningTokens: 40 } },
    });
    expect(results.get('cut')).toMatchObject({ finishReason: 'length', usage: { outputTokens: 42 } });
  });

  test('counts the tokens of an answer as our decoder does', async () => {
    const batch = await started(text('a'));
    clock.advance({ minutes: 1 });
    const theirs = (await resultsOf(batch)).get('a');
    const page = await fetch(`${emulator.baseUrl}/batches/${batch.id}/results`, {
      headers: { authorization: `Bearer ${emulator.apiKey}` },
    }).then((answer) => answer.json());
    const ours = xai.decoding.decode(JSON.stringify(page.results[0]));
    if (theirs?.type !== 'text' || theirs.status !== 'succeeded' || ours.kind !== 'result')
      return expect.fail();
    expect(ours.outcome.usage).toMatchObject({
      inputTokens: theirs.usage.inputTokens,
      outputTokens: theirs.usage.outputTokens,
      reasoningTokens: theirs.usage.outputTokenDetails.reasoningTokens,
    });
    expect(xai.decoding.readText(JSON.stringify(page.results[0]))).toBe(theirs.text);
  });

  test('walks through all pages of the results', async () => {
    const batch = await started(...Array.from({ length: 1_001 }, (_, n) => text(`n${n}`)));
    clock.advance({ minutes: 1 });
    expect((await resultsOf(batch)).size).toBe(1_001);
    expect(emulator.calls.filter(({ operation }) => operation === 'results')).toHaveLength(2);
  });

  test.each(['status', 'sentence', 'beside'])('reads what went wrong, told as %s', async (errorForm) => {
    await emulator.close();
    await begin({ errorForm });
    const batch = await started(text('bad', 'emulate:errored'), text('good'));
    clock.advance({ minutes: 1 });
    const batchResults = resultsOf(batch);
    if (errorForm === 'sentence') {
      // The AI SDK has no notion of an error that is a bare sentence, as others have seen it.
      await expect(batchResults).rejects.toThrow();
      return;
    }
    const results = await batchResults;
    expect(results.get('bad')).toMatchObject({
      status: 'failed',
      error: { code: '3', message: 'This request was asked to fail.' },
    });
    expect(results.get('good')).toMatchObject({ status: 'succeeded' });
  });

  test('sees a batch that the vendor cancelled for its model as failed, and why', async () => {
    const batch = await started(text('a', 'Hi', { model: 'grok-unbatchable' }));
    expect(batch.status).toBe('pending');
    clock.advance({ seconds: 1 });
    expect(await getBatchStatus({ provider, batch })).toMatchObject({
      status: 'failed',
      error: {
        message:
          'JSONL file validation failed: Model grok-unbatchable is not supported for batch processing.',
      },
      requestCounts: { total: 0 },
    });
  });

  test('cancels a batch, and reads what had finished beside what had not', async () => {
    const batch = await started(text('a'), text('b'), text('c'), text('d'));
    clock.advance({ seconds: 11 });
    await cancelBatch({ provider, batch });
    clock.advance({ seconds: 1 });
    expect(await getBatchStatus({ provider, batch })).toMatchObject({
      status: 'failed',
      error: { code: 'batch_cancelled' },
    });
    const statuses = Array.from(await resultsOf(batch), ([, { status }]) => status);
    expect(statuses.toSorted()).toEqual(['cancelled', 'cancelled', 'succeeded', 'succeeded']);
  });

  test('lists batches, page by page', async () => {
    const ids: string[] = [];
    for (const id of ['a', 'b', 'c']) ids.unshift((await started(text(id))).id);
    const first = await listBatches({ provider, limit: 2 });
    expect(first.batches.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const { nextCursor: cursor = '' } = first;
    const second = await listBatches({ provider, limit: 2, cursor });
    expect(second.batches.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(second.nextCursor).toBeUndefined();
  });

  test('asks for a picture, and gets one', async () => {
    const batch = await startBatch({
      provider,
      requests: [{ id: 'cat', type: 'image', model: 'grok-imagine-image-2.0', prompt: 'A cat.' }],
    });
    clock.advance({ minutes: 1 });
    const { cat } = Object.fromEntries(await resultsOf(batch));
    if (cat?.type !== 'image' || cat.status !== 'succeeded') return expect.fail();
    expect(cat.images[0]?.mediaType).toBe('image/png');
  });

  test('has its file expire when it asks for that', async () => {
    const batch = await startBatch({
      provider,
      requests: [text('a')],
      providerOptions: { xai: { inputFileExpiresAfter: 3_600 } },
    });
    expect(batch).toMatchObject({
      providerMetadata: { xai: { inputFileExpiresAt: '2126-11-22T11:00:00.000Z' } },
    });
  });

  test('reads a refusal with its sentence', async () => {
    const stranger = createXai({ baseURL: emulator.stranger.baseUrl, apiKey: emulator.stranger.apiKey });
    const failure = await startBatch({ provider: stranger, requests: [text('a')] }).catch((error) => error);
    expect(failure).toMatchObject({ statusCode: 400, message: expect.stringContaining('Incorrect API key') });
  });
});

describe("OpenAI's client", () => {
  const files = () => new OpenAI({ baseURL: emulator.baseUrl, apiKey: emulator.apiKey, maxRetries: 0 }).files;

  test('uploads a file, reads it back and deletes it', async () => {
    const content = '{"custom_id":"a"}\n';
    const file = await files().create({
      file: await toFile(Buffer.from(content), 'in.jsonl'),
      purpose: 'batch',
    });
    expect(file).toMatchObject({
      object: 'file',
      bytes: content.length,
      filename: 'in.jsonl',
      purpose: 'batch',
    });
    expect(await files().retrieve(file.id)).toEqual(file);
    expect(await (await files().content(file.id)).text()).toBe(content);
    expect(await files().delete(file.id)).toMatchObject({ id: file.id, deleted: true });
    await expect(files().retrieve(file.id)).rejects.toThrow(OpenAI.NotFoundError);
  });
});
