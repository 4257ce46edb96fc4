import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callbackBody, callbackBodySchema, type EndedBatch } from '../../src/domain/callback-body.ts';
import { batchStatuses, isTerminalBatch } from '../../src/domain/status.ts';

const batch: EndedBatch = {
  id: '01900000-0000-7000-8000-000000000001',
  name: null,
  metadata: {},
  provider: 'openai',
  sandbox: true,
  endpoint: '/v1/chat/completions',
  model: null,
  status: 'COMPLETED',
  errorCode: null,
  total: 3,
  succeeded: 2,
  errored: 1,
  expired: 0,
  cancelled: 0,
  inputTokens: 7,
  outputTokens: null,
  cachedInputTokens: null,
  cacheWriteInputTokens: null,
  reasoningTokens: null,
  createdAt: new Date('2026-11-23T09:00:00.000Z'),
  submittedAt: null,
};
const end = { seq: 9, at: new Date('2026-11-23T10:00:00.000Z'), origin: 'https://batches.example.com' };

describe('The body of a callback', () => {
  it('says how, when and which batch ended, in numbers and addresses', () => {
    const url = `https://batches.example.com/batches/${batch.id}`;
    expect(callbackBody(batch, end)).toEqual({
      type: 'batch.completed',
      timestamp: '2026-11-23T10:00:00.000Z',
      data: {
        batchId: batch.id,
        seq: 9,
        status: 'COMPLETED',
        errorCode: null,
        name: null,
        metadata: {},
        provider: 'openai',
        sandbox: true,
        endpoint: '/v1/chat/completions',
        model: null,
        counts: { total: 3, succeeded: 2, errored: 1, expired: 0, cancelled: 0 },
        usage: {
          inputTokens: 7,
          outputTokens: null,
          cachedInputTokens: null,
          cacheWriteInputTokens: null,
          reasoningTokens: null,
        },
        createdAt: '2026-11-23T09:00:00.000Z',
        submittedAt: null,
        url,
        inputUrl: `${url}/input.jsonl`,
        outputUrl: `${url}/output.jsonl`,
        errorUrl: `${url}/errors.jsonl`,
      },
    });
  });

  it('has no address where the service does not know its own', () => {
    const { url, inputUrl, outputUrl, errorUrl } = callbackBody(batch, { ...end, origin: null }).data;
    expect([url, inputUrl, outputUrl, errorUrl]).toEqual([null, null, null, null]);
  });

  it('fits its schema whatever the batch is called and whatever became of it', () => {
    const count = fc.nat();
    const facts = fc.record({
      name: fc.option(fc.string({ unit: 'binary' })),
      metadata: fc.dictionary(fc.string(), fc.string()),
      model: fc.option(fc.string()),
      status: fc.constantFrom(...batchStatuses.filter(isTerminalBatch)),
      errorCode: fc.option(fc.string()),
      ...{ total: count, succeeded: count, errored: count, expired: count, cancelled: count },
      outputTokens: fc.option(fc.nat()),
      submittedAt: fc.option(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') })),
    });
    fc.assert(
      fc.property(facts, fc.boolean(), (changes, isKnown) => {
        const origin = isKnown ? end.origin : null;
        const body = JSON.stringify(callbackBody({ ...batch, ...changes }, { ...end, origin }));
        callbackBodySchema.parse(JSON.parse(body));
      }),
    );
  });

  it('is not to be had of a batch that has not ended', () => {
    for (const status of batchStatuses.filter((word) => !isTerminalBatch(word))) {
      expect(() => callbackBody({ ...batch, status }, end)).toThrow(RangeError);
    }
  });
});
