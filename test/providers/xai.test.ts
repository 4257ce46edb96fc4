/** What xAI's adapter makes of texts and objects, without a wire: dialect, results, reports, refusals. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { toFailure } from '../../src/providers/xai/failures.ts';
import { xai } from '../../src/providers/xai/index.ts';
import { toReport } from '../../src/providers/xai/report.ts';
import {
  readBatch,
  readBatchPage,
  readErrorAnswer,
  readKeyPage,
  readResultPage,
} from '../../src/providers/xai/wire.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/xai/fixtures/${name}`, import.meta.url), 'utf8');

describe('dialect', () => {
  const read = (text: string) => {
    const line = readJsonLine(text);
    if ('problem' in line) throw new Error(line.problem);
    return xai.dialect.read(line);
  };

  test('a request in its wrapper is taken apart, and its body stays the text that it was', () => {
    const body = '{ "n": 12345678901234567890, "a":"\\u00e9" }';
    expect(read(`{"batch_request_id":"a","batch_request":{ "responses" : ${body} }}`)).toEqual({
      customId: 'a',
      endpoint: '/v1/responses',
      body,
      problems: [],
    });
    expect(read('{"batch_request":{"chat_get_completion":{}}}')).toEqual({
      customId: null,
      endpoint: '/v1/chat/completions',
      body: '{}',
      problems: [],
    });
  });

  test("a line of the vendor's files is read too, with what is wrong with it", () => {
    expect(read('{"custom_id":"a","method":"POST","url":"/v1/responses","body":{"n": 1.0}}')).toEqual({
      customId: 'a',
      endpoint: '/v1/responses',
      body: '{"n": 1.0}',
      problems: [],
    });
    expect(read('{"custom_id":7,"method":"GET","url":8,"body":{}}')).toMatchObject({
      customId: null,
      endpoint: null,
      problems: ['custom_id must be a string', 'method must be POST', 'url must be a string'],
    });
    expect(read('{"batch_request_id":7,"batch_request":{"responses":{}}}')).toMatchObject({
      problems: ['batch_request_id must be a string'],
    });
  });

  test('a line of another form is left to others', () => {
    for (const line of [
      '{"batch_request_id":"a"}',
      '{"batch_request_id":"a","batch_request":{}}',
      '{"batch_request_id":"a","batch_request":{"nonsense":{}}}',
      '{"batch_request_id":"a","batch_request":{"responses":{},"chat_get_completion":{}}}',
      '{"batch_request_id":"a","batch_request":{"responses":"text"}}',
      '{"batch_request_id":"a","batch_request":{"responses":{}},"priority":1}',
      '{"custom_id":"a","params":{}}',
      '{"body":{}}',
    ]) {
      expect(read(line)).toBeNull();
    }
  });

  test('each endpoint asks for its own member, a model, and no stream', () => {
    const problems = (endpoint: string, body: JsonObject) => xai.dialect.inspect({ endpoint, body }).problems;
    const model = 'grok-4.3';
    expect(problems('/v1/chat/completions', { model, messages: [] })).toEqual([]);
    expect(problems('/v1/responses', { model, input: 'Hi' })).toEqual([]);
    expect(problems('/v1/images/generations', { model, prompt: 'A cat' })).toEqual([]);
    expect(problems('/v1/chat/completions', { model: '', stream: true })).toEqual([
      'body.model must be a non-empty string',
      'body.stream must not be true',
      'body.messages must be an array',
    ]);
    expect(problems('/v1/responses', { model })).toEqual(['body.input must be a string or an array']);
    expect(problems('/v1/images/generations', { model })).toEqual(['body.prompt must be a string']);
  });

  test('a request for each endpoint is written in the wrapper that it is read from', () => {
    for (const endpoint of xai.endpoints) {
      const { before, after } = xai.encoding.envelope({ key: 'k', endpoint });
      expect(read(`${before}{"model":"m"}${after}`)).toMatchObject({ customId: 'k', endpoint });
    }
    expect(() => xai.encoding.envelope({ key: 'k', endpoint: '/v1/nothing' })).toThrow('/v1/nothing');
  });
});

describe('decode', () => {
  const outcome = (line: string) => {
    const decoded = xai.decoding.decode(line);
    if (decoded.kind === 'malformed') throw new Error(decoded.reason);
    return decoded.outcome;
  };
  const result = (of: JsonObject, beside: JsonObject = {}) =>
    JSON.stringify({ batch_request_id: 'a', batch_result: of, ...beside });
  const answered = (answer: JsonObject, kind = 'chat_get_completion') =>
    result({ response: { [kind]: answer } });
  const chat = (usage: JsonObject) =>
    outcome(answered({ choices: [{ message: { content: 'x' }, finish_reason: 'stop' }], usage })).usage;

  test('the page of the facts is read as what it says', () => {
    const { entries } = readResultPage(fixture('results-page.json')) ?? expect.fail();
    const failure = { status: 'ERRORED', stopReason: null, usage: unknownUsage, retryable: false };
    expect(entries.map(xai.decoding.decode)).toEqual([
      {
        kind: 'result',
        key: 'a',
        outcome: {
          status: 'SUCCEEDED',
          errorCode: null,
          errorMessage: null,
          retryable: null,
          stopReason: 'stop',
          // 100 ticks of 1e-10 dollars.
          charged: '0.00000001',
          usage: { ...unknownUsage, inputTokens: 1, outputTokens: 2 },
        },
      },
      {
        kind: 'result',
        key: 'b',
        outcome: { ...failure, errorCode: 'invalid_argument', errorMessage: 'boom' },
      },
      {
        kind: 'result',
        key: 'c',
        outcome: {
          ...failure,
          status: 'CANCELLED',
          errorCode: 'cancelled',
          errorMessage: 'Batch cancelled',
          retryable: true,
        },
      },
      {
        kind: 'result',
        key: 'mixed_003',
        outcome: {
          ...failure,
          errorCode: 'request_failed',
          errorMessage: 'Maximum number of tokens max_tokens must be positive but max_tokens = -5',
        },
      },
      {
        kind: 'result',
        key: 'd',
        outcome: {
          ...failure,
          status: 'EXPIRED',
          errorCode: 'deadline_exceeded',
          errorMessage: 'Deadline expired before operation could complete',
          retryable: true,
        },
      },
    ]);
    expect(entries.map(xai.decoding.readText)).toEqual(['303', null, null, null, null]);
  });

  test('a code says whether the request may be tried again, as a number, a text or a word', () => {
    const told = (code: JsonObject[string]) => {
      const { errorCode, retryable, status } = outcome(result({ error: { code, message: 'm' } }));
      return [errorCode, retryable, status];
    };
    for (const code of [8, '8', 'RESOURCE_EXHAUSTED', 'Some resource has been exhausted']) {
      expect(told(code)).toEqual(['resource_exhausted', true, 'ERRORED']);
    }
    const passing = [10, 13, 14].map((code) => told(code)[1]);
    const staying = [3, 5, 6, 7, 9, 11, 12, 16].map((code) => told(code)[1]);
    expect([new Set(passing), new Set(staying)]).toEqual([new Set([true]), new Set([false])]);
    expect(told('CANCELED')).toEqual(['cancelled', true, 'CANCELLED']);
    expect(told('batch_cancelled')).toEqual(['batch_cancelled', true, 'CANCELLED']);
    expect(told(503)).toEqual(['http_503', true, 'ERRORED']);
    expect(told(400)).toEqual(['http_400', false, 'ERRORED']);
    expect(told('Something: new!')).toEqual(['something_new', false, 'ERRORED']);
  });

  test('a sentence without a code is judged by its words, and keeps the word in its brackets', () => {
    const told = (line: string) => {
      const { errorCode, errorMessage, retryable } = outcome(line);
      return [errorCode, errorMessage, retryable];
    };
    const sentence = 'Failed to download the provided image [WKE=invalid_image].';
    expect(told(result({ error: sentence }))).toEqual(['invalid_image', sentence, false]);
    const later = 'The model is temporarily overloaded.';
    expect(told(result({}, { error_message: later }))).toEqual(['request_failed', later, true]);
    expect(told('{"batch_request_id":"a","error":{"message":"bad request"}}')).toEqual([
      'request_failed',
      'bad request',
      false,
    ]);
    expect(told(answered({ code: 'invalid_argument', error: 'No.' }))).toEqual([
      'invalid_argument',
      'No.',
      false,
    ]);
  });

  test('a status of 0 is no error', () => {
    const response = { chat_get_completion: { choices: [{ message: { content: 'x' } }] } };
    expect(outcome(result({ error: { code: 0, message: '' }, response })).status).toBe('SUCCEEDED');
  });

  test('reasoning is added to the output, unless the total says that it is in it', () => {
    const details = { completion_tokens_details: { reasoning_tokens: 118 } };
    expect(chat({ prompt_tokens: 198, completion_tokens: 1, total_tokens: 317, ...details })).toMatchObject({
      inputTokens: 198,
      outputTokens: 119,
      reasoningTokens: 118,
    });
    expect(chat({ prompt_tokens: 198, completion_tokens: 1, ...details })).toMatchObject({
      outputTokens: 119,
    });
    expect(chat({ prompt_tokens: 198, completion_tokens: 119, total_tokens: 317, ...details })).toMatchObject(
      {
        outputTokens: 119,
      },
    );
  });

  test('cached tokens are part of the input, unless they are more than all of it', () => {
    const cached = (prompt: number) =>
      chat({ prompt_tokens: prompt, prompt_tokens_details: { cached_tokens: 192 } });
    expect(cached(198)).toMatchObject({ inputTokens: 198, cachedInputTokens: 192 });
    expect(cached(6)).toMatchObject({ inputTokens: 198, cachedInputTokens: 192 });
  });

  test('of an answer that was searched for, the last turn is the answer', () => {
    const line = answered({
      choices: [
        {
          message: { role: 'assistant', content: '', tool_calls: [{ id: 't', function: {} }] },
          finish_reason: '',
        },
        { message: { role: 'tool', content: '[results]' } },
        { message: { role: 'assistant', content: 'It rains.' }, finish_reason: 'stop' },
        { message: { role: 'tool', content: '[late]' } },
      ],
    });
    expect(outcome(line).stopReason).toBe('stop');
    expect(xai.decoding.readText(line)).toBe('It rains.');
  });

  test("the Responses API's own form is read, should it ever come", () => {
    const response = {
      object: 'response',
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [
        { type: 'reasoning' },
        { content: [{ type: 'output_text', text: 'a' }, { type: 'refusal' }] },
        { content: [{ type: 'output_text', text: 'b' }] },
      ],
      usage: { input_tokens: 3, output_tokens: 5, output_tokens_details: { reasoning_tokens: 2 } },
    };
    const line = answered(response, 'responses');
    expect(outcome(line)).toMatchObject({
      status: 'SUCCEEDED',
      stopReason: 'max_output_tokens',
      usage: { inputTokens: 3, outputTokens: 5, reasoningTokens: 2 },
    });
    expect(xai.decoding.readText(line)).toBe('ab');
    const failed = answered({ ...response, status: 'failed', error: { code: 'server_error', message: 'm' } });
    expect(outcome(failed)).toMatchObject({ status: 'ERRORED', errorCode: 'server_error' });
  });

  test('images have no text, and one that was held back is an error', () => {
    const image = answered({ data: [{ url: 'https://x' }] }, 'image_generation');
    expect(outcome(image)).toMatchObject({ status: 'SUCCEEDED', stopReason: null, usage: unknownUsage });
    expect(xai.decoding.readText(image)).toBeNull();
    const blocked = answered({ data: [{ respect_moderation: false }] }, 'image_generation');
    expect(outcome(blocked)).toMatchObject({ status: 'ERRORED', errorCode: 'content_policy' });
  });

  test('a result that cannot be read is malformed, and one that names its item is that item, errored', () => {
    for (const line of ['', '"{\\"batch_re"', '[]', 'null', '{}', '{"batch_request_id":7}']) {
      expect(xai.decoding.decode(line)).toEqual({ kind: 'malformed', reason: expect.any(String) });
      expect(xai.decoding.readText(line)).toBeNull();
    }
    for (const of of [{}, { response: {} }, { response: { new_thing: { choices: [] } } }, { error: {} }]) {
      expect(outcome(result(of))).toMatchObject({ status: 'ERRORED', errorCode: 'unreadable_result' });
    }
  });
});

describe('report', () => {
  const recorded: JsonObject = JSON.parse(fixture('batch.json'));
  const now = new Date('2026-11-22T12:00:00Z');
  const state = (requests: number, pending: number, success = 0, error = 0, cancelled = 0): JsonObject => ({
    state: {
      num_requests: requests,
      num_pending: pending,
      num_success: success,
      num_error: error,
      num_cancelled: cancelled,
    },
  });
  const report = (
    changes: JsonObject = {},
    { requestCount = 2, cancelRequestedAt = null as Date | null, at = now } = {},
  ) => {
    const raw = JSON.stringify({ ...recorded, ...changes });
    const batch = readBatch(raw) ?? expect.fail();
    return toReport(batch, raw, { requestCount, cancelRequestedAt }, at);
  };

  test('the batch object of the facts is read in full', () => {
    expect(report()).toEqual({
      status: 'RUNNING',
      finalizing: false,
      providerStatus: 'running',
      raw: JSON.stringify(recorded),
      counts: { total: 2, succeeded: 1, errored: 0, expired: null, cancelled: 0 },
      inProgressAt: null,
      finalizingAt: null,
      endedAt: null,
      expiresAt: null,
      resultsExpireAt: new Date('2026-11-24T00:00:00Z'),
      resultsReady: true,
      inputFileId: null,
      outputFileId: null,
      errorFileId: null,
      error: null,
    });
  });

  test('a batch that the vendor cancelled has failed, with what it said, though it counts nothing', () => {
    const raw = fixture('batch-rejected.json');
    const job = { requestCount: 2, cancelRequestedAt: null };
    expect(toReport(readBatch(raw) ?? expect.fail(), raw, job, now)).toMatchObject({
      status: 'FAILED',
      providerStatus: 'rejected',
      resultsReady: false,
      error: {
        code: 'cancelled_by_xai',
        message: 'JSONL file validation failed: Model grok-4.5 is not supported for batch processing.',
      },
    });
  });

  test('an empty batch is not a finished one, and neither is one that lacks items', () => {
    expect(report(state(0, 0))).toMatchObject({ status: 'PENDING', resultsReady: false });
    expect(report(state(1, 0, 1))).toMatchObject({ status: 'RUNNING', providerStatus: 'filling' });
    expect(report(state(2, 2))).toMatchObject({ status: 'RUNNING', resultsReady: false });
    expect(report(state(2, 0, 1, 1))).toMatchObject({ status: 'COMPLETED', resultsReady: true });
  });

  test('a cancel is settled only when what was in flight can have come in', () => {
    const cancel_time = '2026-11-22';
    const sinceAsked = (seconds: number) => ({
      cancelRequestedAt: now,
      at: new Date(now.getTime() + seconds * 1000),
    });
    expect(report({ cancel_time, ...state(2, 1, 1) }, sinceAsked(600)).status).toBe('CANCELLING');
    const unsettled = report({ cancel_time, ...state(2, 0, 0, 0, 2) }, sinceAsked(20));
    expect(unsettled).toMatchObject({ status: 'CANCELLING', resultsReady: false });
    expect(report({ cancel_time, ...state(2, 0, 1, 0, 1) }, sinceAsked(60))).toMatchObject({
      status: 'CANCELLED',
      resultsReady: true,
      counts: { succeeded: 1, cancelled: 1 },
    });
    // Somebody else's cancel, of which we do not know when it came.
    expect(report({ cancel_time, ...state(2, 0, 0, 0, 2) }).status).toBe('CANCELLED');
  });

  test('a cancel that stopped nothing leaves a batch completed, or cancelled where it was never filled', () => {
    const cancel_time = '2026-11-22';
    expect(report({ cancel_time, ...state(2, 0, 2) }).status).toBe('COMPLETED');
    expect(report({ cancel_time, ...state(0, 0) })).toMatchObject({
      status: 'CANCELLED',
      resultsReady: true,
    });
    expect(report({ cancel_time, ...state(1, 0, 1) }).status).toBe('CANCELLED');
  });

  test('what is pending has expired when a moment is past, or a whole day after a mere date', () => {
    const status = (expire_time: string, at: string) =>
      report({ expire_time, ...state(2, 1, 1) }, { at: new Date(at) }).status;
    expect(status('2026-11-23T10:00:00Z', '2026-11-23T09:59:59Z')).toBe('RUNNING');
    expect(status('2026-11-23T10:00:00Z', '2026-11-23T10:00:00Z')).toBe('EXPIRED');
    expect(status('2026-11-23', '2026-11-24T23:59:59Z')).toBe('RUNNING');
    expect(status('2026-11-23', '2026-11-25T00:00:00Z')).toBe('EXPIRED');
    expect(status('nonsense', '2036-01-01T00:00:00Z')).toBe('RUNNING');
    const over = { at: new Date('2026-12-01T00:00:00Z') };
    expect(report(state(2, 1, 1), over)).toMatchObject({ counts: { expired: 1 }, resultsReady: true });
    expect(report(state(2, 0, 2), over).status).toBe('COMPLETED');
  });

  test('a batch that tells no counts leaves its status open', () => {
    for (const changes of [{ state: null }, { state: 7 }, { state: { num_requests: 2 } }]) {
      expect(report(changes)).toMatchObject({ status: null, providerStatus: 'untold', resultsReady: false });
    }
    expect(readBatch('{"batch_id":"b"}')).toMatchObject({ batch_id: 'b', name: null, state: null });
    for (const text of ['{}', '{"batch_id":7}', '{"batch_id":""}', '<html>', '[]']) {
      expect(readBatch(text)).toBeNull();
    }
  });

  test('counts that come as texts are counts', () => {
    const texts = {
      num_requests: '2',
      num_pending: '0',
      num_success: '2',
      num_error: '0',
      num_cancelled: '0',
    };
    expect(report({ state: texts })).toMatchObject({
      status: 'COMPLETED',
      counts: { total: 2, succeeded: 2 },
    });
  });
});

describe('pages', () => {
  test('null, an empty text and nothing at all end a list', () => {
    for (const end of ['null', '""']) {
      expect(readBatchPage(`{"batches":[],"pagination_token":${end}}`)).toEqual({ entries: [], token: null });
    }
    expect(readBatchPage('{"batches":[]}')).toEqual({ entries: [], token: null });
    expect(readBatchPage('{"batches":[],"pagination_token":"t"}')).toEqual({ entries: [], token: 't' });
  });

  test('a page is none where one of its entries is none', () => {
    expect(readBatchPage('{"batches":[{"name":"a"}]}')).toBeNull();
    expect(readKeyPage('{"batch_request_metadata":[{"batch_request_id":"a"},{}]}')).toBeNull();
    for (const read of [readBatchPage, readKeyPage, readResultPage]) {
      for (const text of ['{}', '[]', '<html>', 'null']) expect(read(text)).toBeNull();
    }
  });

  test('results keep the text that they were, a page written over several lines included', () => {
    const page =
      '{ "pagination_token" : "t",\n "results": [ {"n": 12345678901234567890,\n "a":"\\u00e9 \\n"},\r\n 7 ] }';
    expect(readResultPage(page)).toEqual({
      entries: ['{"n": 12345678901234567890,  "a":"\\u00e9 \\n"}', '7'],
      token: 't',
    });
  });
});

describe('refusals', () => {
  const headers = new Headers({ 'retry-after': '9' });
  const failure = (status: number, text: string) =>
    toFailure(
      { status, headers, text },
      { creates: true, now: new Date(0), apiKey: 'xai-secret-0123456789' },
    );
  const [unknownKey = '', unsupported = '', noCredits = ''] = fixture('refusals.jsonl').trim().split('\n');

  test('a key that the vendor calls a bad argument is a refused credential', () => {
    expect(failure(400, unknownKey)).toMatchObject({
      kind: 'rejected',
      status: 401,
      code: 'invalid_api_key',
      message: expect.stringMatching(/^Incorrect API key/),
    });
  });

  test('a model that takes no batches is refused for good', () => {
    expect(failure(400, unsupported)).toMatchObject({
      kind: 'rejected',
      status: 400,
      code: 'invalid_argument',
      message: 'Model grok-4.5 is not supported for batch processing.',
    });
  });

  test('an account without money is refused and not merely throttled', () => {
    expect(failure(429, noCredits)).toMatchObject({
      kind: 'rejected',
      status: 429,
      code: 'credits_exhausted',
    });
    expect(failure(429, '{"code":"Some resource has been exhausted","error":"Slow down."}')).toMatchObject({
      kind: 'throttled',
      code: 'resource_exhausted',
      retryAt: new Date(9_000),
    });
    expect(failure(402, '{"error":"Pay."}')).toMatchObject({ kind: 'rejected', message: 'Pay.' });
  });

  test('the vendor refuses in three forms, and each is understood', () => {
    expect(readErrorAnswer('{"code":"rate_limited","error":"no"}')).toEqual({
      code: 'rate_limited',
      message: 'no',
    });
    expect(readErrorAnswer('{"error":"no"}')).toEqual({ code: null, message: 'no' });
    expect(readErrorAnswer('{"error":{"message":"no","type":"t"}}')).toEqual({ code: 't', message: 'no' });
    expect(readErrorAnswer('{"code":"A sentence of its own.","error":7}')).toEqual({
      code: null,
      message: null,
    });
    for (const text of ['<html>', '[]', '7', '']) {
      expect(readErrorAnswer(text)).toEqual({ code: null, message: null });
    }
  });
});
