/** `createBatch` with `dryRun`, as a caller sees it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageBody } from '../support/documents.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const document = `mutation($input: CreateBatchInput!) { createBatch(input: $input) {
  __typename
  ... on CreateBatchPayload { batch { id } replayed }
  ... on DryRunPayload {
    accepted issues { path line message } issueCount missingSetting requestCount bytes
    jobCount jobs { endpoint model agentId requestCount bytes }
    tokens { inputLow inputHigh outputMax } cost { low high } currency priceBook
  }
  ... on Error { code message }
} }`;
const call = async (input: object) => {
  const { data, errors } = await service.query(document, { input });
  expect(errors).toBeUndefined();
  return data.createBatch;
};
const list = [{ body: messageBody('How many?') }, { body: messageBody('How much?') }];

describe('createBatch with dryRun', () => {
  it('answers the split, the tokens and the cost, and makes no batch', async () => {
    const input = { provider: 'anthropic', submit: 'NOW', requests: { list }, idempotencyKey: 'once' };
    const answer = await call({ ...input, dryRun: true });
    expect(answer).toMatchObject({
      ...{ __typename: 'DryRunPayload', accepted: true, issues: [], issueCount: 0, missingSetting: null },
      ...{ requestCount: 2, jobCount: 1, currency: 'USD', tokens: { outputMax: 128 } },
      jobs: [{ endpoint: '/v1/messages', model: 'claude-haiku-4-5', agentId: null, requestCount: 2 }],
      cost: { low: expect.stringMatching(/^0\.0000\d+$/), high: expect.stringMatching(/^0\.000\d+$/) },
      priceBook: expect.stringMatching(/^genai-prices /),
    });
    const { data } = await service.query('{ batches { totalCount } }');
    expect(data.batches.totalCount).toBe(0);
    // Nor did it take the key.
    expect(await call(input)).toMatchObject({ __typename: 'CreateBatchPayload', replayed: false });
    expect(await call({ ...input, dryRun: false })).toMatchObject({ replayed: true });
  });

  it('tells of arguments that are wrong as of anything else', async () => {
    const answer = await call({
      provider: 'anthropic',
      name: 'x'.repeat(600),
      requests: { list },
      dryRun: true,
    });
    expect(answer).toMatchObject({
      __typename: 'DryRunPayload',
      accepted: false,
      issueCount: 1,
      requestCount: 0,
    });
    expect(answer.issues[0].path).toEqual(['input', 'name']);
    const unknown = await call({ provider: 'nobody', dryRun: true });
    expect(unknown.issues[0].path).toEqual(['input', 'provider']);
  });

  it('checks a file as createBatch would, line by line', async () => {
    const good = JSON.stringify({ custom_id: 'a', params: messageBody('one') });
    const text = `${good}\n{"custom_id":"b"\n${good}\n`;
    const answer = await call({ provider: 'anthropic', requests: { jsonl: text }, dryRun: true });
    expect(answer.issues).toEqual([
      { path: ['input', 'requests', 'jsonl'], line: 2, message: 'Line 2 is not JSON.' },
      {
        path: ['input', 'requests', 'jsonl', 'customId'],
        line: 3,
        message: 'Line 3 has the same customId as line 1; customIds are unique within a batch.',
      },
    ]);
  });
});
