import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { readForm } from '../../src/providers/compatible/emulator-multipart.ts';
import { listedSince } from '../../src/providers/compatible/listing.ts';
import { toReport } from '../../src/providers/compatible/report.ts';
import { readBatch } from '../../src/providers/compatible/wire.ts';
import type { Emulator, EmulatorOptions, FaultEffect } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type {
  DecodedLine,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { failureOf, outcomesOf, readResults } from '../support/provider-client.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/openai/fixtures/${name}`, import.meta.url), 'utf8');

describe('dialect', () => {
  const read = (line: JsonObject) => {
    const parsed = readJsonLine(JSON.stringify(line));
    if ('problem' in parsed) throw new Error(parsed.problem);
    return openai.dialect.read(parsed);
  };

  test('a native line is taken apart, and its body stays the text that it was', () => {
    const line = readJsonLine(
      '{"custom_id":"a","method":"POST","url":"/v1/responses","body":{"n": 12345678901234567890}}',
    );
    if ('problem' in line) throw new Error(line.problem);
    expect(openai.dialect.read(line)).toEqual({
      customId: 'a',
      endpoint: '/v1/responses',
      body: '{"n": 12345678901234567890}',
      problems: [],
    });
  });

  test('a line that is native and wrong says what is wrong with it', () => {
    expect(read({ custom_id: 7, method: 'GET', url: 1, body: {} })).toEqual({
      customId: null,
      endpoint: null,
      body: '{}',
      problems: ['custom_id must be a string', 'method must be POST', 'url must be a string'],
    });
  });

  test('a line of another form is left to others', () => {
    expect(read({ custom_id: 'a', params: {} })).toBeNull();
    expect(read({ custom_id: 'a', body: 'text' })).toBeNull();
    expect(read({ customId: 'a', body: {} })).toBeNull();
    expect(read({ custom_id: 'a', body: {}, recordId: 'b' })).toBeNull();
    expect(read({ body: {} })).toBeNull();
  });

  test('a body needs a model and must not stream', () => {
    const inspect = (body: JsonObject) => openai.dialect.inspect({ endpoint: '/v1/responses', body });
    expect(inspect({ model: 'gpt-x' })).toEqual({ model: 'gpt-x', agentId: null, problems: [] });
    expect(inspect({ model: '', stream: true })).toEqual({
      model: null,
      agentId: null,
      problems: ['body.model must be a non-empty string', 'body.stream must not be true'],
    });
  });
});

describe('decode', () => {
  const outcome = (line: string) => {
    const decoded: DecodedLine = openai.decoding.decode(line);
    if (decoded.kind === 'malformed') throw new Error(decoded.reason);
    return decoded.outcome;
  };
  const answered = (body: JsonObject, status = 200) =>
    JSON.stringify({ custom_id: 'a', response: { status_code: status, body }, error: null });

  test('the lines of the official guide are read as what they say', () => {
    const lines = fixture('result-lines.jsonl').trim().split('\n');
    expect(lines.map(openai.decoding.decode)).toEqual([
      {
        kind: 'result',
        key: 'a',
        outcome: {
          status: 'SUCCEEDED',
          errorCode: null,
          errorMessage: null,
          retryable: null,
          stopReason: 'stop',
          usage: { ...unknownUsage, inputTokens: 24, outputTokens: 15 },
        },
      },
      {
        kind: 'result',
        key: 'b',
        outcome: {
          status: 'ERRORED',
          errorCode: 'invalid_request_error',
          errorMessage: '...',
          retryable: false,
          stopReason: null,
          usage: unknownUsage,
        },
      },
      {
        kind: 'result',
        key: 'c',
        outcome: expect.objectContaining({ status: 'EXPIRED', errorCode: 'batch_expired', retryable: true }),
      },
      {
        kind: 'result',
        key: 'd',
        outcome: expect.objectContaining({
          status: 'CANCELLED',
          errorCode: 'batch_cancelled',
          retryable: true,
        }),
      },
    ]);
    expect(lines.map(openai.decoding.readText)).toEqual(['4', null, null, null]);
  });

  test('an item whose status speaks of the moment may be tried again, another may not', () => {
    const retryable = (status: number) => outcome(answered({ error: { message: 'no' } }, status)).retryable;
    expect([408, 409, 429, 500, 503].map(retryable)).toEqual([true, true, true, true, true]);
    expect([400, 401, 403, 404, 413, 422].map(retryable)).toEqual([false, false, false, false, false, false]);
    expect(outcome(answered({}, 418))).toMatchObject({ status: 'ERRORED', errorCode: 'http_418' });
    expect(outcome('{"custom_id":"a","error":{"code":"server_error","message":"m"}}')).toMatchObject({
      status: 'ERRORED',
      errorCode: 'server_error',
      errorMessage: 'm',
      retryable: true,
    });
  });

  test('a Response is read with its parts joined, its tokens and why it stopped', () => {
    const response = {
      object: 'response',
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [
        { type: 'reasoning', summary: [] },
        {
          type: 'message',
          content: [
            { type: 'output_text', text: 'one ' },
            { type: 'refusal', refusal: 'no' },
          ],
        },
        { type: 'message', content: [{ type: 'output_text', text: 'two' }] },
      ],
      usage: {
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 60 },
        output_tokens: 30,
        output_tokens_details: { reasoning_tokens: 20 },
      },
    };
    expect(outcome(answered(response))).toMatchObject({
      status: 'SUCCEEDED',
      stopReason: 'max_output_tokens',
      usage: {
        inputTokens: 100,
        outputTokens: 30,
        cachedInputTokens: 60,
        cacheWriteInputTokens: null,
        reasoningTokens: 20,
      },
    });
    expect(openai.decoding.readText(answered(response))).toBe('one two');
    expect(outcome(answered({ ...response, status: 'completed', incomplete_details: null })).stopReason).toBe(
      'completed',
    );
  });

  test('a Response that failed is an error, though its status is 200', () => {
    const failed = (code: string) =>
      outcome(answered({ object: 'response', status: 'failed', error: { code, message: 'm' } }));
    expect(failed('server_error')).toMatchObject({
      status: 'ERRORED',
      errorCode: 'server_error',
      retryable: true,
    });
    expect(failed('invalid_prompt')).toMatchObject({ status: 'ERRORED', retryable: false });
  });

  test('chat usage keeps the cached and the reasoning tokens apart, embeddings have no output', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 3 },
    };
    expect(outcome(answered({ choices: [], usage })).usage).toEqual({
      inputTokens: 10,
      outputTokens: 5,
      cachedInputTokens: 4,
      cacheWriteInputTokens: null,
      reasoningTokens: 3,
    });
    const embeddings = answered({
      object: 'list',
      data: [{ embedding: [1] }],
      usage: { prompt_tokens: 8, total_tokens: 8 },
    });
    expect(outcome(embeddings).usage).toEqual({ ...unknownUsage, inputTokens: 8 });
    expect(openai.decoding.readText(embeddings)).toBeNull();
    expect(openai.decoding.readText(answered({ choices: [{ text: 'legacy' }] }))).toBe('legacy');
  });

  test('a line that cannot be read is malformed, and one that names its item is that item, errored', () => {
    for (const line of ['', '{', '[]', 'null', '{}', '{"custom_id":7}']) {
      expect(openai.decoding.decode(line)).toEqual({ kind: 'malformed', reason: expect.any(String) });
      expect(openai.decoding.readText(line)).toBeNull();
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

  test('the batch object of the facts is read in full', () => {
    expect(report()).toEqual({
      status: 'RUNNING',
      finalizing: false,
      providerStatus: 'in_progress',
      raw: JSON.stringify(recorded),
      counts: { total: 2, succeeded: 1, errored: 0, expired: null, cancelled: null },
      inProgressAt: new Date(1790000010_000),
      finalizingAt: null,
      endedAt: null,
      expiresAt: new Date(1790086400_000),
      resultsExpireAt: null,
      resultsReady: false,
      inputFileId: 'file-in',
      outputFileId: null,
      errorFileId: null,
      error: null,
    });
  });

  test('each of the vendor words means one state, and a new word leaves it open', () => {
    const states = (words: readonly string[]) => words.map((status) => report({ status }).status);
    expect(states(['validating', 'in_progress', 'finalizing', 'cancelling'])).toEqual([
      'PENDING',
      'RUNNING',
      'RUNNING',
      'CANCELLING',
    ]);
    expect(states(['completed', 'failed', 'expired', 'cancelled'])).toEqual([
      'COMPLETED',
      'FAILED',
      'EXPIRED',
      'CANCELLED',
    ]);
    expect(report({ status: 'constructor' })).toMatchObject({ status: null, providerStatus: 'constructor' });
    expect(report({ status: 'finalizing' }).finalizing).toBe(true);
  });

  test('a batch with nothing but what the vendor requires is still read', () => {
    const raw = '{"id":"b","object":"batch","status":"completed","created_at":1790000000}';
    const batch = readBatch(raw);
    expect(batch && toReport(batch, raw)).toMatchObject({
      status: 'COMPLETED',
      counts: { total: null, succeeded: null },
      expiresAt: null,
      outputFileId: null,
      resultsReady: true,
    });
    expect(readBatch('{"object":"batch"}')).toBeNull();
    expect(readBatch('<html>')).toBeNull();
  });

  test('what neither succeeded nor failed expired or was cancelled, once the batch ended so', () => {
    const counts = (status: string) =>
      report({ status, request_counts: { total: 10, completed: 6, failed: 1 } }).counts;
    expect(counts('expired')).toMatchObject({ total: 10, expired: 3, cancelled: null });
    expect(counts('cancelled')).toMatchObject({ total: 10, expired: null, cancelled: 3 });
    expect(counts('cancelling')).toMatchObject({ total: 10, expired: null, cancelled: null });
  });

  test('a batch that counts successes and names no file for them is not ready to be collected', () => {
    expect(report({ status: 'completed' }).resultsReady).toBe(false);
    expect(report({ status: 'completed', output_file_id: 'file-out' }).resultsReady).toBe(true);
    const none = { status: 'completed', request_counts: { total: 2, completed: 0, failed: 2 } };
    expect(report({ ...none, error_file_id: 'file-err' }).resultsReady).toBe(true);
    expect(report({ status: 'failed' }).resultsReady).toBe(false);
  });

  test('a failed batch names the first thing that was wrong, its line, and how many more there are', () => {
    const errors = {
      data: [
        { code: 'duplicate_custom_id', message: 'It is a duplicate.', line: 7 },
        { code: 'x', message: 'y', line: null },
      ],
    };
    expect(report({ status: 'failed', errors }).error).toEqual({
      code: 'duplicate_custom_id',
      message: 'It is a duplicate. (line 7) And 1 more.',
      retryable: false,
    });
    expect(report({ status: 'failed', errors: null }).error).toMatchObject({ code: 'batch_failed' });
    expect(report({ errors }).error).toBeNull();
  });
});

describe('listing', () => {
  const entries = Array.from({ length: 10 }, (_, n) => ({ id: `id${n}`, created_at: new Date(n * 1000) }));
  const since = new Date(7000);
  const read = async (list: typeof entries) => {
    const pages: (string | null)[] = [];
    const found: string[] = [];
    const readPage = async (after: string | null) => {
      pages.push(after);
      const from = after === null ? 0 : list.findIndex(({ id }) => id === after) + 1;
      return { data: list.slice(from, from + 3), has_more: from + 3 < list.length };
    };
    for await (const { id } of listedSince(readPage, since)) found.push(id);
    return { found: found.toSorted(), pages: pages.length };
  };

  test('a list that comes newest first is read no further than needed, any other to its end', async () => {
    const found = ['id7', 'id8', 'id9'];
    expect(await read(entries.toReversed())).toEqual({ found, pages: 2 });
    expect(await read(entries)).toEqual({ found, pages: 4 });
    const unordered = [9, 5, 6, 8, 0, 1, 7, 2, 3, 4].flatMap((n) => entries[n] ?? []);
    expect(await read(unordered)).toEqual({ found, pages: 4 });
  });

  test('a list that says it goes on, and leads nowhere or back, proves nothing and fails', async () => {
    const [first, second] = [entries.slice(8), entries.slice(5, 8)];
    for (const [pages, calls] of [
      [[first], 2],
      [[first, second], 3],
      [[[]], 1],
    ] as const) {
      let read = 0;
      const readPage = async () => {
        const data = pages[read % pages.length] ?? [];
        read += 1;
        return { data, has_more: true };
      };
      const readAll = async () => {
        for await (const { id } of listedSince(readPage, new Date(0))) expect(id).toMatch(/^id/);
      };
      await expect(readAll()).rejects.toMatchObject({ kind: 'malformed', code: 'unfinished_list' });
      expect(read).toBe(calls);
    }
  });
});

describe('multipart', () => {
  test('a form is read as undici writes it, and refused where it breaks off', async () => {
    const form = new FormData();
    form.append('purpose', 'batch');
    form.append('file', new Blob(['line 1\r\n\r\n--not a boundary\n']), 'ä b.jsonl');
    const request = new Request('http://x', { method: 'POST', body: form });
    const type = request.headers.get('content-type') ?? '';
    const body = Buffer.from(await request.arrayBuffer());
    expect(readForm(type, body)).toEqual([
      { name: 'purpose', filename: null, data: Buffer.from('batch') },
      { name: 'file', filename: 'ä b.jsonl', data: Buffer.from('line 1\r\n\r\n--not a boundary\n') },
    ]);
    expect(readForm(type, body.subarray(0, -30))).toBeNull();
    expect(readForm(type, Buffer.alloc(0))).toBeNull();
    expect(readForm('application/json', body)).toBeNull();
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
    emulator = await openai.emulate({ clock, ...options });
    client = openai.connect(emulator, { clock });
  };

  /** A job of chat requests with these prompts, and everything needed to send it. */
  const job = (prompts: readonly string[], changes: Partial<Submission> = {}) => {
    const nonce = changes.nonce ?? 'abcdefghij0123456789';
    const items: SubmissionItem[] = prompts.map((content, position) => ({
      key: `${nonce}-${position}`,
      endpoint: '/v1/chat/completions',
      body: JSON.stringify({ model: 'gpt-x', messages: [{ role: 'user', content }] }),
    }));
    const lineBytes = items.map((item) => {
      const { before, after } = openai.encoding.envelope(item);
      return Buffer.byteLength(before + item.body + after);
    });
    const submission: Submission = {
      jobId: 'job-1',
      nonce,
      endpoint: '/v1/chat/completions',
      model: 'gpt-x',
      completionWindow: '24h',
      requestCount: items.length,
      encodedBytes: lineBytes.reduce((sum, bytes) => sum + bytes, openai.encoding.frameBytes(items.length)),
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

  const outcomes = (lines: readonly string[]) => outcomesOf(openai, lines);

  const fault = (operation: string, effect: FaultEffect, times = 1) =>
    emulator.faults.add({ operation, effect, times });
  const operations = () => emulator.calls.map(({ operation }) => operation);

  test('a job is submitted in two calls, watched to its end, and its results read', async () => {
    await begin();
    const { submission, ports, saved, items } = job(['Hello ✓', 'line one\nline two', '']);
    const { providerJobId, report } = await client.submit(submission, ports);
    expect(operations()).toEqual(['list_files', 'upload', 'create']);
    expect(report).toMatchObject({ status: 'PENDING', providerStatus: 'validating', error: null });
    expect(saved).toEqual([{ inputFileId: report.inputFileId }]);
    const [batch] = await emulator.batches();
    expect(batch).toMatchObject({ id: providerJobId, keys: items.map(({ key }) => key) });

    const of = { providerJobId, requestCount: 3, checkpoint: null, cancelRequestedAt: null };
    const seen: unknown[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const { status, finalizing, counts } = await client.retrieve(of, quiet);
      seen.push([status, finalizing, counts.succeeded]);
      clock.advance({ seconds: [1, 11, 9, 1][turn] ?? 0 });
    }
    expect(seen).toEqual([
      ['PENDING', false, null],
      ['RUNNING', false, 0],
      ['RUNNING', false, 1],
      ['RUNNING', true, 3],
      ['COMPLETED', false, 3],
    ]);
    const { lines } = await collect(of);
    expect(outcomes(lines).toSorted()).toEqual(items.map(({ key }) => [key, 'SUCCEEDED']));
    for (const line of lines) expect(openai.decoding.readText(line)).toMatch(/\w/);
  });

  test('a job of one byte more than we allow is refused', async () => {
    await begin();
    const encodedBytes = openai.limits.bytesMax + 1;
    const { submission, ports } = job([]);
    const item = { key: 'k', endpoint: '/v1/chat/completions', body: '' };
    const { before, after } = openai.encoding.envelope(item);
    const body = 'x'.repeat(encodedBytes - before.length - after.length - 1);
    const items = async function* () {
      yield { ...item, body };
    };
    const call = client.submit({ ...submission, encodedBytes }, { ...ports, items });
    expect(await failureOf(call)).toMatchObject({ kind: 'rejected', status: 413 });
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

  for (const cancelledLines of ['told', 'absent'] as const) {
    test(`what was cancelled is told in lines or by the counts alone, where its lines are ${cancelledLines}`, async () => {
      await begin({ switches: { cancelledLines } });
      const of = await submitted(['a', 'b', 'c', 'd']);
      clock.advance({ seconds: 11 });
      await client.cancel(of, quiet);
      clock.advance({ seconds: 2 });
      const report = await client.retrieve(of, quiet);
      expect(report).toMatchObject({ status: 'CANCELLED', resultsReady: true, counts: { cancelled: 2 } });
      expect(report.errorFileId === null).toBe(cancelledLines === 'absent');
      const statuses = outcomes((await collect(of)).lines).map(([, status]) => status);
      const told = cancelledLines === 'told' ? ['CANCELLED', 'CANCELLED'] : [];
      expect(statuses.toSorted()).toEqual([...told, 'SUCCEEDED', 'SUCCEEDED']);
    });
  }

  test('a job that was stopped before anything was done has no file, and is ready to be collected', async () => {
    await begin({ switches: { cancelledLines: 'absent' } });
    const of = await submitted(['a', 'b']);
    await client.cancel(of, quiet);
    clock.advance({ seconds: 2 });
    const report = await client.retrieve(of, quiet);
    expect(report).toMatchObject({
      status: 'CANCELLED',
      resultsReady: true,
      outputFileId: null,
      errorFileId: null,
    });
    expect((await collect(of)).lines).toEqual([]);
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
    fault('cancel', { kind: 'answer', status: 403, body: '{"error":{"message":"no","code":"forbidden"}}' });
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
        providerStatus: 'validating',
        createdAt: '2026-01-01T00:00:00.000Z',
        ...saved[0],
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
    fault('list', hideMetadata, 2);
    expect(await client.find(submission, quiet)).toEqual([]);
    const found = await client.find({ ...submission, checkpoint: saved[0] ?? null }, quiet);
    expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
  });

  test('a batch that is listed twice is one batch', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    const { providerJobId } = await client.submit(submission, ports);
    fault('list', {
      kind: 'rewrite',
      rewrite: (body) => body.replace(/"data":\[(.*)\]/s, (_, entries) => `"data":[${entries},${entries}]`),
    });
    const found = await client.find(submission, quiet);
    expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
  });

  test('a list that takes no notice of where it is to go on fails the search: a batch may stand behind it', async () => {
    await begin();
    const { submission } = job(['a']);
    const page = (id: string) =>
      JSON.stringify({
        object: 'list',
        data: [{ id, status: 'completed', created_at: start.getTime() / 1000 }],
        has_more: true,
      });
    fault('list', { kind: 'answer', status: 200, body: page('batch_of_others') }, Number.POSITIVE_INFINITY);
    expect(await failureOf(client.find(submission, quiet))).toMatchObject({
      kind: 'malformed',
      code: 'unfinished_list',
    });
    expect(operations()).toEqual(['list', 'list']);
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
    ['newest-first', 2],
    ['oldest-first', 3],
  ] as const) {
    test(`a batch is found among many others, where the list comes ${listOrder}`, async () => {
      await begin({ switches: { listOrder } });
      const { submission, providerJobId } = await crowd(210, 60);
      const found = await client.find(submission, quiet);
      expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
      expect(operations().filter((operation) => operation === 'list')).toHaveLength(pages);
    });
  }

  test('a second try reuses the file that the first has saved', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    fault('create', { kind: 'answer', status: 429, body: '{}' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'throttled' });
    await client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports);
    expect(operations()).toEqual(['list_files', 'upload', 'create', 'create']);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('a file that arrived before anything could be saved is found by its name and reused', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    fault('upload', { kind: 'accept-and-drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
    expect(saved).toEqual([]);
    await client.submit(submission, ports);
    expect(operations()).toEqual(['list_files', 'upload', 'list_files', 'create']);
  });

  test('a service that lists no files, or not so that it can be read, gets the file all the same', async () => {
    await begin();
    for (const answer of [
      { status: 404, body: '{"error":{"message":"Invalid URL (GET /v1/files)"}}' },
      { status: 405, body: 'Method Not Allowed' },
      { status: 200, body: '{"files":[]}' },
    ]) {
      const { submission, ports } = job(['a']);
      fault('list_files', { kind: 'answer', ...answer });
      await client.submit(submission, ports);
    }
    expect(await emulator.batches()).toHaveLength(3);
  });

  test('a list of files that cannot be had for now is waited for', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    fault('list_files', { kind: 'answer', status: 503, body: 'busy' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
    expect(operations()).toEqual(['list_files']);
  });

  test('a file of our name that is not as long as the job is not reused', async () => {
    await begin();
    const short = job(['a']);
    fault('create', { kind: 'drop' });
    await failureOf(client.submit(short.submission, short.ports));
    const long = job(['a', 'b']);
    await client.submit(long.submission, long.ports);
    expect((await emulator.batches()).map(({ requestCount }) => requestCount)).toEqual([2]);
    expect(operations().filter((operation) => operation === 'upload')).toHaveLength(2);
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
    fault('upload', { kind: 'answer', status: 413, body: '{"error":{"message":"big","code":"too_big"}}' });
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
    expect(operations()).toEqual(['list_files', 'upload']);
  });

  test('a creation that is redirected is not made again somewhere else', async () => {
    await begin();
    let redirected = 0;
    const elsewhere = createServer((_request, response) => {
      redirected += 1;
      response.end('{}');
    });
    await once(elsewhere.listen(0), 'listening');
    const { port } = elsewhere.address() as AddressInfo;
    for (const status of [301, 303, 307, 308]) {
      const { submission, ports } = job(['a']);
      const headers = { location: `http://localhost:${port}/v1/batches` };
      fault('create', { kind: 'answer', status, headers, body: '' });
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    }
    // Where nobody is at home there: what was told to go on had arrived.
    elsewhere.close();
    const { submission, ports } = job(['a']);
    const headers = { location: `http://localhost:${port}/v1/batches` };
    fault('create', { kind: 'answer', status: 307, headers, body: '' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    expect(redirected).toBe(0);
  });

  test('a creation that is throttled says when to try again, in each way of saying it', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    const retryAt = async (headers: Record<string, string>) => {
      const body = '{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}';
      fault('create', { kind: 'answer', status: 429, headers, body });
      const failure = await failureOf(client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports));
      expect(failure).toMatchObject({ kind: 'throttled', code: 'rate_limit_exceeded', status: 429 });
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
    const apiKey = 'sk-proj-very-secret-abcdefghijklmnop';
    client = openai.connect({ baseUrl: emulator.baseUrl, apiKey }, { clock });
    const { submission, ports } = job(['a']);
    const of = { providerJobId: 'batch_1', requestCount: 1, checkpoint: null, cancelRequestedAt: null };
    const report = toReport(
      readBatch('{"id":"b","status":"completed","output_file_id":"f"}') ?? expect.fail(),
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
      expect(refused).toMatchObject({ kind: 'rejected', status: 401, code: 'invalid_api_key' });
      expect(refused.message).toContain('[redacted]');
      expect(refused.message).not.toMatch(/sk-|very|secret|mnop/);
      fault(
        '*',
        {
          kind: 'answer',
          status: 400,
          body: JSON.stringify({ error: { message: `You sent ${apiKey}.`, code: `bad ${apiKey}` } }),
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
    await fetch(`${emulator.baseUrl}/files/${report.outputFileId}`, {
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
      const decoded = openai.decoding.decode(line);
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
      error: { code: 'invalid_request' },
      resultsReady: false,
    });
    expect(await at('job-expired', 60)).toMatchObject({
      status: 'EXPIRED',
      counts: { total: 4, succeeded: 2, errored: 0, expired: 2 },
      resultsReady: true,
    });
    expect(await at('unknown-status', 10)).toMatchObject({ status: null, providerStatus: 'reticulating' });
    expect(await at('stuck', 1e6)).toMatchObject({ status: 'RUNNING' });
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
    const { before, after } = openai.encoding.envelope(item);
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
    const text = openai.decoding.readText(lines[0] ?? '');
    expect(JSON.parse(text ?? '')).toEqual({ label: expect.stringMatching(/^[ab]$/) });
  });

  for (const countsInValidating of ['zero', 'total'] as const) {
    test(`counts in validating are told or unknown, never zero, where the vendor says ${countsInValidating}`, async () => {
      await begin({ switches: { countsInValidating } });
      const of = await submitted(['a', 'b']);
      const told = countsInValidating === 'total';
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

  test('a switch that does not exist, or stands where it cannot, stops the emulator from starting', async () => {
    await begin();
    for (const switches of [{ nonsense: true }, { listOrder: 'random' }]) {
      await expect(openai.emulate({ clock, switches })).rejects.toThrow();
    }
  });

  test('batches in a directory outlive the emulator, and a second process sees and cancels the same', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-openai-'));
    others.push(() => rm(directory, { recursive: true }));
    await begin({ directory });
    const of = await submitted(['a', 'b', 'c', 'd', 'emulate:errored', 'f']);
    clock.advance({ seconds: 11 });
    const second = await openai.emulate({ clock, directory, pace: { runningSeconds: 1e6 } });
    others.push(() => second.close());
    await openai.connect(second, { clock }).cancel(of, quiet);
    clock.advance({ seconds: 5 });
    const report = await client.retrieve(of, quiet);
    expect(report.status).toBe('CANCELLED');
    const { lines } = await collect(of);

    await emulator.close();
    emulator = await openai.emulate({ clock, directory });
    client = openai.connect(emulator, { clock });
    expect(await client.retrieve(of, quiet)).toEqual(report);
    clock.advance({ hours: 1 });
    expect((await collect(of)).lines).toEqual(lines);
  });
});
