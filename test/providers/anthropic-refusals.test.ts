/** What Anthropic refuses for good, and what it refuses for now: money, size, and the pace of use. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { type Bench, noSignal, withBench } from '../../src/providers/audit/bench.ts';
import { failureFrom } from '../../src/providers/audit/demands.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';

const [credit = '', billing = '', enforced = '', contract = '', ramp = ''] = readFileSync(
  new URL('../../src/providers/anthropic/fixtures/refusals.jsonl', import.meta.url),
  'utf8',
).split('\n');

/** Every call that a job can meet a refusal with, by the emulator's name for it. */
const calls: Record<string, (bench: Bench) => Promise<unknown>> = {
  create: (bench) => bench.submit(bench.draft(bench.few())),
  list: (bench) => bench.client.find(bench.draft(bench.few()).submission(), noSignal),
  retrieve: async (bench) =>
    bench.client.retrieve(
      { providerJobId: 'msgbatch_1', requestCount: 1, checkpoint: null, cancelRequestedAt: null },
      noSignal,
    ),
  results: async (bench) => {
    const job = await bench.submit(bench.draft(bench.few()));
    const report = await bench.finish(job);
    await bench.collect(job, report);
  },
};

const refusedWith = (operation: string, effect: Omit<Extract<FaultEffect, { kind: 'answer' }>, 'kind'>) =>
  withBench(anthropic, async (bench) => {
    bench.fault(operation, { kind: 'answer', ...effect }, Number.POSITIVE_INFINITY);
    const call = calls[operation] ?? expect.fail();
    const kinds = ['rejected', 'throttled', 'unavailable', 'uncertain', 'malformed'] as const;
    const failure = await failureFrom(() => call(bench), ...kinds);
    expect(bench.callsOf(operation)).toBe(1);
    return failure;
  });

describe.each(Object.keys(calls))('a refusal of %s', (operation) => {
  test('for want of credit is for good', async () => {
    expect(await refusedWith(operation, { status: 400, body: credit })).toMatchObject({
      kind: 'rejected',
      code: 'invalid_request_error',
      message: expect.stringContaining('credit balance is too low'),
    });
    expect(await refusedWith(operation, { status: 402, body: billing })).toMatchObject({
      kind: 'rejected',
      code: 'billing_error',
    });
  });

  test('at a spend limit is for good, though its status is that of a rate limit', async () => {
    for (const [body, code] of [
      [enforced, 'enforced_spend_limit_reached'],
      [contract, 'contract_spend_limit_reached'],
    ] as const) {
      expect(await refusedWith(operation, { status: 429, body })).toMatchObject({
        kind: 'rejected',
        status: 429,
        code,
        retryAt: null,
      });
    }
  });

  test('at a limit that passes is for now, until when it says', async () => {
    const headers = { 'retry-after': '30' };
    expect(await refusedWith(operation, { status: 429, headers, body: ramp })).toMatchObject({
      kind: 'throttled',
      code: 'ramp_limit_exceeded',
      retryAt: expect.any(Date),
    });
  });

  test('by what stands before the API is told in a sentence', async () => {
    const body = '<html><h1>413 Request Entity Too Large</h1><hr>cloudflare</html>';
    expect(await refusedWith(operation, { status: 413, body })).toMatchObject({
      kind: 'rejected',
      code: 'http_413',
      message: 'The provider takes no job as large as this one.',
    });
    expect(await refusedWith(operation, { status: 402, body: '' })).toMatchObject({
      kind: 'rejected',
      message: 'The provider takes nothing more before it is paid.',
    });
  });
});

test('a request that met a spend limit is not worth another try, one that met a rate limit is', () => {
  const retryable = (error: string) => {
    const line = `{"custom_id":"a","result":{"type":"errored","error":${error}}}`;
    const decoded = anthropic.decoding.decode(line);
    return decoded.kind === 'result' ? [decoded.outcome.errorCode, decoded.outcome.retryable] : null;
  };
  expect([retryable(enforced), retryable(ramp)]).toEqual([
    ['rate_limit_error', false],
    ['rate_limit_error', true],
  ]);
});
