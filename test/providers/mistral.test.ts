import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import type { Emulator, EmulatorOptions, FaultEffect } from '../../src/providers/emulation.ts';
import { mistral } from '../../src/providers/mistral/index.ts';
import { listedSince } from '../../src/providers/mistral/listing.ts';
import { toReport } from '../../src/providers/mistral/report.ts';
import { readBatch, readBatchPage, readErrorBody } from '../../src/providers/mistral/wire.ts';
import type {
  DecodedLine,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { failureOf, outcomesOf, readResults } from '../support/provider-client.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/mistral/fixtures/${name}`, import.meta.url), 'utf8');

describe('dialect', () => {
  const read = (text: string) => {
    const line = readJsonLine(text);
    if ('problem' in line) throw new Error(line.problem);
    return mistral.dialect.read(line);
  };

  test('a native line is taken apart, and its body stays the text that it was', () => {
    expect(read('{"custom_id":"a","body":{"n": 12345678901234567890}}')).toEqual({
      customId: 'a',
      endpoint: null,
      body: '{"n": 12345678901234567890}',
      problems: [],
    });
  });

  test('a line that is native and wrong says what is wrong with it', () => {
    expect(read('{"custom_id":7,"body":{}}')).toMatchObject({
      customId: null,
      problems: ['custom_id must be a string'],
    });
  });

  test('a line of another form is left to others', () => {
    expect(read('{"custom_id":"a","params":{}}')).toBeNull();
    expect(read('{"custom_id":"a","body":"text"}')).toBeNull();
    expect(read('{"customId":"a","body":{}}')).toBeNull();
    expect(read('{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}}')).toBeNull();
    expect(read('{"body":{}}')).toBeNull();
  });

  test('a body needs a model and must not stream', () => {
    const inspect = (body: JsonObject) => mistral.dialect.inspect({ endpoint: '/v1/embeddings', body });
    expect(inspect({ model: 'mistral-x' })).toEqual({ model: 'mistral-x', agentId: null, problems: [] });
    expect(inspect({ model: '', stream: true })).toEqual({
      model: null,
      agentId: null,
      problems: ['body.model must be a non-empty string', 'body.stream must not be true'],
    });
  });
});

describe('decode', () => {
  const outcome = (line: string) => {
    const decoded: DecodedLine = mistral.decoding.decode(line);
    if (decoded.kind === 'malformed') throw new Error(decoded.reason);
    return decoded.outcome;
  };
  const answered = (body: JsonObject | string, status = 200) =>
    JSON.stringify({ custom_id: 'a', response: { status_code: status, body }, error: null });

  test('the lines of the facts are read as what they say', () => {
    const lines = fixture('result-lines.jsonl').trim().split('\n');
    const success = { status: 'SUCCEEDED', errorCode: null, errorMessage: null, retryable: null };
    const failure = { status: 'ERRORED', stopReason: null, usage: unknownUsage };
    expect(lines.map(mistral.decoding.decode)).toEqual([
      {
        kind: 'result',
        key: 'a',
        outcome: {
          ...success,
          stopReason: 'stop',
          usage: { ...unknownUsage, inputTokens: 24, outputTokens: 15 },
        },
      },
      {
        kind: 'result',
        key: 'b',
        outcome: {
          ...failure,
          errorCode: 'invalid_request_error',
          errorMessage: 'Field required',
          retryable: false,
        },
      },
      {
        kind: 'result',
        key: 'c',
        outcome: { ...failure, errorCode: 'rate_limited', errorMessage: 'Slow down.', retryable: true },
      },
      {
        kind: 'result',
        key: 'd',
        outcome: {
          ...failure,
          status: 'EXPIRED',
          errorCode: 'timeout_exceeded',
          errorMessage: '...',
          retryable: true,
        },
      },
      {
        kind: 'result',
        key: 'e',
        outcome: {
          ...failure,
          status: 'CANCELLED',
          errorCode: 'cancelled',
          errorMessage: '...',
          retryable: true,
        },
      },
      {
        kind: 'result',
        key: 'f',
        outcome: {
          ...success,
          stopReason: 'length',
          usage: { ...unknownUsage, inputTokens: 1, outputTokens: 2, cachedInputTokens: 1 },
        },
      },
    ]);
    expect(lines.map(mistral.decoding.readText)).toEqual(['4', null, null, null, null, '5']);
  });

  test('an item whose status speaks of the moment may be tried again, another may not', () => {
    const retryable = (status: number) => outcome(answered({ message: 'no' }, status)).retryable;
    expect([408, 409, 429, 500, 503].map(retryable)).toEqual([true, true, true, true, true]);
    expect([400, 401, 403, 404, 413, 422].map(retryable)).toEqual([false, false, false, false, false, false]);
  });

  test('an error is told in whichever of its forms the vendor writes it', () => {
    const told = (line: string) => {
      const { errorCode, errorMessage } = outcome(line);
      return [errorCode, errorMessage];
    };
    expect(told(answered({ detail: 'Not Found' }, 404))).toEqual(['http_404', 'Not Found']);
    expect(told(answered({ detail: [{ msg: 'Field required' }] }, 422))).toEqual([
      'http_422',
      'Field required',
    ]);
    expect(told(answered('upstream failed', 502))).toEqual(['http_502', 'upstream failed']);
    expect(told('{"custom_id":"a","response":null,"error":"It broke."}')).toEqual([
      'unknown_error',
      'It broke.',
    ]);
    expect(told('{"custom_id":"a","error":{"type":"server_error","message":"m"}}')).toEqual([
      'server_error',
      'm',
    ]);
  });

  test('embeddings and moderations have no text, and tokens that are not told are not known', () => {
    const embeddings = answered({ data: [{ embedding: [1] }], usage: { prompt_tokens: 8, total_tokens: 8 } });
    expect(outcome(embeddings).usage).toEqual({ ...unknownUsage, inputTokens: 8 });
    expect(mistral.decoding.readText(embeddings)).toBeNull();
    expect(outcome(answered({ results: [] })).usage).toEqual(unknownUsage);
  });

  test('a line that cannot be read is malformed, and one that names its item is that item, errored', () => {
    for (const line of ['', '{', '[]', 'null', '{}', '{"custom_id":7}']) {
      expect(mistral.decoding.decode(line)).toEqual({ kind: 'malformed', reason: expect.any(String) });
      expect(mistral.decoding.readText(line)).toBeNull();
    }
    for (const rest of ['', ',"response":null,"error":null', ',"response":{"status_code":200,"body":"x"}']) {
      expect(outcome(`{"custom_id":"a"${rest}}`)).toMatchObject({
        status: 'ERRORED',
        errorCode: 'unreadable_result',
      });
    }
  });
});

describe('report', () => {
  const recorded: JsonObject = JSON.parse(fixture('batch.json'));
  const report = (changes: JsonObject = {}) => {
    const raw = JSON.stringify({ ...recorded, ...changes });
    const batch = readBatch(raw);
    if (batch === null) throw new Error('unreadable');
    return toReport(batch, raw);
  };

  test('the job object of the facts is read in full', () => {
    expect(report()).toEqual({
      status: 'RUNNING',
      finalizing: false,
      providerStatus: 'RUNNING',
      raw: JSON.stringify(recorded),
      counts: { total: 2, succeeded: 1, errored: 0, expired: null, cancelled: null },
      inProgressAt: new Date(1790000010_000),
      finalizingAt: null,
      endedAt: null,
      expiresAt: null,
      resultsExpireAt: null,
      resultsReady: false,
      inputFileId: 'b2a1b1f7-0000-4000-8000-000000000001',
      outputFileId: null,
      errorFileId: null,
      error: null,
    });
  });

  test('each of the vendor words means one state, and a new word leaves it open', () => {
    const words = ['QUEUED', 'RUNNING', 'CANCELLATION_REQUESTED', 'SUCCESS', 'FAILED', 'TIMEOUT_EXCEEDED'];
    expect([...words, 'CANCELLED'].map((status) => report({ status }).status)).toEqual([
      'PENDING',
      'RUNNING',
      'CANCELLING',
      'COMPLETED',
      'FAILED',
      'EXPIRED',
      'CANCELLED',
    ]);
    expect(report({ status: 'constructor' })).toMatchObject({ status: null, providerStatus: 'constructor' });
  });

  test('a job with nothing but an id and a status is still read', () => {
    const raw = '{"id":"b","status":"SUCCESS"}';
    const batch = readBatch(raw);
    expect(batch && toReport(batch, raw)).toMatchObject({
      status: 'COMPLETED',
      counts: { total: null, succeeded: null },
      endedAt: null,
      inputFileId: null,
      outputFileId: null,
      resultsReady: true,
    });
    expect(readBatch('{"object":"batch"}')).toBeNull();
    expect(readBatch('<html>')).toBeNull();
  });

  test('what neither succeeded nor failed expired or was cancelled, once the job ended so', () => {
    const counts = (status: string) =>
      report({ status, total_requests: 10, succeeded_requests: 6, failed_requests: 1 }).counts;
    expect(counts('TIMEOUT_EXCEEDED')).toMatchObject({ total: 10, expired: 3, cancelled: null });
    expect(counts('CANCELLED')).toMatchObject({ total: 10, expired: null, cancelled: 3 });
    expect(counts('CANCELLATION_REQUESTED')).toMatchObject({ total: 10, expired: null, cancelled: null });
  });

  test('a job that counts successes and names no file for them is not ready to be collected', () => {
    expect(report({ status: 'SUCCESS' }).resultsReady).toBe(false);
    expect(report({ status: 'SUCCESS', output_file: 'file-out' }).resultsReady).toBe(true);
    const none = { status: 'SUCCESS', succeeded_requests: 0, failed_requests: 2 };
    expect(report({ ...none, error_file: 'file-err' }).resultsReady).toBe(true);
    expect(report({ status: 'FAILED' }).resultsReady).toBe(false);
  });

  test('a failed job names the first thing that was wrong, how often, and how many more there are', () => {
    const errors = [
      { message: 'custom_id is not unique.', count: 7 },
      { message: 'y', count: 1 },
    ];
    expect(report({ status: 'FAILED', errors }).error).toEqual({
      code: 'batch_failed',
      message: 'custom_id is not unique. (7 times) And 1 more.',
    });
    expect(report({ status: 'FAILED', errors: [] }).error).toMatchObject({ code: 'batch_failed' });
    expect(report({ errors }).error).toBeNull();
  });
});

describe('errors', () => {
  test('the vendor says what is wrong in one of four forms, and each is understood', () => {
    expect(readErrorBody('{"object":"error","message":"no","type":"rate_limited"}')).toEqual({
      code: 'rate_limited',
      message: 'no',
    });
    expect(readErrorBody('{"error":{"message":"no","type":"t","code":"c"}}')).toEqual({
      code: 'c',
      message: 'no',
    });
    expect(readErrorBody('{"detail":"Unauthorized"}')).toEqual({ code: null, message: 'Unauthorized' });
    expect(readErrorBody('{"detail":[{"loc":["body","model"],"msg":"Field required"}]}')).toEqual({
      code: null,
      message: 'body.model: Field required',
    });
    for (const strange of ['<html>', '{"detail":[]}', '[]', '{"message":7}']) {
      expect(readErrorBody(strange)).toEqual({ code: null, message: null });
    }
  });
});

describe('listing', () => {
  const entries = Array.from({ length: 10 }, (_, n) => `{"id":"id${n}","status":"s","created_at":${n}}`);
  const since = new Date(7000);
  const read = async (list: readonly string[]) => {
    let pages = 0;
    const found: string[] = [];
    const readPage = async (page: number) => {
      pages += 1;
      const data = list.slice(3 * page, 3 * page + 3).join();
      return readBatchPage(`{"data":[${data}],"total":${list.length}}`) ?? expect.fail();
    };
    for await (const { id } of listedSince(readPage, since)) found.push(id);
    return { found: found.toSorted(), pages };
  };

  test('a list that comes newest first is read no further than needed, any other to its end', async () => {
    const found = ['id7', 'id8', 'id9'];
    expect(await read(entries.toReversed())).toEqual({ found, pages: 2 });
    expect(await read(entries)).toEqual({ found, pages: 4 });
    const unordered = [9, 5, 6, 8, 0, 1, 7, 2, 3, 4].flatMap((n) => entries[n] ?? []);
    expect(await read(unordered)).toEqual({ found, pages: 4 });
  });

  test('a list that promises more than it has is left at its first empty page', async () => {
    let pages = 0;
    const readPage = async () => {
      pages += 1;
      const data = pages === 1 ? entries.slice(8).join() : '';
      return readBatchPage(`{"data":[${data}],"total":99}`) ?? expect.fail();
    };
    const found: string[] = [];
    for await (const { id } of listedSince(readPage, since)) found.push(id);
    expect([found, pages]).toEqual([['id8', 'id9'], 2]);
  });

  test('a page may leave out its jobs only where it says that there are none', () => {
    expect(readBatchPage('{"object":"list","total":0}')).toEqual({ data: [], total: 0 });
    expect(readBatchPage('{"object":"list","total":1}')).toBeNull();
    expect(readBatchPage('{}')).toBeNull();
  });
});

const start = new Date('2026-01-01T00:00:00.000Z');
const quiet = new AbortController().signal;

describe('the adapter against the emulator', () => {
  let emulator: Emulator;
  let clock: HandClock;
  let client: ProviderClient;
  const others: Array<() => Promise<unknown>> = [];
  afterEach(async () => {
    await emulator.close();
    for (const close of others.splice(0)) await close();
  });

  const begin = async (options: Partial<EmulatorOptions> = {}) => {
    clock = createHandClock(start);
    emulator = await mistral.emulate({ clock, ...options });
    client = mistral.connect(emulator, { clock });
  };

  /** A job of chat requests with these prompts, and everything needed to send it. */
  const job = (prompts: readonly string[], changes: Partial<Submission> = {}) => {
    const nonce = changes.nonce ?? 'abcdefghij0123456789';
    const items: SubmissionItem[] = prompts.map((content, position) => ({
      key: `${nonce}-${position}`,
      endpoint: '/v1/chat/completions',
      body: JSON.stringify({ model: 'mistral-x', messages: [{ role: 'user', content }] }),
    }));
    const lineBytes = items.map((item) => {
      const { before, after } = mistral.encoding.envelope(item);
      return Buffer.byteLength(before + item.body + after);
    });
    const submission: Submission = {
      jobId: 'job-1',
      nonce,
      endpoint: '/v1/chat/completions',
      model: 'mistral-x',
      completionWindow: '24h',
      requestCount: items.length,
      encodedBytes: lineBytes.reduce((sum, bytes) => sum + bytes, mistral.encoding.frameBytes(items.length)),
      checkpoint: null,
      intentAt: clock.now(),
      ...changes,
    };
    const saved: JsonObject[] = [];
    const ports = {
      async *items() {
        yield* items;
      },
      saveCheckpoint: async (checkpoint: JsonObject) => {
        saved.push(checkpoint);
      },
      signal: quiet,
      guard: () => {},
    };
    return { submission, ports, saved, items };
  };

  const submitted = async (prompts: readonly string[]): Promise<ProviderJob> => {
    const { submission, ports } = job(prompts);
    const { providerJobId } = await client.submit(submission, ports);
    return { providerJobId, requestCount: prompts.length, checkpoint: null, cancelRequestedAt: null };
  };

  const collect = async (of: ProviderJob, cursor: string | null = null) => {
    const report = await client.retrieve(of, quiet);
    return readResults(client, { ...of, report }, cursor);
  };

  const outcomes = (lines: readonly string[]) => outcomesOf(mistral, lines);

  const fault = (operation: string, effect: FaultEffect, times = 1) =>
    emulator.faults.add({ operation, effect, times });
  const operations = () => emulator.calls.map(({ operation }) => operation);

  test('a job is submitted in two calls, watched to its end, and its results read', async () => {
    await begin();
    const { submission, ports, saved, items } = job(['Hello ✓', 'line one\nline two', '']);
    const { providerJobId, report } = await client.submit(submission, ports);
    expect(operations()).toEqual(['upload', 'create']);
    expect(report).toMatchObject({ status: 'PENDING', providerStatus: 'QUEUED', error: null });
    expect(saved).toEqual([{ inputFileId: report.inputFileId }]);
    const [batch] = await emulator.batches();
    expect(batch).toMatchObject({ id: providerJobId, keys: items.map(({ key }) => key) });

    const of = { providerJobId, requestCount: 3, checkpoint: null, cancelRequestedAt: null };
    const seen: unknown[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const { status, counts } = await client.retrieve(of, quiet);
      seen.push([status, counts.succeeded]);
      clock.advance({ seconds: [1, 11, 9, 1][turn] ?? 0 });
    }
    expect(seen).toEqual([
      ['PENDING', 0],
      ['RUNNING', 0],
      ['RUNNING', 1],
      ['RUNNING', 3],
      ['COMPLETED', 3],
    ]);
    const { lines } = await collect(of);
    expect(outcomes(lines).toSorted()).toEqual(items.map(({ key }) => [key, 'SUCCEEDED']));
    for (const line of lines) expect(mistral.decoding.readText(line)).toMatch(/\w/);
  });

  test('a job is created with its model, its endpoint and its hours, below the seven days that are the end', async () => {
    await begin();
    for (const completionWindow of mistral.completionWindows) {
      const { submission, ports } = job(['a'], { completionWindow });
      const { report } = await client.submit(submission, ports);
      expect(JSON.parse(report.raw)).toMatchObject({
        model: 'mistral-x',
        endpoint: '/v1/chat/completions',
        input_files: [report.inputFileId],
        metadata: { batchql_nonce: submission.nonce, batchql_job: 'job-1' },
      });
    }
    const { submission, ports } = job(['a'], { completionWindow: '168h' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      status: 422,
      message: expect.stringMatching(/^body\.timeout_hours: /),
    });
  });

  test('a base URL with the version at its end reaches the same place', async () => {
    await begin();
    const of = await submitted(['a']);
    const other = mistral.connect({ ...emulator, baseUrl: `${emulator.baseUrl}/v1/` }, { clock });
    expect((await other.retrieve(of, quiet)).status).toBe('PENDING');
  });

  test('a job for which too many requests are pending is throttled, and fits once others have finished', async () => {
    await begin({ switches: { pendingRequestsMax: '100000' } });
    const body = '{"model":"m","messages":[]}';
    const [requestCount, keyLength] = [60_000, 5];
    const { submission, ports, saved } = job([], { requestCount });
    const { before, after } = mistral.encoding.envelope({ key: '', endpoint: '' });
    const lineBytes = before.length + keyLength + body.length + after.length;
    const encodedBytes = requestCount * lineBytes + mistral.encoding.frameBytes(requestCount);
    const items = async function* () {
      for (let n = 0; n < requestCount; n += 1) {
        yield { key: String(n).padStart(keyLength, '0'), endpoint: '/v1/chat/completions', body };
      }
    };
    await client.submit({ ...submission, encodedBytes }, { ...ports, items });
    const again = { ...submission, encodedBytes, checkpoint: saved[0] ?? null };
    const failure = await failureOf(client.submit(again, ports));
    expect(failure).toMatchObject({ kind: 'throttled', status: 429, code: 'rate_limited' });
    clock.advance({ seconds: 11 });
    await client.submit(again, ports);
    expect(await emulator.batches()).toHaveLength(2);
  });

  test('a body that was written over several lines becomes one line of the same length', async () => {
    await begin();
    const { submission, ports, items } = job(['a', 'b']);
    const spread = items.map((item) => ({ ...item, body: item.body.replaceAll(',', ',\r\n ') }));
    const added = spread.reduce((sum, { body }, n) => sum + body.length - (items[n]?.body.length ?? 0), 0);
    const of = await client.submit(
      { ...submission, encodedBytes: submission.encodedBytes + added },
      {
        ...ports,
        async *items() {
          yield* spread;
        },
      },
    );
    clock.advance({ minutes: 1 });
    const { lines } = await collect({ ...of, requestCount: 2, checkpoint: null, cancelRequestedAt: null });
    expect(outcomes(lines).toSorted()).toEqual(items.map(({ key }) => [key, 'SUCCEEDED']));
  });

  test('reading on from any cursor gives exactly the lines after it, across both files', async () => {
    await begin();
    const of = await submitted(
      Array.from({ length: 2500 }, (_, n) => (n % 2 ? `${n} emulate:errored` : `${n}`)),
    );
    clock.advance({ minutes: 1 });
    const whole = await collect(of);
    expect(whole.lines).toHaveLength(2500);
    for (const { cursor, read } of whole.places) {
      expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(read));
    }
    expect((await collect(of, 'not a cursor')).lines).toEqual(whole.lines);
  });

  test('a stream of results that is torn keeps what it gave, and can be resumed', async () => {
    await begin();
    const of = await submitted(['a', 'b', 'c', 'd']);
    clock.advance({ minutes: 1 });
    const whole = await collect(of);
    const afterBytes = Buffer.byteLength(`${whole.lines.slice(0, 2).join('\n')}\n`) + 10;
    fault('content', { kind: 'tear', afterBytes });
    const report = await client.retrieve(of, quiet);
    const seen: string[] = [];
    let cursor: string | null = null;
    const reading = (async () => {
      for await (const chunk of client.results({ ...of, report }, null, quiet)) {
        seen.push(...chunk.lines);
        cursor = chunk.cursor;
      }
    })();
    expect(await failureOf(reading)).toMatchObject({ kind: 'unavailable' });
    expect(seen).toEqual(whole.lines.slice(0, 2));
    expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(2));
  });

  test('a cancelled job keeps what it had finished, and the rest is cancelled', async () => {
    await begin();
    const of = await submitted(Array.from({ length: 20 }, (_, n) => `prompt ${n}`));
    clock.advance({ seconds: 10 });
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLING', resultsReady: false });
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLING' });
    clock.advance({ seconds: 2 });
    const report = await client.retrieve(of, quiet);
    expect(report).toMatchObject({
      status: 'CANCELLED',
      resultsReady: true,
      counts: { total: 20, succeeded: 10, errored: 0, cancelled: 10 },
    });
    const statuses = outcomes((await collect(of)).lines).map((outcome) => outcome[1]);
    expect(statuses.filter((status) => status === 'SUCCEEDED')).toHaveLength(10);
    expect(statuses.filter((status) => status === 'CANCELLED')).toHaveLength(10);
  });

  for (const cancelWhenOver of ['refused', 'answered'] as const) {
    test(`cancelling a job that is over answers its report, where the vendor has ${cancelWhenOver}`, async () => {
      await begin({ switches: { cancelWhenOver } });
      const of = await submitted(['a']);
      clock.advance({ minutes: 1 });
      expect(await client.cancel(of, quiet)).toMatchObject({ status: 'COMPLETED' });
    });
  }

  test('a refusal to cancel a job that still runs is passed on', async () => {
    await begin();
    const of = await submitted(['a']);
    fault('cancel', { kind: 'answer', status: 403, body: '{"message":"no","type":"forbidden"}' });
    expect(await failureOf(client.cancel(of, quiet))).toMatchObject({ kind: 'rejected', code: 'forbidden' });
  });

  test('a creation whose answer was lost is found again, and there is exactly one batch', async () => {
    await begin();
    const { submission, ports, saved } = job(['a', 'b']);
    fault('create', { kind: 'accept-and-drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    const [batch, ...more] = await emulator.batches();
    expect(more).toEqual([]);
    const sighting = {
      providerJobId: batch?.id,
      proof: 'EXACT',
      evidence: {
        providerJobId: batch?.id,
        providerStatus: 'QUEUED',
        createdAt: '2026-01-01T00:00:00.000Z',
        inputFileIds: [saved[0]?.['inputFileId']],
      },
    };
    // By the nonce in its metadata, whether or not the checkpoint was saved in time.
    expect(await client.find(submission, quiet)).toEqual([sighting]);
    expect(await client.find({ ...submission, checkpoint: saved[0] ?? null }, quiet)).toEqual([sighting]);
  });

  test('a batch is also found by its input file alone, where the vendor shows no metadata', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    const { providerJobId } = await client.submit(submission, ports);
    const hideMetadata: FaultEffect = {
      kind: 'rewrite',
      rewrite: (body) => body.replaceAll(/"metadata":\{[^}]*\}/g, '"metadata":null'),
    };
    fault('list', hideMetadata, 4);
    expect(await client.find(submission, quiet)).toEqual([]);
    const found = await client.find({ ...submission, checkpoint: saved[0] ?? null }, quiet);
    expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
  });

  test('a creation whose connection broke beforehand is uncertain, and then not found', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    fault('create', { kind: 'drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    expect(await client.find(submission, quiet)).toEqual([]);
    expect(operations().filter((operation) => operation === 'create')).toHaveLength(1);
  });

  /** Makes as many batches of one request as asked, one a minute, and ours among them. */
  const crowd = async (count: number, ours: number) => {
    const { submission, ports } = job(['mine']);
    const stranger = job(['x'], { nonce: 'zzzzzzzzzzzzzzzzzzzz' });
    await client.submit(stranger.submission, stranger.ports);
    const again = { ...stranger.submission, checkpoint: stranger.saved[0] ?? null };
    let sent = { submission, providerJobId: '' };
    for (let n = 1; n < count; n += 1) {
      clock.advance({ minutes: 1 });
      if (n !== ours) await client.submit(again, stranger.ports);
      else {
        const own = { ...submission, intentAt: clock.now() };
        sent = { submission: own, providerJobId: (await client.submit(own, ports)).providerJobId };
      }
    }
    return sent;
  };

  for (const [listOrder, pages] of [
    ['as-asked', 3],
    ['oldest-first', 4],
  ] as const) {
    test(`a batch is found among many others, where its key finds nothing and the list comes ${listOrder}`, async () => {
      await begin({ switches: { listOrder, metadataFilter: 'matches-nothing' } });
      const { submission, providerJobId } = await crowd(210, 60);
      const found = await client.find(submission, quiet);
      expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
      expect(operations().filter((operation) => operation === 'list')).toHaveLength(pages);
    });
  }

  for (const metadataFilter of ['honoured', 'ignored'] as const) {
    test(`one call finds a batch by its key, where the vendor has the filter ${metadataFilter}`, async () => {
      await begin({ switches: { metadataFilter } });
      const { submission, providerJobId } = await crowd(12, 6);
      const found = await client.find(submission, quiet);
      expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
      expect(operations().filter((operation) => operation === 'list')).toHaveLength(1);
    });
  }

  test('a second try reuses the file that the first has saved', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    fault('create', { kind: 'answer', status: 429, body: '{}' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'throttled' });
    await client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports);
    expect(operations()).toEqual(['upload', 'create', 'create']);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('a file that arrived before anything could be saved is sent again, and there is one batch', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    fault('upload', { kind: 'accept-and-drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
    expect(saved).toEqual([]);
    await client.submit(submission, ports);
    expect(operations()).toEqual(['upload', 'upload', 'create']);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('an upload that fails creates no batch and is worth another try', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    fault('upload', { kind: 'drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
    fault('upload', { kind: 'answer', status: 500, body: 'oops' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'unavailable',
      status: 500,
    });
    fault('upload', { kind: 'answer', status: 413, body: '{"message":"big","type":"too_big"}' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      code: 'too_big',
      message: 'big',
    });
    expect(await emulator.batches()).toEqual([]);
  });

  test('a job whose time is over before its creation was sent is certain not to exist', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    const controller = new AbortController();
    const saveCheckpoint = async () => controller.abort();
    const call = client.submit(submission, { ...ports, saveCheckpoint, signal: controller.signal });
    expect(await failureOf(call)).toMatchObject({ kind: 'unavailable' });
    expect(operations()).toEqual(['upload']);
  });

  test('a creation that is throttled says when to try again, in each way of saying it', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    const retryAt = async (headers: Record<string, string>) => {
      const body = '{"object":"error","message":"slow down","type":"rate_limited"}';
      fault('create', { kind: 'answer', status: 429, headers, body });
      const failure = await failureOf(client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports));
      expect(failure).toMatchObject({ kind: 'throttled', code: 'rate_limited', status: 429 });
      return failure.retryAt?.toISOString() ?? null;
    };
    expect(await retryAt({ 'retry-after': '90' })).toBe('2026-01-01T00:01:30.000Z');
    expect(await retryAt({ 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' })).toBe(
      '2026-01-01T00:00:20.000Z',
    );
    expect(await retryAt({ 'retry-after-ms': '2500' })).toBe('2026-01-01T00:00:02.500Z');
    expect(await retryAt({})).toBeNull();
    expect(await emulator.batches()).toEqual([]);
  });

  test('no failure of any call carries the key, whatever the vendor quotes', async () => {
    await begin();
    const apiKey = 'VerySecretAbcdefghijklmnop012345';
    client = mistral.connect({ baseUrl: emulator.baseUrl, apiKey }, { clock });
    const { submission, ports } = job(['a']);
    const of = { providerJobId: 'batch_1', requestCount: 1, checkpoint: null, cancelRequestedAt: null };
    const report = toReport(
      readBatch('{"id":"b","status":"SUCCESS","output_file":"f"}') ?? expect.fail(),
      '',
    );
    const calls: Array<() => Promise<unknown>> = [
      () => client.submit(submission, ports),
      () => client.submit({ ...submission, checkpoint: { inputFileId: 'file-1' } }, ports),
      () => client.find(submission, quiet),
      () => client.retrieve(of, quiet),
      () => client.cancel(of, quiet),
      () =>
        client
          .results({ ...of, report }, null, quiet)
          [Symbol.asyncIterator]()
          .next(),
    ];
    for (const call of calls) {
      const refused = await failureOf(call());
      expect(refused).toMatchObject({ kind: 'rejected', status: 401, message: 'Unauthorized' });
      fault(
        '*',
        {
          kind: 'answer',
          status: 400,
          body: JSON.stringify({ message: `You sent ${apiKey}.`, type: `bad ${apiKey}` }),
        },
        Number.POSITIVE_INFINITY,
      );
      const quoted = await failureOf(call());
      expect([quoted.message, quoted.code]).toEqual(['You sent [redacted].', 'bad [redacted]']);
      emulator.faults.clear();
    }
  });

  test('an answer that is not a batch is malformed, and for a creation uncertain', async () => {
    await begin();
    const of = await submitted(['a']);
    fault('retrieve', { kind: 'answer', status: 200, body: '<html>' });
    expect(await failureOf(client.retrieve(of, quiet))).toMatchObject({ kind: 'malformed' });
    fault('create', { kind: 'rewrite', rewrite: () => '{"ok":true}' });
    const { submission, ports } = job(['b']);
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
  });

  test('a job that the vendor does not know is rejected with 404, and a file that is gone has expired', async () => {
    await begin();
    const of = await submitted(['a']);
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    const unknown = { ...of, providerJobId: 'batch_unknown' };
    expect(await failureOf(client.retrieve(unknown, quiet))).toMatchObject({ kind: 'rejected', status: 404 });
    await fetch(`${emulator.baseUrl}/v1/files/${report.outputFileId}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${emulator.apiKey}` },
    });
    const first = client
      .results({ ...of, report }, null, quiet)
      [Symbol.asyncIterator]()
      .next();
    expect(await failureOf(first)).toMatchObject({ kind: 'expired', status: 404 });
  });

  test('every fate that an item can ask for is seen in its results and in the counts', async () => {
    await begin();
    const of = await submitted([
      'plain',
      'emulate:errored',
      'emulate:overloaded',
      'emulate:expired',
      'emulate:missing',
      'emulate:doubled',
      'emulate:malformed',
      'emulate:foreign',
    ]);
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    expect(report.counts).toMatchObject({ total: 8, succeeded: 5, errored: 3 });
    const key = (n: number) => `abcdefghij0123456789-${n}`;
    const { lines } = await collect(of);
    expect(outcomes(lines).toSorted()).toEqual(
      [
        [key(0), 'SUCCEEDED'],
        [key(1), 'ERRORED'],
        [key(2), 'ERRORED'],
        [key(3), 'EXPIRED'],
        [key(5), 'SUCCEEDED'],
        [key(5), 'SUCCEEDED'],
        [key(7), 'SUCCEEDED'],
        'malformed',
        ['nobodys-key', 'SUCCEEDED'],
      ].toSorted(),
    );
    const retryable = lines.map((line) => {
      const decoded = mistral.decoding.decode(line);
      return decoded.kind === 'result' ? [decoded.key, decoded.outcome.retryable] : null;
    });
    expect(retryable).toContainEqual([key(1), false]);
    expect(retryable).toContainEqual([key(2), true]);
  });

  test('a job that was asked to fail, expire, or show a word that nobody knows does so', async () => {
    await begin();
    const at = async (directive: string, seconds: number) => {
      const of = await submitted([`emulate:${directive}`, 'b', 'c', 'd']);
      clock.advance({ seconds });
      return client.retrieve(of, quiet);
    };
    expect(await at('job-failed', 2)).toMatchObject({
      status: 'FAILED',
      error: { message: 'This job was asked to fail.' },
      resultsReady: false,
    });
    expect(await at('job-expired', 60)).toMatchObject({
      status: 'EXPIRED',
      counts: { total: 4, succeeded: 2, errored: 0, expired: 2 },
      resultsReady: true,
    });
    expect(await at('unknown-status', 10)).toMatchObject({ status: null, providerStatus: 'RETICULATING' });
    expect(await at('stuck', 1e6)).toMatchObject({ status: 'RUNNING' });
  });

  test('every endpoint answers something that the decoder reads', async () => {
    await begin();
    const bodies: Record<string, JsonObject> = {
      '/v1/chat/completions': { messages: [{ role: 'user', content: 'Say hello.' }] },
      '/v1/embeddings': { input: ['one', 'two'] },
      '/v1/fim/completions': { prompt: 'def f():', suffix: 'return a', max_tokens: 3 },
      '/v1/moderations': { input: 'Say hello.' },
    };
    expect(Object.keys(bodies)).toEqual(mistral.endpoints);
    const read: Record<string, unknown> = {};
    for (const endpoint of mistral.endpoints) {
      const item = { key: 'k', endpoint, body: JSON.stringify({ model: 'm', ...bodies[endpoint] }) };
      const { before, after } = mistral.encoding.envelope(item);
      const encodedBytes = before.length + item.body.length + after.length + mistral.encoding.frameBytes(1);
      const { submission, ports } = job([], { endpoint, encodedBytes, requestCount: 1 });
      const items = async function* () {
        yield item;
      };
      const { providerJobId } = await client.submit({ ...submission, nonce: endpoint }, { ...ports, items });
      const of = { providerJobId, requestCount: 1, checkpoint: null, cancelRequestedAt: null };
      clock.advance({ minutes: 10 });
      const [line = ''] = (await collect(of)).lines;
      const decoded = mistral.decoding.decode(line);
      if (decoded.kind === 'malformed') throw new Error(decoded.reason);
      const { status, stopReason, usage } = decoded.outcome;
      read[endpoint] = [status, stopReason, usage.inputTokens, typeof mistral.decoding.readText(line)];
    }
    expect(read).toEqual({
      '/v1/chat/completions': ['SUCCEEDED', 'stop', 3, 'string'],
      '/v1/embeddings': ['SUCCEEDED', null, 2, 'object'],
      '/v1/fim/completions': ['SUCCEEDED', 'length', 5, 'string'],
      '/v1/moderations': ['SUCCEEDED', null, null, 'object'],
    });
  });

  test('a chat request for a schema is answered in that schema', async () => {
    await begin();
    const schema = { type: 'object', properties: { label: { enum: ['a', 'b'] } }, required: ['label'] };
    const body = JSON.stringify({
      model: 'm',
      messages: [{ role: 'user', content: 'Classify.' }],
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
    });
    const item = { key: 'k', endpoint: '/v1/chat/completions', body };
    const { before, after } = mistral.encoding.envelope(item);
    const { submission, ports } = job([], {
      requestCount: 1,
      encodedBytes: before.length + body.length + after.length + 1,
    });
    const items = async function* () {
      yield item;
    };
    const of = await client.submit(submission, { ...ports, items });
    clock.advance({ minutes: 1 });
    const { lines } = await collect({ ...of, requestCount: 1, checkpoint: null, cancelRequestedAt: null });
    const text = mistral.decoding.readText(lines[0] ?? '');
    expect(JSON.parse(text ?? '')).toEqual({ label: expect.stringMatching(/^[ab]$/) });
  });

  for (const countsWhileQueued of ['zero', 'total'] as const) {
    test(`counts in the queue are told or unknown, never zero, where the vendor says ${countsWhileQueued}`, async () => {
      await begin({ switches: { countsWhileQueued } });
      const of = await submitted(['a', 'b']);
      const told = countsWhileQueued === 'total';
      expect((await client.retrieve(of, quiet)).counts).toEqual({
        total: told ? 2 : null,
        succeeded: told ? 0 : null,
        errored: told ? 0 : null,
        expired: null,
        cancelled: null,
      });
    });
  }

  for (const absentNulls of [true, false]) {
    test(`fields without a value read alike, where they are ${absentNulls ? 'absent' : 'null'}`, async () => {
      await begin({ switches: { absentNulls } });
      const of = await submitted(['a', 'emulate:errored']);
      const first = await client.retrieve(of, quiet);
      expect(first.raw.includes('null')).toBe(!absentNulls);
      expect(first).toMatchObject({ outputFileId: null, errorFileId: null, endedAt: null, error: null });
      clock.advance({ minutes: 1 });
      const last = await client.retrieve(of, quiet);
      expect(last).toMatchObject({ status: 'COMPLETED', resultsReady: true });
      expect(last.endedAt).toEqual(new Date('2026-01-01T00:00:22.000Z'));
      expect((await collect(of)).lines).toHaveLength(2);
    });
  }

  for (const unansweredLines of ['written', 'absent'] as const) {
    test(`what never ran is counted, where its lines are ${unansweredLines}`, async () => {
      await begin({ switches: { unansweredLines } });
      const of = await submitted(['emulate:job-expired', 'b', 'c', 'd']);
      clock.advance({ minutes: 1 });
      const { counts, errorFileId } = await client.retrieve(of, quiet);
      expect(counts).toMatchObject({ total: 4, succeeded: 2, expired: 2 });
      expect(errorFileId !== null).toBe(unansweredLines === 'written');
      const statuses = outcomes((await collect(of)).lines).map((outcome) => outcome[1]);
      const expired = unansweredLines === 'written' ? ['EXPIRED', 'EXPIRED'] : [];
      expect(statuses).toEqual(['SUCCEEDED', 'SUCCEEDED', ...expired]);
    });
  }

  for (const answerBodies of ['objects', 'texts'] as const) {
    test(`an answer is read, where its bodies are ${answerBodies}`, async () => {
      await begin({ switches: { answerBodies } });
      const of = await submitted(['Say hello.']);
      clock.advance({ minutes: 1 });
      const { lines } = await collect(of);
      expect(outcomes(lines)).toEqual([['abcdefghij0123456789-0', 'SUCCEEDED']]);
      expect(mistral.decoding.readText(lines[0] ?? '')).toMatch(/\w/);
    });
  }

  test('an input that cannot be right fails the job, whether the vendor looks later or at once', async () => {
    await begin();
    const same = (items: readonly SubmissionItem[]) =>
      async function* () {
        for (const item of items) yield { ...item, key: items[0]?.key ?? '' };
      };
    const first = job(['a', 'b']);
    const of = await client.submit(first.submission, { ...first.ports, items: same(first.items) });
    clock.advance({ seconds: 2 });
    const asked = { ...of, requestCount: 2, checkpoint: null, cancelRequestedAt: null };
    expect(await client.retrieve(asked, quiet)).toMatchObject({
      status: 'FAILED',
      error: { message: 'custom_id is not unique.' },
    });
    await emulator.close();
    await begin({ switches: { inputChecked: 'at-creation' } });
    const second = job(['a', 'b']);
    const call = client.submit(second.submission, { ...second.ports, items: same(second.items) });
    expect(await failureOf(call)).toMatchObject({ kind: 'rejected', message: 'custom_id is not unique.' });
  });

  test('a switch that does not exist, or stands where it cannot, stops the emulator from starting', async () => {
    await begin();
    for (const switches of [{ nonsense: true }, { listOrder: 'random' }]) {
      await expect(mistral.emulate({ clock, switches })).rejects.toThrow();
    }
  });

  test('batches in a directory outlive the emulator, and a second process sees and cancels the same', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-mistral-'));
    others.push(() => rm(directory, { recursive: true }));
    await begin({ directory });
    const of = await submitted(['a', 'b', 'c', 'd', 'emulate:errored', 'f']);
    clock.advance({ seconds: 11 });
    const second = await mistral.emulate({ clock, directory, pace: { runningSeconds: 1e6 } });
    others.push(() => second.close());
    await mistral.connect(second, { clock }).cancel(of, quiet);
    clock.advance({ seconds: 5 });
    const report = await client.retrieve(of, quiet);
    expect(report.status).toBe('CANCELLED');
    const { lines } = await collect(of);

    await emulator.close();
    emulator = await mistral.emulate({ clock, directory });
    client = mistral.connect(emulator, { clock });
    expect(await client.retrieve(of, quiet)).toEqual(report);
    clock.advance({ hours: 1 });
    expect((await collect(of)).lines).toEqual(lines);
  });
});
