/** The Anthropic adapter: pure parts over the vendor's own lines, and the client over real sockets. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { toReport } from '../../src/providers/anthropic/report.ts';
import { readErrorAnswer, readMessageBatch } from '../../src/providers/anthropic/wire.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import type {
  JobReport,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { failureOf } from '../support/provider-client.ts';

const fixture = (name: string): string[] =>
  readFileSync(new URL(`../../src/providers/anthropic/fixtures/${name}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');

const { decode, readText } = anthropic.decoding;
const decodeMessage = (message: object) =>
  decode(JSON.stringify({ custom_id: 'a', result: { type: 'succeeded', message } }));

describe('a result line', () => {
  const [succeeded, errored, expired, canceled] = fixture('result-lines.jsonl') as [
    string,
    string,
    string,
    string,
  ];

  test('that succeeded tells its stop reason and its tokens', () => {
    expect(decode(succeeded)).toEqual({
      kind: 'result',
      key: 'a',
      outcome: {
        status: 'SUCCEEDED',
        errorCode: null,
        errorMessage: null,
        retryable: null,
        stopReason: 'end_turn',
        usage: {
          inputTokens: 9,
          outputTokens: 3,
          cachedInputTokens: 0,
          cacheWriteInputTokens: 0,
          reasoningTokens: null,
        },
      },
    });
    expect(readText(succeeded)).toBe('hi');
  });

  test('that was refused tells the inner of its two errors, and is not worth another try', () => {
    expect(decode(errored)).toEqual({
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
    });
    expect(readText(errored)).toBeNull();
  });

  test.each([
    [expired, 'EXPIRED', 'expired'],
    [canceled, 'CANCELLED', 'canceled'],
  ])('that never had its turn is worth another try: %s', (line, status, errorCode) => {
    expect(decode(line)).toMatchObject({ kind: 'result', outcome: { status, errorCode, retryable: true } });
    expect(readText(line)).toBeNull();
  });

  test.each([
    ['api_error', true],
    ['overloaded_error', true],
    ['rate_limit_error', true],
    ['timeout_error', true],
    ['invalid_request_error', false],
    ['authentication_error', false],
    ['billing_error', false],
    ['permission_error', false],
    ['not_found_error', false],
    ['an_error_to_come', false],
  ])('with a %s is worth another try: %s', (type, retryable) => {
    const line = errored.replace('invalid_request_error', type);
    expect(decode(line)).toMatchObject({ outcome: { status: 'ERRORED', errorCode: type, retryable } });
  });

  test('counts cached tokens, read and written, as input', () => {
    const usage = {
      input_tokens: 9,
      output_tokens: 30,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 1_000,
      output_tokens_details: { thinking_tokens: 20 },
    };
    expect(decodeMessage({ usage })).toMatchObject({
      outcome: {
        usage: {
          inputTokens: 1_109,
          outputTokens: 30,
          cachedInputTokens: 1_000,
          cacheWriteInputTokens: 100,
          reasoningTokens: 20,
        },
      },
    });
  });

  test('leaves null what was not told, and sums what was', () => {
    const nulls = {
      cache_creation_input_tokens: null,
      cache_read_input_tokens: null,
      output_tokens_details: null,
    };
    expect(decodeMessage({ usage: { input_tokens: 9, output_tokens: 3, ...nulls } })).toMatchObject({
      outcome: { usage: { ...unknownUsage, inputTokens: 9, outputTokens: 3 } },
    });
    expect(decodeMessage({ usage: { cache_read_input_tokens: 5 } })).toMatchObject({
      outcome: { usage: { ...unknownUsage, cachedInputTokens: 5 } },
    });
    expect(decodeMessage({ usage: { input_tokens: 1.5, output_tokens: -1 } })).toMatchObject({
      outcome: { usage: unknownUsage },
    });
    expect(decodeMessage({})).toMatchObject({ outcome: { status: 'SUCCEEDED', usage: unknownUsage } });
  });

  test('joins the blocks of text and leaves out the others', () => {
    const content = [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'one ' },
      { type: 'tool_use', id: 't', name: 'n', input: { text: 'no' } },
      { type: 'text', text: 'two' },
    ];
    const line = (blocks: unknown) =>
      JSON.stringify({ custom_id: 'a', result: { type: 'succeeded', message: { content: blocks } } });
    expect(readText(line(content))).toBe('one two');
    expect(readText(line(content.filter(({ type }) => type !== 'text')))).toBeNull();
    expect(readText(line('text'))).toBeNull();
  });

  test.each([
    ['', 'the line is not a JSON object'],
    ['[]', 'the line is not a JSON object'],
    [succeeded.slice(0, -1), 'the line is not a JSON object'],
    ['{"result":{"type":"expired"}}', 'custom_id is not a string'],
  ])('that names no item is malformed: %s', (line, reason) => {
    expect(decode(line)).toEqual({ kind: 'malformed', reason });
  });

  test.each([
    '{"custom_id":"a"}',
    '{"custom_id":"a","result":{"type":"postponed"}}',
    '{"custom_id":"a","result":{"type":"succeeded"}}',
    '{"custom_id":"a","result":{"type":"errored","error":{"type":"error"}}}',
    '{"custom_id":"a","result":{"type":"errored","error":{"error":{"message":"m"}}}}',
    '{"custom_id":"a","result":{"type":["expired"]}}',
    '{"custom_id":"a","result":{"type":"toString"}}',
  ])('that says nothing we know makes its item errored: %s', (line) => {
    expect(decode(line)).toMatchObject({
      kind: 'result',
      key: 'a',
      outcome: { status: 'ERRORED', errorCode: 'unreadable_result', retryable: false },
    });
  });
});

describe('a batch object', () => {
  const [raw] = fixture('batch.jsonl') as [string];
  const reportOf = (changes: object): JobReport => {
    const changed = JSON.stringify({ ...JSON.parse(raw), ...changes });
    return toReport(readMessageBatch(changed)!, changed);
  };
  const counts = { processing: 0, succeeded: 2, errored: 0, canceled: 0, expired: 0 };
  const ended = { processing_status: 'ended', ended_at: '2026-11-22T11:00:00Z', request_counts: counts };

  test('that is in progress tells its total and its times, and no other count', () => {
    expect(toReport(readMessageBatch(raw)!, raw)).toEqual({
      status: 'RUNNING',
      finalizing: false,
      providerStatus: 'in_progress',
      raw,
      counts: { total: 2, succeeded: null, errored: null, expired: null, cancelled: null },
      inProgressAt: new Date('2026-11-22T10:00:00Z'),
      finalizingAt: null,
      endedAt: null,
      expiresAt: new Date('2026-11-23T10:00:00Z'),
      resultsExpireAt: new Date('2026-12-21T10:00:00Z'),
      resultsReady: false,
      inputFileId: null,
      outputFileId: null,
      errorFileId: null,
      error: null,
    });
  });

  test.each([
    ['COMPLETED', {}, null],
    ['COMPLETED', { errored: 2, succeeded: 0 }, null],
    ['COMPLETED', {}, '2026-11-22T10:30:00Z'],
    ['CANCELLED', { canceled: 1, succeeded: 1 }, '2026-11-22T10:30:00Z'],
    ['COMPLETED', { canceled: 1, succeeded: 1 }, null],
    ['EXPIRED', { expired: 1, succeeded: 1 }, null],
    ['EXPIRED', { expired: 1, canceled: 1, succeeded: 0 }, '2026-11-22T10:30:00Z'],
  ])('that has ended is %s with %j, cancelled at %s', (status, changes, cancel_initiated_at) => {
    const request_counts = { ...counts, ...changes };
    expect(reportOf({ ...ended, request_counts, cancel_initiated_at })).toMatchObject({ status });
  });

  test('that has ended tells all counts', () => {
    const request_counts = { processing: 0, succeeded: 1, errored: 2, canceled: 3, expired: 4 };
    expect(reportOf({ ...ended, request_counts }).counts).toEqual({
      total: 10,
      succeeded: 1,
      errored: 2,
      cancelled: 3,
      expired: 4,
    });
  });

  test('has results to be asked for from when it names their URL, archived ones too', () => {
    const results_url = 'https://api.anthropic.com/v1/messages/batches/msgbatch_01ABC/results';
    expect(reportOf(ended).resultsReady).toBe(false);
    expect(reportOf({ ...ended, results_url }).resultsReady).toBe(true);
    const archived_at = '2026-12-21T10:00:00Z';
    expect(reportOf({ ...ended, results_url, archived_at }).resultsReady).toBe(true);
    expect(reportOf({ ...ended, archived_at }).resultsReady).toBe(true);
  });

  test('with a word that is new leaves the status open', () => {
    expect(reportOf({ processing_status: 'paused' })).toMatchObject({
      status: null,
      providerStatus: 'paused',
    });
    expect(reportOf({ processing_status: 'constructor' }).status).toBeNull();
  });

  test('whose counts cannot be read has none', () => {
    expect(reportOf({ ...ended, request_counts: { succeeded: 1 } })).toMatchObject({
      status: 'COMPLETED',
      counts: { total: null, succeeded: null },
    });
  });

  test.each(['', 'null', '[]', '{}', '{"id":"a"}', '{"id":"","processing_status":"ended"}'])(
    'is not read from %j',
    (text) => {
      expect(readMessageBatch(text)).toBeNull();
    },
  );
});

test('An error answer gives its inner type and message', () => {
  const [error] = fixture('error.jsonl') as [string];
  expect(readErrorAnswer(error)).toEqual({ code: 'rate_limit_error', message: '...' });
  expect(readErrorAnswer('<html>')).toEqual({ code: null, message: null });
});

describe('a request line', () => {
  const read = (text: string) => {
    const line = readJsonLine(text);
    return 'value' in line ? anthropic.dialect.read(line) : null;
  };

  test('is recognised by custom_id and params, and its body stays verbatim', () => {
    const body = '{ "max_tokens":1, "seed":12345678901234567890 }';
    expect(read(`{"custom_id":"a","params":${body}}`)).toEqual({
      customId: 'a',
      endpoint: null,
      body,
      problems: [],
    });
    expect(read(`{"params":${body}}`)).toMatchObject({ customId: null, body, problems: [] });
  });

  test('with a custom_id that is no text has a problem', () => {
    expect(read('{"custom_id":7,"params":{}}')?.problems).toEqual(['custom_id must be a string']);
    expect(read('{"custom_id":null,"params":{}}')?.problems).toEqual(['custom_id must be a string']);
  });

  test.each([
    '{"custom_id":"a","body":{}}',
    '{"custom_id":"a","params":"x"}',
    '{"custom_id":"a","params":{},"method":"POST"}',
  ])('of another form is not recognised: %s', (text) => {
    expect(read(text)).toBeNull();
  });

  const good = { model: 'claude-x', max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] };
  const inspect = (body: object) =>
    anthropic.dialect.inspect({
      endpoint: '/v1/messages',
      body: body as typeof good & Record<string, never>,
    });

  test('that is right has no problems and tells its model', () => {
    expect(inspect(good)).toEqual({ model: 'claude-x', agentId: null, problems: [] });
    expect(inspect({ ...good, stream: false }).problems).toEqual([]);
  });

  test.each([
    [{ ...good, model: '' }, 'body.model must be a non-empty string'],
    [{ ...good, max_tokens: 0 }, 'body.max_tokens must be an integer of at least 1'],
    [{ ...good, max_tokens: 1.5 }, 'body.max_tokens must be an integer of at least 1'],
    [{ ...good, messages: [] }, 'body.messages must be an array that is not empty'],
    [{ ...good, stream: true }, 'body.stream must not be true'],
  ])('that is sure to fail has a problem: %j', (body, problem) => {
    expect(inspect(body).problems).toEqual([problem]);
  });
});

describe('the client', () => {
  let clock: HandClock;
  let emulator: Emulator;
  let client: ProviderClient;
  beforeEach(async () => {
    clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
    await start({});
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await emulator.close();
  });

  /** Starts the emulator, once more where it runs. */
  const start = async (options: Partial<EmulatorOptions>): Promise<void> => {
    await emulator?.close();
    emulator = await anthropic.emulate({ clock, ...options });
    client = anthropic.connect(emulator, { clock });
  };

  const never = new AbortController().signal;
  const bodyOf = (content: string) =>
    JSON.stringify({ model: 'claude-x', max_tokens: 64, messages: [{ role: 'user', content }] });
  const itemsOf = (count: number): SubmissionItem[] =>
    Array.from({ length: count }, (_, position) => ({
      key: `n0nce-${position}`,
      endpoint: '/v1/messages',
      body: bodyOf(`Item ${position} é`),
    }));
  const submissionOf = (items: readonly SubmissionItem[]): Submission => {
    const requests = items.map(({ key, body }) => `{"custom_id":"${key}","params":${body}}`);
    return {
      jobId: 'job',
      nonce: 'n0nce',
      endpoint: '/v1/messages',
      model: 'claude-x',
      completionWindow: '24h',
      requestCount: items.length,
      encodedBytes: Buffer.byteLength(`{"requests":[${requests.join()}]}`),
      checkpoint: null,
      intentAt: clock.now(),
    };
  };
  const submit = async (items: readonly SubmissionItem[], signal = never): Promise<ProviderJob> => {
    const { providerJobId } = await client.submit(submissionOf(items), {
      async *items() {
        yield* items;
      },
      saveCheckpoint: async () => {},
      signal,
      guard: () => {},
    });
    return { providerJobId, requestCount: items.length, checkpoint: null, cancelRequestedAt: null };
  };
  const collect = async (job: ProviderJob, report: JobReport, cursor: string | null = null) => {
    const chunks = [];
    for await (const chunk of client.results({ ...job, report }, cursor, never)) chunks.push(chunk);
    return chunks;
  };
  test('submits a job, follows it to its end, and collects every item once', async () => {
    const items = itemsOf(25);
    const job = await submit(items);
    expect(await client.retrieve(job, never)).toMatchObject({ status: 'RUNNING', resultsReady: false });
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    expect(report).toMatchObject({ status: 'COMPLETED', counts: { total: 25, succeeded: 25 } });
    const lines = (await collect(job, report)).flatMap((chunk) => chunk.lines);
    const keys = lines.map((line) => JSON.parse(line).custom_id);
    expect(keys.toSorted()).toEqual(items.map(({ key }) => key).toSorted());
    expect(keys).not.toEqual(items.map(({ key }) => key));
  });

  test('goes on after any cursor, which counts bytes', async () => {
    const job = await submit(itemsOf(2_050));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    const chunks = await collect(job, report);
    expect(chunks.map(({ lines }) => lines.length)).toEqual([10, 40, 160, 640, 1200]);
    for (const [index, { cursor }] of chunks.entries()) {
      const read = chunks.slice(0, index + 1).flatMap(({ lines }) => lines);
      expect(cursor).toBe(String(Buffer.byteLength(read.map((line) => `${line}\n`).join(''))));
      const rest = (await collect(job, report, cursor)).flatMap(({ lines }) => lines);
      expect(rest).toEqual(chunks.slice(index + 1).flatMap(({ lines }) => lines));
    }
  });

  test('sends one request with the headers of SDK 1.x and an exact length, whatever the environment says', async () => {
    vi.stubEnv(
      'ANTHROPIC_CUSTOM_HEADERS',
      'Authorization: Bearer stolen\nx-ambient: yes\nanthropic-version: 1',
    );
    vi.stubEnv('ANTHROPIC_API_KEY', 'sk-ant-ambient');
    vi.stubEnv('ANTHROPIC_AUTH_TOKEN', 'ambient');
    vi.stubEnv('ANTHROPIC_BASE_URL', 'http://127.0.0.1:1');
    vi.stubEnv('ANTHROPIC_PROFILE', 'nobody');
    vi.stubEnv('ANTHROPIC_LOG', 'debug');
    const log = vi.spyOn(console, 'debug');
    const seen: Array<{ method: string | undefined; url: string | undefined; headers: IncomingHttpHeaders }> =
      [];
    const server = createServer((call, answer) => {
      seen.push({ method: call.method, url: call.url, headers: call.headers });
      call.resume().on('end', () => answer.end(fixture('batch.jsonl')[0]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    client = anthropic.connect({ baseUrl, apiKey: 'sk-ant-own' }, { clock });
    const items = itemsOf(3);
    const job = await submit(items);
    await client.retrieve(job, never);
    await client.cancel(job, never);
    server.closeAllConnections();
    server.close();
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/messages/batches',
      'GET /v1/messages/batches/msgbatch_01ABC',
      'POST /v1/messages/batches/msgbatch_01ABC/cancel',
    ]);
    for (const { headers } of seen) {
      expect(headers).toMatchObject({
        authorization: 'Bearer sk-ant-own',
        'anthropic-version': '2026-10-21',
      });
      expect(headers).not.toHaveProperty('x-ambient');
      expect(headers).not.toHaveProperty('x-api-key');
    }
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(submissionOf(items).encodedBytes),
    });
    expect(seen[0]?.headers).not.toHaveProperty('transfer-encoding');
    expect(log).not.toHaveBeenCalled();
  });

  test('cancels a job and keeps what had finished', async () => {
    const job = await submit(itemsOf(10));
    clock.advance({ seconds: 11 });
    expect(await client.cancel(job, never)).toMatchObject({
      status: 'CANCELLING',
      providerStatus: 'canceling',
    });
    clock.advance({ seconds: 5 });
    const report = await client.retrieve(job, never);
    expect(report).toMatchObject({ status: 'CANCELLED', counts: { total: 10, succeeded: 5, cancelled: 5 } });
    const lines = (await collect(job, report)).flatMap((chunk) => chunk.lines);
    const statuses = lines
      .map((line) => decode(line))
      .map((read) => read.kind === 'result' && read.outcome.status);
    expect(statuses.toSorted()).toEqual([...Array(5).fill('CANCELLED'), ...Array(5).fill('SUCCEEDED')]);
  });

  test.each(['refused', 'answered'])(
    'answers the report of a job that is over when cancelling it is %s',
    async (position) => {
      await start({ switches: { cancelWhenOver: position } });
      const job = await submit(itemsOf(2));
      clock.advance({ minutes: 1 });
      expect(await client.cancel(job, never)).toMatchObject({ status: 'COMPLETED' });
    },
  );

  test('answers the report of a job that is being cancelled when cancelling it again is refused', async () => {
    const job = await submit(itemsOf(2));
    await client.cancel(job, never);
    emulator.faults.add({ operation: 'cancel', effect: { kind: 'answer', status: 409 } });
    expect(await client.cancel(job, never)).toMatchObject({ status: 'CANCELLING' });
  });

  test('says that cancelling was refused where the job goes on', async () => {
    const job = await submit(itemsOf(2));
    emulator.faults.add({ operation: 'cancel', effect: { kind: 'answer', status: 403 } });
    expect(await failureOf(client.cancel(job, never))).toMatchObject({ kind: 'rejected', status: 403 });
  });

  describe('looks for a lost submission', () => {
    const lose = async (items: readonly SubmissionItem[]): Promise<string> => {
      emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
      expect((await failureOf(submit(items))).kind).toBe('uncertain');
      return (await emulator.batches()).at(-1)!.id;
    };

    test('and sees what fits by time and count, provisionally, with its evidence', async () => {
      const items = itemsOf(7);
      const submission = submissionOf(items);
      const id = await lose(items);
      expect(await client.find(submission, never)).toEqual([
        {
          providerJobId: id,
          proof: 'PROVISIONAL',
          evidence: {
            id,
            created_at: '2026-11-22T10:00:00.000Z',
            request_counts: { processing: 7, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
          },
        },
      ]);
    });

    test('and sees every batch that fits, ended ones too', async () => {
      const items = itemsOf(7);
      const submission = submissionOf(items);
      const ids = [await lose(items), await lose(items)];
      clock.advance({ hours: 1 });
      const sightings = await client.find(submission, never);
      expect(sightings.map(({ providerJobId }) => providerJobId)).toEqual(ids.toReversed());
    });

    test('and forgives the vendor a clock that is five minutes slow, and no more', async () => {
      const items = itemsOf(7);
      await lose(items);
      const sent = submissionOf(items);
      const at = (minutes: number) => ({
        ...sent,
        intentAt: new Date(sent.intentAt.getTime() + minutes * 60_000),
      });
      expect(await client.find(at(5), never)).toHaveLength(1);
      expect(await client.find(at(5.001), never)).toHaveLength(0);
    });

    test('and reads no page further than it has to', async () => {
      for (let older = 0; older < 101; older += 1) await submit(itemsOf(1));
      clock.advance({ hours: 1 });
      const submission = submissionOf(itemsOf(7));
      await submit(itemsOf(1));
      expect(await client.find(submission, never)).toEqual([]);
      expect(emulator.calls.filter(({ operation }) => operation === 'list')).toHaveLength(1);
      expect(await client.find({ ...submission, intentAt: new Date('2026-11-22T10:00:00Z') }, never)).toEqual(
        [],
      );
      expect(emulator.calls.filter(({ operation }) => operation === 'list')).toHaveLength(3);
    });

    const listed = (change: (page: { data: object[] }) => object) => {
      const rewrite = (body: string) => JSON.stringify(change(JSON.parse(body)));
      emulator.faults.add({ operation: 'list', effect: { kind: 'rewrite', rewrite } });
    };

    test.each(['request_counts', 'created_at'])(
      'and rather fails than overlook a batch without its %s',
      async (member) => {
        await submit(itemsOf(1));
        listed(({ data, ...page }) => ({
          ...page,
          data: data.map((batch) => ({ ...batch, [member]: null })),
        }));
        expect((await failureOf(client.find(submissionOf(itemsOf(7)), never))).kind).toBe('malformed');
      },
    );

    test.each([
      ['to nowhere', null],
      ['back to itself', 'msgbatch_1'],
    ])('and rather fails than follow a page that leads %s', async (_name, last_id) => {
      await submit(itemsOf(1));
      listed((page) => ({ ...page, has_more: true, last_id: 'msgbatch_1' }));
      emulator.faults.add({
        operation: 'list',
        effect: { kind: 'answer', status: 200, body: JSON.stringify({ data: [], has_more: true, last_id }) },
      });
      expect((await failureOf(client.find(submissionOf(itemsOf(7)), never))).kind).toBe('malformed');
    });
  });

  describe('meets trouble', () => {
    const trouble = (status: number, type: string, headers = {}) => {
      const body = JSON.stringify({
        type: 'error',
        error: { type, message: 'Not now.' },
        request_id: 'req_1',
      });
      emulator.faults.add({ operation: '*', effect: { kind: 'answer', status, headers, body } });
    };
    const created = () => emulator.calls.filter(({ operation }) => operation === 'create').length;

    test.each([
      [400, 'invalid_request_error', 'rejected'],
      [401, 'authentication_error', 'rejected'],
      [402, 'billing_error', 'rejected'],
      [403, 'permission_error', 'rejected'],
      [413, 'request_too_large', 'rejected'],
      [429, 'rate_limit_error', 'throttled'],
      [500, 'api_error', 'uncertain'],
      [504, 'timeout_error', 'uncertain'],
      [529, 'overloaded_error', 'uncertain'],
    ])('when creating: %i %s is %s, and is not tried again', async (status, code, kind) => {
      trouble(status, code);
      expect(await failureOf(submit(itemsOf(3)))).toMatchObject({ kind, code, status, message: 'Not now.' });
      expect(created()).toBe(1);
    });

    test.each([
      [404, 'not_found_error', 'rejected'],
      [429, 'rate_limit_error', 'throttled'],
      [500, 'api_error', 'unavailable'],
      [529, 'overloaded_error', 'unavailable'],
    ])('when asking: %i %s is %s', async (status, code, kind) => {
      const job = await submit(itemsOf(3));
      trouble(status, code);
      expect(await failureOf(client.retrieve(job, never))).toMatchObject({ kind, code, status });
    });

    test('and waits as long as it is told', async () => {
      const job = await submit(itemsOf(3));
      trouble(429, 'rate_limit_error', { 'retry-after': '30' });
      const { retryAt } = await failureOf(client.retrieve(job, never));
      expect(retryAt).toEqual(new Date('2026-11-22T10:00:30Z'));
    });

    test('and no results yet are unavailable, and archived ones expired', async () => {
      const job = await submit(itemsOf(3));
      const early = await client.retrieve(job, never);
      expect(await failureOf(collect(job, early))).toMatchObject({
        kind: 'unavailable',
        code: 'results_not_ready',
      });
      clock.advance({ minutes: 1 });
      const ready = await client.retrieve(job, never);
      clock.advance({ hours: 29 * 24 });
      const late = await client.retrieve(job, never);
      expect(await failureOf(collect(job, late))).toMatchObject({
        kind: 'expired',
        code: 'results_archived',
      });
      expect(await failureOf(collect(job, ready))).toMatchObject({ kind: 'rejected', status: 404 });
    });
  });

  test('sends neither the key nor anything else to a results URL on another host', async () => {
    const heard: string[] = [];
    const foreign = createServer((call, answer) => {
      heard.push(String(call.url));
      answer.end();
    });
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    const foreignOrigin = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}`;
    const job = await submit(itemsOf(3));
    clock.advance({ minutes: 1 });
    for (const origin of [foreignOrigin, emulator.baseUrl.replace('http:', 'https:'), 'file://']) {
      const rewrite = (body: string) => body.replace(emulator.baseUrl, origin);
      emulator.faults.add({ operation: 'retrieve', effect: { kind: 'rewrite', rewrite } });
      const report = await client.retrieve(job, never);
      const failure = await failureOf(collect(job, report));
      expect(failure).toMatchObject({ kind: 'malformed', code: 'foreign_results_url' });
    }
    foreign.close();
    expect(heard).toEqual([]);
    expect(emulator.calls.map(({ operation }) => operation)).not.toContain('results');
  });

  test('follows a redirect to another host without the key', async () => {
    const heard: IncomingHttpHeaders[] = [];
    const storage = createServer((call, answer) => {
      heard.push(call.headers);
      answer.end(`${fixture('result-lines.jsonl')[0]}\n`);
    });
    await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(storage.address() as AddressInfo).port}/file`;
    const job = await submit(itemsOf(1));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    emulator.faults.add({
      operation: 'results',
      effect: { kind: 'answer', status: 302, headers: { location } },
    });
    const chunks = await collect(job, report);
    storage.closeAllConnections();
    storage.close();
    expect(chunks.flatMap(({ lines }) => lines)).toEqual([fixture('result-lines.jsonl')[0]]);
    expect(heard).toHaveLength(1);
    expect(JSON.stringify(heard)).not.toContain(emulator.apiKey);
  });

  describe('keeps to what is certain', () => {
    test.each([
      ['customIdCharset', 'any'],
      ['customIdCharset', 'narrow'],
      ['apiKeyHeader', 'accepted'],
      ['apiKeyHeader', 'refused'],
      ['listLimitMax', '1000'],
      ['listLimitMax', '100'],
      ['paramsChecked', 'later'],
      ['paramsChecked', 'at-creation'],
      ['requestsMax', '100000'],
      ['requestsMax', '10000'],
    ])('so that a job goes through with %s at %s', async (name, position) => {
      await start({ switches: { [name]: position } });
      const items = itemsOf(3);
      const submission = submissionOf(items);
      const job = await submit(items);
      expect(await client.find(submission, never)).toHaveLength(1);
      clock.advance({ minutes: 1 });
      expect(await client.retrieve(job, never)).toMatchObject({ status: 'COMPLETED' });
    });

    test('and is told where the vendor allows fewer requests than we believe', async () => {
      await start({ switches: { requestsMax: '10000' } });
      const failure = await failureOf(submit(itemsOf(10_001)));
      expect(failure).toMatchObject({ kind: 'rejected', code: 'request_too_large' });
    });

    test('and is told where the vendor looks at params at once', async () => {
      await start({ switches: { paramsChecked: 'at-creation' } });
      const [item] = itemsOf(1);
      const failure = await failureOf(submit([{ ...item!, body: '{"model":"m"}' }]));
      expect(failure).toMatchObject({
        kind: 'rejected',
        code: 'invalid_request_error',
        message: /max_tokens/,
      });
    });
  });

  test('finds its job again after the emulator was started anew on the same directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'anthropic-'));
    await start({ directory });
    const job = await submit(itemsOf(3));
    await start({ directory });
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    expect((await collect(job, report)).flatMap(({ lines }) => lines)).toHaveLength(3);
    await rm(directory, { recursive: true });
  });
});
