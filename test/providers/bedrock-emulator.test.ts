/** The emulator of Bedrock seen through the adapter: its fates, its switches in every position, where it can stand. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import { bedrock } from '../../src/providers/bedrock/index.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';
import { ProviderFailure } from '../../src/providers/failure.ts';
import type { JobReport, ProviderClient, ProviderJob, Submission } from '../../src/providers/provider.ts';

const start = new Date('2026-11-22T10:00:00.000Z');
const quiet = new AbortController().signal;

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
  emulator = await bedrock.emulate({ clock, ...options });
  client = bedrock.connect(emulator, { clock });
};

const claude = (content: string): JsonObject => ({
  anthropic_version: 'bedrock-2023-05-31',
  max_tokens: 64,
  messages: [{ role: 'user', content }],
});

let sent = 0;

/** Sends a job of these bodies, under a nonce of its own. */
const submitted = async (
  bodies: readonly JsonObject[],
  changes: Partial<Submission> = {},
): Promise<ProviderJob> => {
  sent += 1;
  const nonce = `n${String(sent).padStart(19, '0')}`;
  const items = bodies.map((body, position) => ({
    key: `${nonce}-${position}`,
    endpoint: 'InvokeModel',
    body: JSON.stringify(body),
  }));
  const bytes = items.map((item) => {
    const { before, after } = bedrock.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const submission: Submission = {
    jobId: `job-${sent}`,
    nonce,
    endpoint: 'InvokeModel',
    model: 'anthropic.claude-3-haiku-20240307-v1:0',
    completionWindow: '24h',
    requestCount: items.length,
    encodedBytes: bytes.reduce((sum, length) => sum + length, bedrock.encoding.frameBytes(items.length)),
    checkpoint: null,
    intentAt: clock.now(),
    ...changes,
  };
  const ports = {
    async *items() {
      yield* items;
    },
    saveCheckpoint: async () => {},
    signal: quiet,
    guard: () => {},
  };
  const { providerJobId } = await client.submit(submission, ports);
  return { providerJobId, requestCount: items.length, checkpoint: null, cancelRequestedAt: null };
};

/** A hundred prompts, of which the first are these. */
const hundred = (...prompts: string[]): JsonObject[] =>
  Array.from({ length: 100 }, (_, n) => claude(prompts[n] ?? `Say ${n}.`));

const retrieve = (of: ProviderJob) => client.retrieve(of, quiet);

const linesOf = async (of: ProviderJob, report?: JobReport): Promise<string[]> => {
  const lines: string[] = [];
  const job = { ...of, report: report ?? (await retrieve(of)) };
  for await (const chunk of client.results(job, null, quiet)) lines.push(...chunk.lines);
  return lines;
};

const outcomes = (lines: readonly string[]) =>
  lines.map((line) => {
    const decoded = bedrock.decoding.decode(line);
    if (decoded.kind === 'malformed') return 'malformed';
    return [Number(decoded.key.split('-')[1]), decoded.outcome.status, decoded.outcome.retryable];
  });

const tallied = (values: readonly unknown[]) => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[String(value)] = (counts[String(value)] ?? 0) + 1;
  return counts;
};

describe('a directive', () => {
  test('in a request is seen in its line and in the counts, as far as lines can tell', async () => {
    await begin();
    const of = await submitted(
      hundred(
        'plain',
        'emulate:errored',
        'emulate:overloaded',
        'emulate:missing',
        'emulate:doubled',
        'emulate:malformed',
        'emulate:foreign',
      ),
    );
    clock.advance({ minutes: 1 });
    const report = await retrieve(of);
    expect(report).toMatchObject({ status: 'COMPLETED', counts: { total: 100, succeeded: 98, errored: 2 } });
    const lines = await linesOf(of);
    const seen = outcomes(lines);
    const own = (n: number) => seen.filter((outcome) => outcome[0] === n);
    expect([0, 1, 2, 3, 4, 5, 6].map(own)).toEqual([
      [[0, 'SUCCEEDED', null]],
      [[1, 'ERRORED', false]],
      [[2, 'ERRORED', true]],
      [],
      [
        [4, 'SUCCEEDED', null],
        [4, 'SUCCEEDED', null],
      ],
      [],
      [[6, 'SUCCEEDED', null]],
    ]);
    expect(seen.filter((outcome) => outcome === 'malformed')).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"recordId":"nobodys-key"'))).toHaveLength(1);
    // Its key is what is left of a torn line.
    expect(
      lines.filter((line) => line.startsWith(`{"recordId":"${`n${String(sent).padStart(19, '0')}`}-5"`)),
    ).toHaveLength(1);
  });

  test('that lets a request expire leaves it without a line, and its job partially completed', async () => {
    await begin();
    const of = await submitted(hundred('emulate:expired'));
    clock.advance({ minutes: 1 });
    const report = await retrieve(of);
    expect(report).toMatchObject({
      status: 'EXPIRED',
      providerStatus: 'PartiallyCompleted',
      counts: { total: 100, succeeded: 99, expired: 1 },
    });
    expect(await linesOf(of)).toHaveLength(99);
  });

  test('for the whole job does what it says', async () => {
    await begin();
    const reportAfter = async (directive: string, seconds: number) => {
      const of = await submitted(hundred(`emulate:${directive}`));
      clock.advance({ seconds });
      return retrieve(of);
    };
    expect(await reportAfter('job-failed', 0.6)).toMatchObject({
      status: 'PENDING',
      providerStatus: 'Validating',
    });
    expect(await reportAfter('job-failed', 2)).toMatchObject({
      status: 'FAILED',
      error: { code: 'batch_failed', message: 'This job was asked to fail.' },
      resultsReady: false,
      counts: { total: null },
    });
    expect(await reportAfter('job-expired', 60)).toMatchObject({
      status: 'EXPIRED',
      providerStatus: 'PartiallyCompleted',
      counts: { total: 100, succeeded: 50, errored: 0, expired: 50 },
      resultsReady: true,
    });
    expect(await reportAfter('unknown-status', 10)).toMatchObject({
      status: null,
      providerStatus: 'Pondering',
    });
    expect(await reportAfter('stuck', 60 * 60)).toMatchObject({
      status: 'RUNNING',
      counts: { succeeded: 50 },
    });
  });
});

describe('a timeout', () => {
  test('ends a job that has begun as partially completed, with the lines of what was finished', async () => {
    await begin();
    const of = await submitted(hundred('emulate:stuck'), { completionWindow: '48h' });
    clock.advance({ hours: 47 });
    expect(await retrieve(of)).toMatchObject({ status: 'RUNNING', endedAt: null });
    clock.advance({ hours: 2 });
    const report = await retrieve(of);
    expect(report).toMatchObject({
      status: 'EXPIRED',
      providerStatus: 'PartiallyCompleted',
      endedAt: new Date('2026-11-24T10:00:00.000Z'),
      expiresAt: new Date('2026-11-24T10:00:00.000Z'),
      counts: { total: 100, succeeded: 50, expired: 50 },
    });
    expect(await linesOf(of)).toHaveLength(50);
  });

  test('ends a job that never had its turn as expired, without any lines', async () => {
    await begin({ pace: { validatingSeconds: 30 * 60 * 60 } });
    const of = await submitted(hundred());
    clock.advance({ hours: 23 });
    expect(await retrieve(of)).toMatchObject({ status: 'RUNNING', providerStatus: 'Scheduled' });
    clock.advance({ hours: 2 });
    const report = await retrieve(of);
    expect(report).toMatchObject({ status: 'EXPIRED', providerStatus: 'Expired', resultsReady: true });
    expect(await linesOf(of)).toEqual([]);
  });
});

describe('an input', () => {
  const failed = async (bodies: readonly JsonObject[]) => {
    const of = await submitted(bodies);
    expect(await retrieve(of)).toMatchObject({ status: 'PENDING' });
    clock.advance({ seconds: 2 });
    const { status, error } = await retrieve(of);
    return [status, error?.message];
  };

  for (const [recordsMin, fewest] of [
    ['100', 100],
    ['1000', 1_000],
  ] as const) {
    test(`of less than ${fewest} records fails after the submission, where that is the quota`, async () => {
      await begin({ switches: { recordsMin } });
      const bodies = Array.from({ length: fewest - 1 }, () => claude('Hi'));
      const message = `The job has ${fewest - 1} records, and the minimum is ${fewest}.`;
      expect(await failed(bodies)).toEqual(['FAILED', message]);
      const of = await submitted([...bodies, claude('Hi')]);
      clock.advance({ minutes: 1 });
      expect((await retrieve(of)).status).toBe('COMPLETED');
    });
  }

  for (const [recordsMax, status] of [
    ['50000', 'COMPLETED'],
    ['200', 'FAILED'],
  ] as const) {
    test(`of 201 records is ${status}, where the most are ${recordsMax}`, async () => {
      await begin({ switches: { recordsMax } });
      const of = await submitted(Array.from({ length: 201 }, () => claude('Hi')));
      clock.advance({ minutes: 1 });
      expect((await retrieve(of)).status).toBe(status);
    });
  }

  for (const [fileBytesMax, status] of [
    ['1000000000', 'COMPLETED'],
    ['100000', 'FAILED'],
  ] as const) {
    test(`of more than 100,000 bytes is ${status}, where a file may have ${fileBytesMax}`, async () => {
      await begin({ switches: { fileBytesMax } });
      const of = await submitted(hundred('x'.repeat(100_000)));
      clock.advance({ minutes: 1 });
      expect((await retrieve(of)).status).toBe(status);
    });
  }

  test('that is not where it was said to be fails the job', async () => {
    await begin();
    const of = await submitted(hundred(), { checkpoint: { inputUri: 's3://batchql-emulated/gone.jsonl' } });
    clock.advance({ seconds: 2 });
    expect(await retrieve(of)).toMatchObject({
      status: 'FAILED',
      error: { message: 'The input location has no JSONL files.' },
    });
  });

  test('with a body that its model refuses fails that record alone', async () => {
    await begin();
    const of = await submitted([{ prompt: 'Hi' }, ...hundred()]);
    clock.advance({ minutes: 1 });
    expect(await retrieve(of)).toMatchObject({ status: 'COMPLETED', counts: { succeeded: 100, errored: 1 } });
    const [line = ''] = (await linesOf(of)).filter((found) => found.includes('"error"'));
    expect(JSON.parse(line)).toMatchObject({
      modelInput: { prompt: 'Hi' },
      error: { errorCode: 400, errorMessage: 'anthropic_version: Field required' },
    });
  });
});

describe('a model', () => {
  const messages = [{ role: 'user', content: [{ text: 'Say hello.' }] }];
  const families: ReadonlyArray<readonly [string, string, JsonObject, unknown]> = [
    [
      'us.anthropic.claude-haiku-4-5-20251001-v1:0',
      'InvokeModel',
      claude('Say hello.'),
      ['end_turn', 3, 'string'],
    ],
    [
      'anthropic.claude-x',
      'Converse',
      { messages, inferenceConfig: { maxTokens: 2 } },
      ['max_tokens', 3, 'string'],
    ],
    ['amazon.nova-micro-v1:0', 'InvokeModel', { messages }, ['end_turn', 3, 'string']],
    ['amazon.titan-text-express-v1', 'InvokeModel', { inputText: 'Say hello.' }, ['FINISH', 3, 'string']],
    ['amazon.titan-embed-text-v2:0', 'InvokeModel', { inputText: 'Say hello.' }, [null, 3, 'object']],
    ['meta.llama3-1-8b-instruct-v1:0', 'InvokeModel', { prompt: 'Say hello.' }, ['stop', 3, 'string']],
    ['mistral.mistral-small-2402-v1:0', 'InvokeModel', { prompt: 'Say hello.' }, ['stop', null, 'string']],
    ['openai.gpt-oss-20b-1:0', 'InvokeModel', { messages }, ['stop', 3, 'string']],
    [
      'arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0',
      'InvokeModel',
      { messages },
      ['end_turn', 3, 'string'],
    ],
  ];

  test.each(families)(
    'answers in a form that the decoder reads: %s by %s',
    async (model, endpoint, body, expected) => {
      await begin();
      const of = await submitted(
        Array.from({ length: 100 }, () => body),
        { model, endpoint },
      );
      clock.advance({ minutes: 1 });
      const [line = ''] = await linesOf(of);
      const decoded = bedrock.decoding.decode(line);
      if (decoded.kind === 'malformed') throw new Error(decoded.reason);
      const { stopReason, usage } = decoded.outcome;
      expect([stopReason, usage.inputTokens, typeof bedrock.decoding.readText(line)]).toEqual(expected);
    },
  );

  test('is given no tools in Converse', async () => {
    await begin();
    const body = { messages, toolConfig: { tools: [] } };
    const of = await submitted(
      Array.from({ length: 100 }, () => body),
      { endpoint: 'Converse' },
    );
    clock.advance({ minutes: 1 });
    expect(await retrieve(of)).toMatchObject({ counts: { succeeded: 0, errored: 100 } });
  });
});

describe('a switch', () => {
  for (const [countsWhileValidating, raw] of [
    ['absent', false],
    ['zero', true],
  ] as const) {
    test(`makes counts ${countsWhileValidating} while nothing was counted, and they are not known`, async () => {
      await begin({ switches: { countsWhileValidating } });
      const report = await retrieve(await submitted(hundred()));
      expect(report.raw.includes('"totalRecordCount":0')).toBe(raw);
      expect(report.counts).toMatchObject({ total: null, succeeded: null, errored: null });
    });
  }

  for (const outputOrder of ['finished', 'as-given'] as const) {
    test(`puts the lines in the order ${outputOrder}, and all are read`, async () => {
      await begin({ switches: { outputOrder } });
      const of = await submitted(hundred());
      clock.advance({ minutes: 1 });
      const positions = outcomes(await linesOf(of)).map((outcome) => outcome[0]);
      const given = Array.from({ length: 100 }, (_, n) => n);
      expect(positions.toSorted((one, other) => Number(one) - Number(other))).toEqual(given);
      expect(positions.join() === given.join()).toBe(outputOrder === 'as-given');
    });
  }

  for (const outputsBeforeTheEnd of [false, true]) {
    test(`shows outputs before the end (${outputsBeforeTheEnd}), and the adapter waits for it`, async () => {
      await begin({ switches: { outputsBeforeTheEnd } });
      const of = await submitted(hundred());
      clock.advance({ seconds: 11 });
      const report = await retrieve(of);
      expect(report).toMatchObject({ status: 'RUNNING', resultsReady: false });
      expect(await linesOf(of, report)).toHaveLength(outputsBeforeTheEnd ? 50 : 0);
      clock.advance({ minutes: 1 });
      expect(await linesOf(of)).toHaveLength(100);
    });
  }

  for (const emptyOutputs of ['absent', 'written'] as const) {
    test(`has an output without lines ${emptyOutputs}, and it gives none`, async () => {
      // Stopped before the first record was done.
      await begin({ switches: { emptyOutputs }, pace: { runningSeconds: 1e6 } });
      const slow = await submitted(hundred());
      clock.advance({ seconds: 2 });
      await client.cancel(slow, quiet);
      clock.advance({ seconds: 2 });
      expect(await retrieve(slow)).toMatchObject({
        status: 'CANCELLED',
        counts: { succeeded: 0, cancelled: 100 },
      });
      expect(await linesOf(slow)).toEqual([]);
      const reads = emulator.calls.filter(({ operation }) => operation === 'get_object');
      expect(reads).toHaveLength(emptyOutputs === 'written' ? 1 : 0);
    });
  }

  for (const errorWord of ['header', 'body'] as const) {
    test(`puts the word of an error into the ${errorWord}, and it is found there`, async () => {
      await begin({ switches: { errorWord } });
      const unknown = {
        providerJobId: 'abcdefghijkl',
        requestCount: 1,
        checkpoint: null,
        cancelRequestedAt: null,
      };
      const failure = await retrieve(unknown).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ProviderFailure);
      expect(failure).toMatchObject({ kind: 'rejected', status: 404, code: 'resource_not_found_exception' });
    });
  }

  test('that does not exist, or stands where it cannot, stops the emulator from starting', async () => {
    await begin();
    for (const switches of [{ nonsense: true }, { outputOrder: 'random' }]) {
      await expect(bedrock.emulate({ clock, switches })).rejects.toThrow();
    }
  });
});

describe('the emulator', () => {
  test('in a directory outlives its process, and a second one sees and stops the same jobs', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-bedrock-'));
    others.push(() => rm(directory, { recursive: true }));
    await begin({ directory });
    const of = await submitted(hundred('emulate:errored'));
    clock.advance({ seconds: 11 });
    const second = await bedrock.emulate({ clock, directory, pace: { runningSeconds: 1e6 } });
    others.push(() => second.close());
    await bedrock.connect(second, { clock }).cancel(of, quiet);
    clock.advance({ seconds: 5 });
    const report = await retrieve(of);
    expect(report).toMatchObject({ status: 'CANCELLED', counts: { total: 100, cancelled: 45 } });
    const lines = await linesOf(of);
    expect(lines).toHaveLength(55);

    await emulator.close();
    emulator = await bedrock.emulate({ clock, directory });
    client = bedrock.connect(emulator, { clock });
    expect(await retrieve(of)).toEqual(report);
    clock.advance({ hours: 1 });
    expect(await linesOf(of)).toEqual(lines);
  });

  test('works below a path of another server, both services', async () => {
    let handle: RequestListener = () => {};
    const server = createServer((incoming, outgoing) => {
      incoming.url = (incoming.url ?? '').replace(/^\/some\/place/, '');
      handle(incoming, outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    others.push(
      async () => server.closeAllConnections(),
      () => new Promise((resolve) => server.close(resolve)),
    );
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/place`;
    await begin({
      host: {
        async mount(listener) {
          handle = listener;
          return origin;
        },
      },
    });
    expect(emulator).toMatchObject({ baseUrl: origin, more: { s3Endpoint: `${origin}/s3` } });
    const of = await submitted(hundred());
    clock.advance({ minutes: 1 });
    expect(tallied(outcomes(await linesOf(of)).map((outcome) => outcome[1]))).toEqual({ SUCCEEDED: 100 });
    clock.advance({ minutes: 1 });
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'COMPLETED' });
  });
});
