import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import type { ProviderFailure } from '../../src/providers/failure.ts';
import { createCalls } from '../../src/providers/gemini/calls.ts';
import { nextAddress } from '../../src/providers/gemini/download.ts';
import { gemini } from '../../src/providers/gemini/index.ts';
import { listedSince } from '../../src/providers/gemini/listing.ts';
import { refusalOf } from '../../src/providers/gemini/refusal.ts';
import { toReport } from '../../src/providers/gemini/report.ts';
import { readFile, readOperation, readPage } from '../../src/providers/gemini/wire.ts';
import type { DecodedLine } from '../../src/providers/provider.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/gemini/fixtures/${name}`, import.meta.url), 'utf8');

describe('dialect', () => {
  const read = (line: string) => {
    const read = readJsonLine(line);
    if ('problem' in read) throw new Error(read.problem);
    return gemini.dialect.read(read);
  };

  test('a native line is taken apart, and its body stays the text that it was', () => {
    expect(read('{"key":"a","request":{"n": 12345678901234567890}}')).toEqual({
      customId: 'a',
      endpoint: null,
      model: null,
      body: '{"n": 12345678901234567890}',
      problems: [],
    });
  });

  test('a line whose request names its model is for that model, in either of its spellings', () => {
    for (const model of ['models/gemini-x', 'gemini-x']) {
      expect(read(JSON.stringify({ key: 'a', request: { model } }))).toMatchObject({ model: 'gemini-x' });
    }
    expect(read('{"key":"a","request":{"model":"tunedModels/x"}}')).toMatchObject({ model: 'tunedModels/x' });
  });

  test('a line that is native and wrong says what is wrong with it', () => {
    expect(read('{"key":7,"request":{}}')).toMatchObject({
      customId: null,
      problems: ['key must be a string'],
    });
  });

  test('a line of another form is left to others', () => {
    expect(read('{"custom_id":"a","body":{}}')).toBeNull();
    expect(read('{"key":"a","request":"text"}')).toBeNull();
    expect(read('{"key":"a","request":{},"metadata":{}}')).toBeNull();
    expect(read('{"request":{}}')).toBeNull();
  });

  test('a body needs what its endpoint reads, as a list or as a single thing', () => {
    const problems = (endpoint: string, body: JsonObject) =>
      gemini.dialect.inspect({ endpoint, body }).problems;
    const content = { parts: [{ text: 'Hi' }] };
    for (const contents of [[content], content])
      expect(problems('generateContent', { contents })).toEqual([]);
    for (const contents of [[], {}, 'Hi', null]) {
      expect(problems('generateContent', { contents })).toEqual([
        'body.contents must be a list of contents that is not empty',
      ]);
    }
    expect(problems('embedContent', { content })).toEqual([]);
    expect(problems('embedContent', { contents: [content] })).toEqual([
      'body.content must be a content, such as {"parts":[{"text":"…"}]}',
    ]);
  });
});

describe('decode', () => {
  const outcome = (line: string) => {
    const decoded: DecodedLine = gemini.decoding.decode(line);
    if (decoded.kind === 'malformed') throw new Error(decoded.reason);
    return decoded.outcome;
  };
  const answered = (response: unknown) => JSON.stringify({ key: 'a', response });
  const failed = (error: unknown) => JSON.stringify({ key: 'a', error });
  const candidate = (parts: unknown[], finishReason = 'STOP') => [{ content: { parts }, finishReason }];

  test('the lines of the facts are read as what they say', () => {
    const lines = fixture('result-lines.jsonl').trim().split('\n');
    const success = {
      status: 'SUCCEEDED',
      errorCode: null,
      errorMessage: null,
      retryable: null,
      stopReason: 'STOP',
      usage: { ...unknownUsage, inputTokens: 13, outputTokens: 8 },
    };
    const failure = {
      status: 'ERRORED',
      errorCode: 'invalid_argument',
      retryable: false,
      stopReason: null,
      usage: unknownUsage,
    };
    expect(lines.map(gemini.decoding.decode)).toEqual([
      { kind: 'result', key: 'gemini-sample-0', outcome: success },
      { kind: 'result', key: 'gemini-sample-1', outcome: success },
      { kind: 'result', key: 'a', outcome: { ...failure, errorMessage: 'invalid' } },
      { kind: 'result', key: 'request-2', outcome: { ...failure, errorMessage: 'invalid request' } },
    ]);
    expect(lines.map(gemini.decoding.readText)).toEqual([
      'The capital of France is Paris.',
      'The capital of Italy is Rome.',
      null,
      null,
    ]);
  });

  test('thoughts are output that is no text, and tokens of tools and caches are input', () => {
    const line = answered({
      candidates: candidate([
        { text: 'hm', thought: true },
        { text: 'four' },
        { inlineData: {} },
        { text: '!' },
      ]),
      usageMetadata: {
        promptTokenCount: 10,
        cachedContentTokenCount: 4,
        toolUsePromptTokenCount: 2,
        candidatesTokenCount: 3,
        thoughtsTokenCount: 5,
        totalTokenCount: 20,
      },
    });
    expect(gemini.decoding.readText(line)).toBe('four!');
    expect(outcome(line).usage).toEqual({
      inputTokens: 12,
      outputTokens: 8,
      cachedInputTokens: 4,
      cacheWriteInputTokens: null,
      reasoningTokens: 5,
    });
  });

  test('an answer that was cut, or stopped for what it says, is one with that reason to stop', () => {
    for (const reason of ['MAX_TOKENS', 'SAFETY', 'A_NEW_ONE']) {
      const line = answered({ candidates: candidate([], reason) });
      expect(outcome(line)).toMatchObject({ status: 'SUCCEEDED', stopReason: reason, usage: unknownUsage });
      expect(gemini.decoding.readText(line)).toBeNull();
    }
  });

  test('a prompt that was blocked is an error that no other try will change', () => {
    const line = answered({
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
      usageMetadata: { promptTokenCount: 7 },
    });
    expect(outcome(line)).toEqual({
      status: 'ERRORED',
      errorCode: 'prohibited_content',
      errorMessage: 'The provider blocked the prompt.',
      retryable: false,
      stopReason: null,
      usage: { ...unknownUsage, inputTokens: 7 },
    });
    const feedback = { blockReason: 'SAFETY', blockReasonMessage: 'No.' };
    expect(outcome(answered({ candidates: [], promptFeedback: feedback }))).toMatchObject({
      errorCode: 'safety',
      errorMessage: 'No.',
    });
  });

  test('an embedding has no text, and its tokens are a whole number in a text', () => {
    const line = answered({ embedding: { values: [0.1] }, tokenCount: '6' });
    expect(outcome(line)).toMatchObject({
      status: 'SUCCEEDED',
      stopReason: null,
      usage: { ...unknownUsage, inputTokens: 6 },
    });
    expect(gemini.decoding.readText(line)).toBeNull();
  });

  test('an error whose code speaks of the moment may be tried again, another may not', () => {
    const retryable = (code: number) => outcome(failed({ code, message: 'm' })).retryable;
    const codes = Array.from({ length: 16 }, (_, index) => index + 1);
    expect(codes.filter(retryable)).toEqual([1, 2, 4, 8, 10, 13, 14]);
    expect([400, 401, 404, 408, 409, 429, 499, 500, 503].filter(retryable)).toEqual([
      408, 409, 429, 500, 503,
    ]);
  });

  test('an error is told by the word of its status, of its code, or of neither', () => {
    const code = (error: unknown) => outcome(failed(error)).errorCode;
    expect(code({ code: 429, status: 'RESOURCE_EXHAUSTED' })).toBe('resource_exhausted');
    expect(code({ code: 14 })).toBe('unavailable');
    expect(code({ code: 418 })).toBe('http_418');
    expect(code({ code: 99 })).toBe('unknown_error');
    expect(outcome(failed('It broke.'))).toMatchObject({
      errorCode: 'unknown_error',
      errorMessage: 'It broke.',
      retryable: false,
    });
  });

  test('a request that was cancelled is no error of its own', () => {
    expect(outcome(failed({ code: 1, message: 'cancelled' }))).toMatchObject({
      status: 'CANCELLED',
      errorCode: 'cancelled',
      retryable: true,
    });
  });

  test('a line that cannot be read is malformed, and one that names its item is that item, errored', () => {
    for (const line of ['', '{', '[]', 'null', '{}', '{"key":7}', '{"metadata":{"key":7}}']) {
      expect(gemini.decoding.decode(line)).toEqual({ kind: 'malformed', reason: expect.any(String) });
      expect(gemini.decoding.readText(line)).toBeNull();
    }
    for (const rest of ['', ',"response":null', ',"response":{}', ',"response":{"candidates":[7]}']) {
      expect(outcome(`{"key":"a"${rest}}`)).toMatchObject({
        status: 'ERRORED',
        errorCode: 'unreadable_result',
      });
    }
  });
});

describe('report', () => {
  const recorded = JSON.parse(fixture('operation.json'));
  const reported = (raw: string, options = {}) => {
    const operation = readOperation(raw);
    if (operation === null) throw new Error('unreadable');
    return toReport(operation, raw, options);
  };
  const report = (metadata: JsonObject = {}, beside: JsonObject = {}) =>
    reported(JSON.stringify({ ...recorded, metadata: { ...recorded.metadata, ...metadata }, ...beside }));

  test('the operation of the facts is read in full, and what is left out of its counts is zero', () => {
    const raw = fixture('operation.json');
    expect(reported(raw)).toEqual({
      status: 'PENDING',
      finalizing: false,
      providerStatus: 'BATCH_STATE_PENDING',
      raw,
      counts: { total: 5, succeeded: 0, errored: 0, expired: null, cancelled: null },
      inProgressAt: null,
      finalizingAt: null,
      endedAt: null,
      expiresAt: new Date('2025-09-09T11:55:07.827Z'),
      resultsExpireAt: null,
      resultsReady: false,
      inputFileId: 'files/85nave4ld71j',
      outputFileId: null,
      errorFileId: null,
      error: null,
    });
    expect(reported(fixture('operation-succeeded.json'))).toMatchObject({
      status: 'COMPLETED',
      counts: { total: null, succeeded: null },
      endedAt: new Date('2026-01-01T01:00:00Z'),
      outputFileId: 'files/batch-output',
      resultsReady: true,
    });
  });

  test('each of the vendor words means one state, on the wire and in its guides, and a new word leaves it open', () => {
    const words = {
      QUEUED: 'PENDING',
      PENDING: 'PENDING',
      RUNNING: 'RUNNING',
      CANCELLING: 'CANCELLING',
      SUCCEEDED: 'COMPLETED',
      PARTIALLY_SUCCEEDED: 'COMPLETED',
      FAILED: 'FAILED',
      CANCELLED: 'CANCELLED',
      EXPIRED: 'EXPIRED',
    };
    for (const [word, status] of Object.entries(words)) {
      for (const prefix of ['BATCH_STATE', 'JOB_STATE']) {
        expect(report({ state: `${prefix}_${word}` })).toMatchObject({ status });
      }
    }
    for (const state of ['BATCH_STATE_MUSING', 'RUNNING', 'constructor', 'BATCH_STATE_UNSPECIFIED']) {
      expect(report({ state })).toMatchObject({ status: null, providerStatus: state, resultsReady: false });
    }
  });

  test('a job that we asked to stop is stopping for as long as the vendor does not say that it is over', () => {
    const stopping = (state: string) =>
      reported(JSON.stringify({ ...recorded, metadata: { state } }), { stopping: true }).status;
    expect(
      ['PENDING', 'RUNNING', 'SUCCEEDED', 'CANCELLED'].map((word) => stopping(`BATCH_STATE_${word}`)),
    ).toEqual(['CANCELLING', 'CANCELLING', 'COMPLETED', 'CANCELLED']);
  });

  test('an operation with nothing but a name is still read, and one without a name is none', () => {
    expect(reported('{"name":"batches/b"}')).toMatchObject({
      status: null,
      providerStatus: 'BATCH_STATE_UNSPECIFIED',
      counts: { total: null },
      expiresAt: null,
    });
    expect(reported('{"name":"batches/b","metadata":7,"error":"x","response":[]}').status).toBeNull();
    for (const raw of ['{}', '[]', '<html>', '{"name":"operations/b"}', '{"name":"batches/"}']) {
      expect(readOperation(raw)).toBeNull();
    }
  });

  test('what neither succeeded nor failed expired or was cancelled, once the job ended so', () => {
    const batchStats = { requestCount: '10', successfulRequestCount: '6', failedRequestCount: 1 };
    const counts = (state: string) => report({ state, batchStats }).counts;
    expect(counts('BATCH_STATE_EXPIRED')).toMatchObject({ total: 10, expired: 3, cancelled: null });
    expect(counts('BATCH_STATE_CANCELLED')).toMatchObject({ total: 10, expired: null, cancelled: 3 });
    expect(counts('BATCH_STATE_RUNNING')).toMatchObject({ succeeded: 6, errored: 1, expired: null });
    for (const batchStats of [{}, { requestCount: '0' }, { requestCount: 'many' }, 'none', null]) {
      expect(report({ batchStats }).counts).toMatchObject({ total: null, succeeded: null, errored: null });
    }
  });

  test('results are where either of two places says, and a job that promises some is asked until it does', () => {
    const state = 'BATCH_STATE_SUCCEEDED';
    const response = { responsesFile: 'files/r' };
    expect(report({ state }, { response })).toMatchObject({ outputFileId: 'files/r', resultsReady: true });
    expect(report({ state, output: { responsesFile: 'files/m' } }, { response }).outputFileId).toBe(
      'files/m',
    );
    expect(report({ state, output: { inlinedResponses: {} } }).resultsReady).toBe(true);
    const counted = (stats: JsonObject | null) => report({ state, batchStats: stats }).resultsReady;
    expect(counted({ requestCount: '2', successfulRequestCount: '1' })).toBe(false);
    expect(counted({ requestCount: '2', failedRequestCount: '2' })).toBe(true);
    expect(counted(null)).toBe(false);
    for (const word of ['EXPIRED', 'CANCELLED']) {
      expect(report({ state: `BATCH_STATE_${word}` }).resultsReady).toBe(true);
    }
    expect(report({ state: 'BATCH_STATE_FAILED' }).resultsReady).toBe(false);
  });

  test('a failed job says why, and what one says that was cancelled is no failure', () => {
    const error = { code: 3, message: 'Line 7 has no request.' };
    expect(report({ state: 'BATCH_STATE_FAILED' }, { done: true, error }).error).toEqual({
      code: 'invalid_argument',
      message: 'Line 7 has no request.',
      retryable: false,
    });
    expect(report({ state: 'BATCH_STATE_FAILED' }).error).toEqual({
      code: 'batch_failed',
      message: 'The provider failed the batch.',
      retryable: false,
    });
    expect(report({ state: 'BATCH_STATE_CANCELLED' }, { error }).error).toBeNull();
  });
});

describe('what a refusal means', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const refused = (
    status: number,
    body: string,
    { headers = {}, creates = true }: { headers?: Record<string, string>; creates?: boolean } = {},
  ): ProviderFailure =>
    refusalOf({ status, headers: new Headers(headers), text: body, now, creates, apiKey: 'secret' });

  test('a key that the vendor does not know is a 401, though the vendor calls it a bad request', () => {
    expect(refused(400, fixture('error-api-key.json'))).toMatchObject({
      kind: 'rejected',
      status: 401,
      code: 'api_key_invalid',
      message: 'API key not valid. Please pass a valid API key.',
    });
    const bare = { error: { code: 400, message: 'API key expired. Please renew the API key.' } };
    expect(refused(400, JSON.stringify(bare))).toMatchObject({ status: 401 });
    const other = { error: { code: 400, message: 'Unknown name', status: 'INVALID_ARGUMENT' } };
    expect(refused(400, JSON.stringify(other))).toMatchObject({ status: 400, code: 'invalid_argument' });
  });

  test('a quota is throttled until when the body says, or when a header does, which counts more', () => {
    const body = fixture('error-throttled.json');
    const at = (headers: Record<string, string>) => refused(429, body, { headers }).retryAt?.toISOString();
    expect(refused(429, body)).toMatchObject({ kind: 'throttled', code: 'resource_exhausted' });
    expect(at({})).toBe('2026-01-01T00:00:31.000Z');
    expect(at({ 'retry-after': '90' })).toBe('2026-01-01T00:01:30.000Z');
    expect(at({ 'retry-after-ms': '500' })).toBe('2026-01-01T00:00:00.500Z');
    expect(refused(429, '{}').retryAt).toBeNull();
  });

  test('an account without money is rejected as with a 402, and not asked again and again', () => {
    const message = 'Your prepayment credits are depleted. Please go to AI Studio.';
    const body = JSON.stringify({ error: { code: 429, message, status: 'RESOURCE_EXHAUSTED' } });
    expect(refused(429, body)).toMatchObject({ kind: 'rejected', status: 402, code: 'credits_depleted' });
    expect(refused(402, '{}')).toMatchObject({ kind: 'rejected', status: 402 });
  });

  test('whatever stands in a body, the status alone decides, and the key stands in no text', () => {
    for (const body of ['<html>', '[]', '{"error":7}', '{"error":{"details":[7,{"retryDelay":"soon"}]}}']) {
      expect(refused(503, body)).toMatchObject({ kind: 'uncertain', code: 'http_503', retryAt: null });
    }
    expect(refused(413, '{}')).toMatchObject({ kind: 'rejected', status: 413 });
    const quoted = JSON.stringify({ error: { message: 'You sent secret.', status: 'secret' } });
    expect(refused(403, quoted)).toMatchObject({ message: 'You sent [redacted].', code: '[redacted]' });
  });
});

describe('listing', () => {
  const entry = (n: number) =>
    `{"name":"batches/b${n}","metadata":{"createTime":"2026-01-01T00:00:0${n}.000000000Z"}}`;
  const entries = Array.from({ length: 10 }, (_, n) => entry(n));
  const since = new Date('2026-01-01T00:00:07Z');

  const read = async (list: readonly string[]) => {
    let pages = 0;
    const found: string[] = [];
    const readOne = async (token: string | null) => {
      pages += 1;
      const from = Number(token ?? 0);
      const operations = list.slice(from, from + 3);
      const more = from + 3 < list.length ? `,"nextPageToken":"${from + 3}"` : '';
      return readPage(`{"operations":[${operations.join()}]${more}}`) ?? expect.fail();
    };
    for await (const { name } of listedSince(readOne, since)) found.push(name.replace('batches/', ''));
    return { found: found.toSorted(), pages };
  };

  test('a list that comes newest first is read no further than needed, any other to its end', async () => {
    const found = ['b7', 'b8', 'b9'];
    expect(await read(entries.toReversed())).toEqual({ found, pages: 2 });
    expect(await read(entries)).toEqual({ found, pages: 4 });
    const unordered = [9, 5, 6, 8, 0, 1, 7, 2, 3, 4].flatMap((n) => entries[n] ?? []);
    expect(await read(unordered)).toEqual({ found, pages: 4 });
  });

  const readAnswers = async (...answers: string[]) => {
    const found: string[] = [];
    const readOne = async () => readPage(answers.shift() ?? '{}') ?? expect.fail();
    for await (const { name } of listedSince(readOne, since)) found.push(name);
    return { found, left: answers.length };
  };

  test('that there is nothing has to be said twice, and is believed then', async () => {
    expect(await readAnswers('{}', '{}', `{"operations":[${entries[9]}]}`)).toEqual({ found: [], left: 1 });
    await expect(readAnswers('{}', `{"operations":[${entries[9]}]}`)).rejects.toMatchObject({
      kind: 'malformed',
      code: 'contradictory_list',
    });
  });

  test('pages that lead back to one that was read have no end, and that is said', async () => {
    const page = '{"operations":[],"nextPageToken":"x"}';
    await expect(readAnswers(page, page, page)).rejects.toMatchObject({ code: 'circular_list' });
  });

  test('a page of which one entry cannot be read is none', () => {
    expect(readPage(`{"operations":[${entries[1]},{"name":7}]}`)).toBeNull();
    expect(readPage('{"operations":7}')).toBeNull();
    expect(readPage('{"nextPageToken":""}')).toEqual({ operations: [], nextPageToken: null });
  });
});

test('an upload that names no file is none', () => {
  expect(readFile('{"file":{"name":"files/a","expirationTime":"2026-01-01T00:00:00Z"}}')).toEqual({
    name: 'files/a',
    expirationTime: new Date('2026-01-01T00:00:00Z'),
  });
  for (const answer of ['{}', '{"file":{}}', '{"file":{"name":"https://elsewhere.example/x"}}']) {
    expect(readFile(answer)).toBeNull();
  }
});

describe('a download', () => {
  /** A server that writes down the key of each call, and answers as it is told. */
  const serve = async (
    answer: (call: IncomingMessage) => { status: number; location?: string; body?: string },
  ) => {
    const keys: unknown[] = [];
    const server = createServer(async (incoming, outgoing) => {
      keys.push(incoming.headers['x-goog-api-key']);
      await text(incoming);
      const { status, location, body = '' } = answer(incoming);
      outgoing.writeHead(status, location === undefined ? {} : { location }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { keys, baseUrl: `http://127.0.0.1:${port}`, close: () => server.close() };
  };
  const clock = { now: () => new Date('2026-01-01T00:00:00Z') };
  const quiet = new AbortController().signal;
  const read = async (baseUrl: string) => {
    const calls = createCalls({ baseUrl, apiKey: 'secret' }, { clock });
    const pieces: Uint8Array[] = [];
    for await (const piece of calls.content('files/x', quiet)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };

  test('that leads to another host is followed there without the key', async () => {
    const other = await serve(() => ({ status: 200, body: 'bytes' }));
    const own = await serve(({ url }) =>
      url?.startsWith('/second')
        ? { status: 307, location: `${other.baseUrl}/third` }
        : { status: 302, location: '/second' },
    );
    expect(await read(own.baseUrl)).toBe('bytes');
    expect([own.keys, other.keys]).toEqual([['secret', 'secret'], [undefined]]);
    own.close();
    other.close();
  });

  test('that leads round and round, or nowhere, is malformed', async () => {
    for (const location of ['/again', 'file:///etc/passwd', undefined]) {
      const own = await serve(() => ({ status: 302, ...(location === undefined ? {} : { location }) }));
      await expect(read(own.baseUrl)).rejects.toMatchObject({ kind: 'malformed', status: 302 });
      expect(own.keys.length).toBeLessThan(6);
      own.close();
    }
  });

  test('that another host refuses is tried anew, and what a stranger says is not quoted', async () => {
    for (const [status, kind] of [
      [403, 'unavailable'],
      [400, 'unavailable'],
      [500, 'unavailable'],
      [404, 'rejected'],
      [410, 'expired'],
    ] as const) {
      const body = '{"error":{"message":"a stranger speaks","status":"PERMISSION_DENIED"}}';
      const other = await serve(() => ({ status, body }));
      const own = await serve(() => ({ status: 302, location: `${other.baseUrl}/signed` }));
      const failure = await read(own.baseUrl).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ kind, status, code: `http_${status}` });
      expect(String(failure)).not.toContain('stranger');
      own.close();
      other.close();
    }
  });

  test('leads from an encrypted connection to no open one', () => {
    const from = new URL('https://own.example/download/v1beta/files/x:download?alt=media');
    expect(nextAddress(from, 'https://other.example/x')?.href).toBe('https://other.example/x');
    expect(nextAddress(from, '/second')?.href).toBe('https://own.example/second');
    for (const location of [
      'http://own.example/x',
      'http://other.example/x',
      'file:///etc/passwd',
      '',
      null,
    ]) {
      expect(nextAddress(from, location)).toBeNull();
    }
  });

  test('and no other call follows a redirect at all', async () => {
    const other = await serve(() => ({ status: 200, body: '{}' }));
    const own = await serve(() => ({ status: 302, location: other.baseUrl }));
    const calls = createCalls({ baseUrl: own.baseUrl, apiKey: 'secret' }, { clock });
    await expect(calls.retrieve('batches/x', quiet)).rejects.toMatchObject({ kind: 'malformed' });
    const job = { model: 'gemini-x', method: 'batchGenerateContent', batch: {} };
    await expect(calls.create(job, { signal: quiet, guard: () => {} })).rejects.toMatchObject({
      kind: 'uncertain',
    });
    await expect(calls.cancel('batches/x', quiet)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(other.keys).toEqual([]);
    own.close();
    other.close();
  });
});
