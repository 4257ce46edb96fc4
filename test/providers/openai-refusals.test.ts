/** What OpenAI refuses for good, and what it refuses for now: money, size, keys, models, and the queue's limit. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Bench, noSignal, withBench } from '../../src/providers/audit/bench.ts';
import { failureFrom } from '../../src/providers/audit/demands.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/openai/fixtures/${name}`, import.meta.url), 'utf8');

/** Every call that a job can meet a refusal with, by the emulator's name for it. */
const calls: Record<string, (bench: Bench) => Promise<unknown>> = {
  list_files: (bench) => bench.submit(bench.draft(bench.few())),
  upload: (bench) => bench.submit(bench.draft(bench.few())),
  create: (bench) => bench.submit(bench.draft(bench.few())),
  list: (bench) => bench.client.find(bench.draft(bench.few()).submission(), noSignal),
  retrieve: async (bench) =>
    bench.client.retrieve(
      { providerJobId: 'batch_1', requestCount: 1, checkpoint: null, cancelRequestedAt: null },
      noSignal,
    ),
};

const refusedWith = (operation: string, effect: Omit<Extract<FaultEffect, { kind: 'answer' }>, 'kind'>) =>
  withBench(openai, async (bench) => {
    bench.fault(operation, { kind: 'answer', ...effect }, Number.POSITIVE_INFINITY);
    const call = calls[operation] ?? expect.fail();
    const kinds = ['rejected', 'throttled', 'unavailable', 'uncertain', 'malformed'] as const;
    const failure = await failureFrom(() => call(bench), ...kinds);
    expect(bench.callsOf(operation)).toBe(1);
    expect(await bench.emulator.batches()).toEqual([]);
    return failure;
  });

describe.each(Object.keys(calls))('a refusal of %s', (operation) => {
  test('that says that the quota is spent is for good, whichever of its words says so', async () => {
    for (const body of fixture('errors.jsonl').trim().split('\n')) {
      const { error } = JSON.parse(body);
      expect(
        await refusedWith(operation, { status: 429, headers: { 'retry-after': '60' }, body }),
      ).toMatchObject({
        kind: 'rejected',
        status: 429,
        code: error.code ?? error.type,
        message: error.message,
        retryAt: null,
      });
    }
  });

  test('that says to slow down is for now', async () => {
    const body =
      '{"error":{"message":"Rate limit reached.","type":"requests","param":null,"code":"rate_limit_exceeded"}}';
    expect(await refusedWith(operation, { status: 429, body })).toMatchObject({
      kind: 'throttled',
      code: 'rate_limit_exceeded',
    });
    expect(await refusedWith(operation, { status: 429, body: 'busy' })).toMatchObject({ kind: 'throttled' });
  });

  test('that demands payment is for good, and is told in a sentence where the answer has none', async () => {
    expect(await refusedWith(operation, { status: 402, body: '' })).toMatchObject({
      kind: 'rejected',
      code: 'http_402',
      message: 'The provider takes nothing more before it is paid.',
    });
    const body = '{"error":{"message":"Please pay.","type":"billing","param":null,"code":"unpaid"}}';
    expect(await refusedWith(operation, { status: 402, body })).toMatchObject({
      kind: 'rejected',
      code: 'unpaid',
      message: 'Please pay.',
    });
  });

  test('that says that it is too large is for good, and is told in a sentence where the answer has none', async () => {
    const body = '<html><h1>413 Request Entity Too Large</h1></html>';
    expect(await refusedWith(operation, { status: 413, body })).toMatchObject({
      kind: 'rejected',
      code: 'http_413',
      message: 'The provider takes no job as large as this one.',
    });
  });

  test('for the key is for good', async () => {
    for (const status of [401, 403]) {
      const body = '{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":"denied"}}';
      expect(await refusedWith(operation, { status, body })).toMatchObject({ kind: 'rejected', status });
    }
  });
});

test('a creation that fails with 500 is uncertain, whatever it says of the quota', async () => {
  const [body = ''] = fixture('errors.jsonl').split('\n');
  expect(await refusedWith('create', { status: 500, body })).toMatchObject({ kind: 'uncertain' });
});

describe('a batch that the vendor fails after it took it', () => {
  /** The last report of a batch that is shown so. */
  const shownAs = (text: string) =>
    withBench(openai, async (bench) => {
      const job = await bench.submit(bench.draft(bench.few()));
      bench.fault('retrieve', { kind: 'rewrite', rewrite: () => text });
      return bench.client.retrieve(job, noSignal);
    });

  test('because too many tokens are in the queue keeps the reason, word for word, and may be taken another time', async () => {
    const text = fixture('failed-batch.json');
    expect(await shownAs(text)).toMatchObject({
      status: 'FAILED',
      raw: text,
      resultsReady: false,
      counts: { total: null, succeeded: null, errored: null },
      endedAt: new Date(1790000012_000),
      error: {
        code: 'token_limit_exceeded',
        message: JSON.parse(text).errors.data[0].message,
        retryable: true,
      },
    });
  });

  test('because its model cannot be batched keeps the reason', async () => {
    const failed = JSON.parse(fixture('failed-batch.json'));
    const error = {
      code: 'model_not_found',
      message: "The model 'gpt-x' cannot be batched.",
      param: 'body.model',
      line: 1,
    };
    const text = JSON.stringify({ ...failed, errors: { object: 'list', data: [error] } });
    expect((await shownAs(text)).error).toEqual({
      code: 'model_not_found',
      message: "The model 'gpt-x' cannot be batched. (line 1)",
      retryable: false,
    });
  });
});

test('a request that met a spent quota is not worth another try, one that met a rate limit is', () => {
  const [spent = ''] = fixture('errors.jsonl').split('\n');
  const limited = '{"error":{"message":"Slow.","type":"requests","param":null,"code":"rate_limit_exceeded"}}';
  const retryable = (body: string) => {
    const line = `{"custom_id":"a","response":{"status_code":429,"body":${body}},"error":null}`;
    const decoded = openai.decoding.decode(line);
    return decoded.kind === 'result' ? decoded.outcome.retryable : null;
  };
  expect([retryable(spent), retryable(limited)]).toEqual([false, true]);
});
