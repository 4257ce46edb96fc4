/** The Letta adapter against its emulator, over real sockets, with the clock turned by hand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { openSharedHost } from '../../src/emulators/shared-host.ts';
import type { Emulator, EmulatorOptions, FaultEffect } from '../../src/providers/emulation.ts';
import { createCalls } from '../../src/providers/letta/calls.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { readResults } from '../../src/providers/letta/results.ts';
import type {
  JobReport,
  ProviderClient,
  ProviderJob,
  ResultChunk,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { failureOf } from '../support/provider-client.ts';

const never = new AbortController().signal;
const callbackUrl = 'https://batchql.example/callbacks/letta/abcdefghij0123456789';
const { decode, readText } = letta.decoding;

let clock: HandClock;
let emulator: Emulator;
let client: ProviderClient;
const others: Array<() => Promise<unknown>> = [];

const start = async (options: Partial<EmulatorOptions> = {}): Promise<void> => {
  await emulator?.close();
  emulator = await letta.emulate({ clock, ...options });
  client = letta.connect(emulator, { clock });
};
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  await start();
});
afterEach(async () => {
  await emulator.close();
  for (const close of others.splice(0)) await close();
});

const agent = (index: number): string => `agent-00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

const itemsOf = (prompts: readonly string[]): SubmissionItem[] =>
  prompts.map((content, index) => ({
    key: `abcdefghij0123456789-${index}`,
    endpoint: '/v1/messages/batches',
    body: JSON.stringify({ agent_id: agent(index), messages: [{ role: 'user', content }] }),
  }));

const submissionOf = (items: readonly SubmissionItem[], changes: Partial<Submission> = {}): Submission => ({
  jobId: 'job-1',
  nonce: 'abcdefghij0123456789',
  endpoint: '/v1/messages/batches',
  model: null,
  completionWindow: '336h',
  requestCount: items.length,
  encodedBytes:
    items.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0) +
    letta.encoding.frameBytes(items.length),
  checkpoint: null,
  intentAt: clock.now(),
  callbackUrl,
  ...changes,
});

const send = (items: readonly SubmissionItem[], changes: Partial<Submission> = {}) =>
  client.submit(submissionOf(items, changes), {
    async *items() {
      yield* items;
    },
    saveCheckpoint: async () => {},
    signal: never,
    guard: () => {},
  });

const submit = async (
  prompts: readonly string[],
  changes: Partial<Submission> = {},
): Promise<ProviderJob> => {
  const { providerJobId } = await send(itemsOf(prompts), changes);
  return { providerJobId, requestCount: prompts.length, checkpoint: null, cancelRequestedAt: null };
};

const chunksOf = async (job: ProviderJob, report: JobReport, cursor: string | null = null) => {
  const chunks: ResultChunk[] = [];
  for await (const chunk of client.results({ ...job, report }, cursor, never)) chunks.push(chunk);
  return chunks;
};
const linesOf = async (job: ProviderJob, cursor: string | null = null): Promise<string[]> =>
  (await chunksOf(job, await client.retrieve(job, never), cursor)).flatMap(({ lines }) => lines);

/** What the lines say, by agent: the outcome's status, and its code where it has one. */
const outcomesIn = (lines: readonly string[]) =>
  lines.map((line) => {
    const decoded = decode(line);
    if (decoded.kind === 'malformed') return ['malformed'];
    const { status, errorCode } = decoded.outcome;
    return [decoded.key, status, ...(errorCode === null ? [] : [errorCode])];
  });

const fault = (operation: string, effect: FaultEffect, times = 1) =>
  emulator.faults.add({ operation, effect, times });
const operations = () => emulator.calls.map(({ operation }) => operation);
const countOf = (name: string) => operations().filter((operation) => operation === name).length;

/** A server of ours that is called, and what it was told. */
const listener = async (status = 200) => {
  const heard: Array<{ method: string | undefined; headers: IncomingHttpHeaders; body: string }> = [];
  const server = createServer(async (call, answer) => {
    heard.push({ method: call.method, headers: call.headers, body: await textOf(call) });
    answer.writeHead(status).end('taken');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  others.push(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`, heard, close };
};

describe('a job', () => {
  test('is submitted in one call, watched to its end, and its results are read by agent', async () => {
    const { providerJobId, report } = await send(itemsOf(['Hello ✓', 'Say "a\\b"', '']));
    expect(operations()).toEqual(['create']);
    expect(report).toMatchObject({
      status: 'RUNNING',
      providerStatus: 'running',
      inProgressAt: new Date('2026-11-22T10:00:00Z'),
      run: { type: 'batch', background: null, stopReason: null, totalDurationNs: null, ttftNs: null },
      callback: { url: callbackUrl, sentAt: null, statusCode: null, error: null },
    });
    const job = { providerJobId, requestCount: 3, checkpoint: null, cancelRequestedAt: null };
    const seen: unknown[] = [];
    for (const seconds of [1, 11, 9, 1, 0]) {
      const { status, endedAt } = await client.retrieve(job, never);
      seen.push([status, endedAt?.toISOString() ?? null]);
      clock.advance({ seconds });
    }
    expect(seen).toEqual([
      ['RUNNING', null],
      ['RUNNING', null],
      ['RUNNING', null],
      ['RUNNING', null],
      ['COMPLETED', '2026-11-22T10:00:22.000Z'],
    ]);
    const lines = await linesOf(job);
    expect(outcomesIn(lines)).toEqual([0, 1, 2].map((index) => [agent(index), 'SUCCEEDED']));
    for (const line of lines) expect(readText(line)).toMatch(/\w/);
  });

  test('is sent with an exact length and our callback URL, byte for byte, under a base URL of either form', async () => {
    const { heard, url } = await listener();
    for (const baseUrl of [url.replace('/callback', '/'), url.replace('/callback', '/v1/')]) {
      client = letta.connect({ baseUrl, apiKey: 'sk-let-own' }, { clock });
      const strange = `${callbackUrl}?é="1"`;
      await failureOf(send(itemsOf(['one', 'é'])));
      await failureOf(send(itemsOf(['one', 'é']), { callbackUrl: null }));
      await failureOf(send(itemsOf(['one', 'é']), { callbackUrl: strange }));
      const bodies = itemsOf(['one', 'é']).map(({ body }) => body);
      expect(heard.map(({ body }) => body)).toEqual([
        `{"requests":[${bodies}],"callback_url":"${callbackUrl}"}`,
        `{"requests":[${bodies}]}`,
        `{"requests":[${bodies}],"callback_url":${JSON.stringify(strange)}}`,
      ]);
      for (const { method, headers, body } of heard.splice(0)) {
        expect(method).toBe('POST');
        expect(headers).toMatchObject({
          authorization: 'Bearer sk-let-own',
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
        });
        expect(headers).not.toHaveProperty('transfer-encoding');
      }
    }
  });

  test('that ended is handed over from any cursor with exactly the lines that come after it', async () => {
    const job = await submit(Array.from({ length: 1500 }, (_, index) => `prompt ${index}`));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    const chunks = await chunksOf(job, report);
    const whole = chunks.flatMap(({ lines }) => lines);
    expect(outcomesIn(whole).map(([key]) => key)).toEqual(whole.map((_, index) => agent(index)));
    let read = 0;
    for (const { lines, cursor } of chunks) {
      read += lines.length;
      expect(cursor).toBe(String(read));
    }
    for (const { cursor } of [chunks[0]!, chunks.at(-2)!, chunks.at(-1)!]) {
      expect(await linesOf(job, cursor)).toEqual(whole.slice(Number(cursor)));
    }
    expect(await linesOf(job, 'not a cursor')).toEqual(whole);
  });

  test('has every fate that a prompt can ask for, as far as messages can tell it', async () => {
    const fates = ['errored', 'overloaded', 'expired', 'missing', 'doubled', 'malformed', 'foreign'];
    const job = await submit(['plain', ...fates.map((fate) => `emulate:${fate}`)]);
    clock.advance({ minutes: 1 });
    expect(outcomesIn(await linesOf(job)).toSorted()).toEqual(
      [
        [agent(0), 'SUCCEEDED'],
        [agent(1), 'ERRORED', 'agent_error'],
        [agent(2), 'ERRORED', 'no_answer'],
        [agent(3), 'ERRORED', 'no_answer'],
        [agent(5), 'SUCCEEDED'],
        [agent(6), 'ERRORED', 'no_answer'],
        [agent(7), 'SUCCEEDED'],
        ['malformed'],
        ['nobodys-key', 'SUCCEEDED'],
      ].toSorted(),
    );
  });

  test('that was asked to fail, expire, stay or show a new word does so', async () => {
    const at = async (directive: string, seconds: number) => {
      const job = await submit([`emulate:${directive}`, 'b', 'c', 'd']);
      clock.advance({ seconds });
      return { job, report: await client.retrieve(job, never) };
    };
    const failed = await at('job-failed', 2);
    expect(failed.report).toMatchObject({
      status: 'FAILED',
      error: { code: 'batch_failed' },
      endedAt: expect.any(Date),
    });
    expect(await linesOf(failed.job)).toEqual([]);
    const expired = await at('job-expired', 60);
    expect(expired.report).toMatchObject({ status: 'EXPIRED', resultsReady: true, endedAt: null });
    expect(outcomesIn(await linesOf(expired.job)).map(([, status]) => status)).toEqual([
      'SUCCEEDED',
      'SUCCEEDED',
    ]);
    expect((await at('unknown-status', 10)).report).toMatchObject({
      status: null,
      providerStatus: 'contemplating',
      resultsReady: false,
    });
    expect((await at('stuck', 1e6)).report).toMatchObject({ status: 'RUNNING' });
  });

  test('that the vendor does not know any more is rejected with 404, and its results have expired', async () => {
    const job = await submit(['a']);
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    const unknown = { ...job, providerJobId: 'job-123e4567-e89b-42d3-8456-426614174000' };
    expect(await failureOf(client.retrieve(unknown, never))).toMatchObject({ kind: 'rejected', status: 404 });
    expect(await failureOf(chunksOf(unknown, report))).toMatchObject({ kind: 'expired', status: 404 });
  });
});

describe('while a job runs', () => {
  test('agents that have answered have their line, and every later reading has it again', async () => {
    const job = await submit(Array.from({ length: 20 }, (_, index) => `prompt ${index}`));
    const seen: number[] = [];
    let early: string[] = [];
    for (const seconds of [6, 10, 6]) {
      clock.advance({ seconds });
      const report = await client.retrieve(job, never);
      expect(report.resultsReady).toBe(true);
      const chunks = await chunksOf(job, report, '0');
      const lines = chunks.flatMap((chunk) => chunk.lines);
      expect(lines).toEqual(expect.arrayContaining(early));
      expect(outcomesIn(lines).every(([, status]) => status === 'SUCCEEDED')).toBe(true);
      if (report.status === 'RUNNING') expect(chunks.every(({ cursor }) => cursor === '0')).toBe(true);
      seen.push(lines.length);
      early = lines;
    }
    expect(seen).toEqual([5, 15, 20]);
  });

  test('an agent that has called a tool and was told to go on is not done, before its own answer', async () => {
    const job = await submit(['emulate:tools Look it up.']);
    clock.advance({ seconds: 11 });
    const report = await client.retrieve(job, never);
    expect(report.status).toBe('RUNNING');
    const listed = await createCalls(emulator, { clock }).messages(
      job.providerJobId,
      { order: 'asc', limit: 10, after: null, agentId: null },
      never,
    );
    const roles = JSON.parse(listed).messages.map(({ role }: { role: string }) => role);
    expect(roles).toEqual(['user', 'assistant', 'tool', 'user']);
    expect(await linesOf(job)).toEqual([]);
    clock.advance({ minutes: 1 });
    const lines = await linesOf(job);
    expect(outcomesIn(lines)).toEqual([[agent(0), 'SUCCEEDED']]);
    expect(JSON.parse(lines[0] ?? '').messages).toHaveLength(5);
    expect(readText(lines[0] ?? '')).toMatch(/\w/);
  });

  test('what names no agent waits for the end', async () => {
    const job = await submit(['emulate:malformed', 'b']);
    clock.advance({ seconds: 21 });
    expect((await client.retrieve(job, never)).status).toBe('RUNNING');
    expect(outcomesIn(await linesOf(job))).toEqual([[agent(1), 'SUCCEEDED']]);
    clock.advance({ minutes: 1 });
    expect(await linesOf(job)).toHaveLength(3);
  });

  test('a cursor of then leads past nothing when it is over', async () => {
    const job = await submit(['a', 'b', 'c', 'emulate:tools d']);
    clock.advance({ seconds: 11 });
    const chunks = await chunksOf(job, await client.retrieve(job, never));
    const chunk = chunks.find(({ lines }) => lines.length > 0);
    expect(chunk).toBeDefined();
    clock.advance({ minutes: 1 });
    expect(await linesOf(job, chunk?.cursor ?? null)).toHaveLength(4);
  });
});

describe('messages are read to their end', () => {
  const prompts = (count: number) => Array.from({ length: count }, (_, index) => `prompt ${index}`);

  test('in two calls where one page has them all', async () => {
    const job = await submit(prompts(5));
    clock.advance({ minutes: 1 });
    expect(await linesOf(job)).toHaveLength(5);
    expect(countOf('messages')).toBe(2);
  });

  test.each(['none', '100'])('where the server shows at most %s at once', async (messagesLimitMax) => {
    await start({ switches: { messagesLimitMax } });
    const job = await submit(prompts(130));
    clock.advance({ minutes: 1 });
    const lines = await linesOf(job);
    expect(outcomesIn(lines)).toEqual(prompts(130).map((_, index) => [agent(index), 'SUCCEEDED']));
    expect(lines.every((line) => JSON.parse(line).messages.length === 2)).toBe(true);
  });

  test.each(['honoured', 'fails'])(
    'where going on after a message is %s, each message once',
    async (messagesAfter) => {
      await start({ switches: { messagesAfter } });
      const job = await submit(prompts(1300));
      clock.advance({ minutes: 1 });
      const lines = await linesOf(job);
      expect(outcomesIn(lines)).toEqual(prompts(1300).map((_, index) => [agent(index), 'SUCCEEDED']));
      expect(lines.every((line) => JSON.parse(line).messages.length === 2)).toBe(true);
    },
  );

  test('where they are exactly a page, and going on fails', async () => {
    await start({ switches: { messagesAfter: 'fails' } });
    const job = await submit(prompts(1000));
    clock.advance({ minutes: 1 });
    expect(await linesOf(job)).toHaveLength(1000);
  });

  test('with the same lines where more is said than may be held, and the agents are asked one by one', async () => {
    const job = await submit([...prompts(7), 'emulate:malformed']);
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    const whole = await linesOf(job);
    const before = countOf('messages');
    const lines: string[] = [];
    const calls = createCalls(emulator, { clock });
    for await (const chunk of readResults(calls, { ...job, report }, null, never, 8_000)) {
      lines.push(...chunk.lines);
    }
    const nobody = (line: string) => line.startsWith('{"agent_id":null');
    expect(lines.filter((line) => !nobody(line))).toEqual(whole.filter((line) => !nobody(line)));
    const again = countOf('messages') - before - 2;
    expect(again).toBeGreaterThan(0);
    expect(again % 2).toBe(0);
  });

  test('and those who are done are handed over where that breaks off, with a cursor to the start', async () => {
    const job = await submit(prompts(1100));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    emulator.faults.add({ operation: 'messages', effect: { kind: 'drop' }, after: 1 });
    const chunks: ResultChunk[] = [];
    const reading = (async () => {
      for await (const chunk of client.results({ ...job, report }, '500', never)) chunks.push(chunk);
    })();
    expect(await failureOf(reading)).toMatchObject({ kind: 'unavailable' });
    expect(chunks.flatMap(({ lines }) => lines)).toHaveLength(900);
    const told = chunks.filter(({ lines }) => lines.length > 0);
    expect(told.every(({ cursor }) => cursor === '0')).toBe(true);
  });

  test('or the answer is malformed where a page is none, leads nowhere, or to itself', async () => {
    const job = await submit(prompts(3));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    const answers = [
      '<html>',
      '{"messages":{}}',
      '{"messages":[{"role":"user"}]}',
      '{"messages":[{"id":"message-1","role":"user"}]}',
    ];
    for (const body of answers) {
      let asked = 0;
      const rewrite = (): string => {
        asked += 1;
        // The newest message is another, so that there must be more.
        return asked === 2 ? '{"messages":[{"id":"message-2","role":"user"}]}' : body;
      };
      fault('messages', { kind: 'rewrite', rewrite }, 3);
      expect(await failureOf(chunksOf(job, report))).toMatchObject({ kind: 'malformed' });
      emulator.faults.clear();
    }
  });

  test('or the answer is malformed where pages go round', async () => {
    const job = await submit(prompts(3));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(job, never);
    // Every second question is for the newest, which is another.
    for (const id of ['1', '9', '2', '9', '1']) {
      const body = `{"messages":[{"id":"message-${id}","role":"user"}]}`;
      fault('messages', { kind: 'answer', status: 200, body });
    }
    expect(await failureOf(chunksOf(job, report))).toMatchObject({ kind: 'malformed' });
    expect(countOf('messages')).toBe(5);
  });

  test('and a message that was written over several lines becomes one line of equal JSON', async () => {
    const job = await submit(['a\nb']);
    clock.advance({ minutes: 1 });
    const [plain = ''] = await linesOf(job);
    const report = await client.retrieve(job, never);
    fault(
      'messages',
      {
        kind: 'rewrite',
        rewrite: (body) => JSON.stringify(JSON.parse(body), null, 2).replaceAll('\n', '\r\n'),
      },
      2,
    );
    const [line = ''] = (await chunksOf(job, report)).flatMap(({ lines }) => lines);
    expect(line).not.toMatch(/[\r\n]/);
    expect(line).not.toBe(plain);
    expect(JSON.parse(line)).toEqual(JSON.parse(plain));
  });
});

describe('the two ways in which agents answer', () => {
  test.each([
    ['text', 'one-by-one', 5],
    ['text', 'together', 0],
    ['message-tool', 'one-by-one', 0],
    ['message-tool', 'together', 0],
  ])('as %s and %s come to the same results in the end', async (answers, turns, early) => {
    await start({ switches: { answers, turns } });
    const job = await submit(Array.from({ length: 10 }, (_, index) => `prompt ${index}`));
    clock.advance({ seconds: 11 });
    expect(await linesOf(job)).toHaveLength(early);
    clock.advance({ minutes: 1 });
    const lines = await linesOf(job);
    expect(outcomesIn(lines)).toEqual(lines.map((_, index) => [agent(index), 'SUCCEEDED']));
    for (const line of lines) expect(readText(line)).toMatch(/\w/);
  });

  test('agents that take their steps together are answered step by step', async () => {
    await start({ switches: { turns: 'together' } });
    const job = await submit(['emulate:tools a', 'b', 'c']);
    clock.advance({ seconds: 12 });
    expect(outcomesIn(await linesOf(job)).map(([key]) => key)).toEqual([agent(1), agent(2)]);
    clock.advance({ minutes: 1 });
    expect(await linesOf(job)).toHaveLength(3);
  });

  test.each([
    ['marked', 'agent_error'],
    ['silent', 'no_answer'],
  ])('an agent that failed is errored where its failure is %s', async (failures, code) => {
    await start({ switches: { failures } });
    const job = await submit(['emulate:errored']);
    clock.advance({ minutes: 1 });
    expect(outcomesIn(await linesOf(job))).toEqual([[agent(0), 'ERRORED', code]]);
  });

  test('an agent that stopped between two steps has not answered', async () => {
    const job = await submit(['emulate:tools emulate:overloaded']);
    clock.advance({ minutes: 1 });
    expect(outcomesIn(await linesOf(job))).toEqual([[agent(0), 'ERRORED', 'no_answer']]);
  });
});

describe('cancelling', () => {
  test('keeps what agents had answered, and the others share the fate of the job', async () => {
    const job = await submit(Array.from({ length: 10 }, (_, index) => `prompt ${index}`));
    clock.advance({ seconds: 11 });
    expect(await client.cancel(job, never)).toMatchObject({
      status: 'CANCELLED',
      resultsReady: true,
      endedAt: null,
    });
    expect(operations().slice(1)).toEqual(['retrieve', 'cancel', 'retrieve']);
    clock.advance({ hours: 1 });
    const outcomes = outcomesIn(await linesOf(job));
    expect(outcomes).toHaveLength(5);
    expect(outcomes.every(([, status]) => status === 'SUCCEEDED')).toBe(true);
  });

  test.each(['overwrites', 'keeps'])(
    'a job that is over answers its report and never reaches the server, which %s an end',
    async (cancelWhenOver) => {
      await start({ switches: { cancelWhenOver } });
      const job = await submit(['a']);
      clock.advance({ minutes: 1 });
      expect(await client.cancel(job, never)).toMatchObject({ status: 'COMPLETED' });
      expect(operations()).not.toContain('cancel');
      // Another client's call does reach it.
      await createCalls(emulator, { clock }).cancel(job.providerJobId, never);
      const word = cancelWhenOver === 'overwrites' ? 'CANCELLED' : 'COMPLETED';
      expect(await client.retrieve(job, never)).toMatchObject({ status: word, endedAt: expect.any(Date) });
      expect(outcomesIn(await linesOf(job))).toEqual([[agent(0), 'SUCCEEDED']]);
    },
  );

  test('is cancelled where the server says that it cannot and has done so', async () => {
    await start({ switches: { cancelling: 'not-enabled' } });
    const job = await submit(['a', 'b']);
    expect(await client.cancel(job, never)).toMatchObject({ status: 'CANCELLED' });
    expect(emulator.calls.find(({ operation }) => operation === 'cancel')?.status).toBe(501);
  });

  test('is rejected where the server cannot, and the job goes on', async () => {
    const job = await submit(['a', 'b']);
    const body = '{"detail":"This server cannot cancel batches."}';
    fault('cancel', { kind: 'answer', status: 501, body });
    expect(await failureOf(client.cancel(job, never))).toMatchObject({
      kind: 'rejected',
      status: 501,
      message: 'This server cannot cancel batches.',
    });
  });

  test('that is refused, or breaks, is passed on', async () => {
    const job = await submit(['a', 'b']);
    fault('cancel', { kind: 'answer', status: 403, body: '{"detail":"no"}' });
    expect(await failureOf(client.cancel(job, never))).toMatchObject({ kind: 'rejected', message: 'no' });
    fault('cancel', { kind: 'accept-and-drop' });
    expect(await failureOf(client.cancel(job, never))).toMatchObject({ kind: 'unavailable' });
    expect(await client.cancel(job, never)).toMatchObject({ status: 'CANCELLED' });
  });
});

describe('a lost submission', () => {
  const lose = async (prompts: readonly string[], changes: Partial<Submission> = {}): Promise<string> => {
    fault('create', { kind: 'accept-and-drop' });
    expect((await failureOf(submit(prompts, changes))).kind).toBe('uncertain');
    return (await emulator.batches()).at(-1)!.id;
  };
  const find = (changes: Partial<Submission> = {}) =>
    client.find(submissionOf(itemsOf(['a']), changes), never);

  test('is found while it runs by its callback URL, for certain', async () => {
    const id = await lose(['a']);
    expect(await find()).toEqual([
      {
        providerJobId: id,
        proof: 'EXACT',
        evidence: {
          providerJobId: id,
          providerStatus: 'running',
          createdAt: '2026-11-22T10:00:00.000Z',
        },
      },
    ]);
    expect(await find({ callbackUrl: `${callbackUrl}0` })).toEqual([]);
  });

  test('without a callback URL is not looked for at all, whatever a call has told', async () => {
    const id = await lose(['a'], { callbackUrl: null });
    const before = emulator.calls.length;
    expect(await find({ callbackUrl: null })).toEqual([]);
    expect(await find({ callbackUrl: null, hintedJobId: id })).toEqual([]);
    expect(emulator.calls.length).toBe(before);
  });

  test.each(['sorted', 'age'])(
    'is found behind any number of others where the places in the list are meant %s',
    async (listCursors) => {
      await start({ switches: { listCursors } });
      for (let older = 0; older < 105; older += 1) await submit(['a'], { callbackUrl: `${callbackUrl}x` });
      const id = await lose(['a']);
      for (let newer = 0; newer < 105; newer += 1) await submit(['a'], { callbackUrl: null });
      expect((await find()).map(({ providerJobId }) => providerJobId)).toEqual([id]);
    },
  );

  test('is found under the form of the URL that the server makes of it', async () => {
    const written = 'https://BatchQL.Example:443/callbacks/letta/abcdefghij0123456789';
    const id = await lose(['a'], { callbackUrl: written });
    expect((await find({ callbackUrl: written })).map(({ providerJobId }) => providerJobId)).toEqual([id]);
  });

  test('that is over is found by the id that its own call has told, and by nothing else', async () => {
    const id = await lose(['a']);
    clock.advance({ minutes: 1 });
    expect(await find()).toEqual([]);
    expect(await find({ hintedJobId: id })).toMatchObject([
      { providerJobId: id, proof: 'EXACT', evidence: { providerStatus: 'completed' } },
    ]);
  });

  test('that failed while it was created is found by the id that its own call has told', async () => {
    await start({ switches: { createFailure: 'at-creation' } });
    const { url, heard } = await listener();
    const failure = await failureOf(submit(['emulate:job-failed'], { callbackUrl: url }));
    expect(failure).toMatchObject({ kind: 'uncertain', status: 500, message: 'Something went wrong.' });
    expect(await find({ callbackUrl: url })).toEqual([]);
    await emulator.deliver?.();
    const call = { headers: new Headers(), body: heard[0]?.body ?? '', now: clock.now() };
    const reading = letta.webhook?.read(call, null);
    const hintedJobId = reading?.kind === 'event' ? reading.providerJobId : null;
    const [sighting] = await find({ callbackUrl: url, hintedJobId });
    expect(sighting).toMatchObject({ proof: 'EXACT', evidence: { providerStatus: 'failed' } });
  });

  test("is not mistaken for a job of others' that a call has named, nor for what is no job", async () => {
    const other = await lose(['a'], { callbackUrl: `${callbackUrl}x` });
    const id = await lose(['a']);
    for (const hintedJobId of [other, 'job-unknown', '..', 'job-1/cancel', '']) {
      expect((await find({ hintedJobId })).map(({ providerJobId }) => providerJobId)).toEqual([id]);
    }
  });

  test('rather fails to be found than is overlooked', async () => {
    const id = await lose(['a']);
    fault('list', { kind: 'rewrite', rewrite: () => '[{"id":"job-1"}]' });
    expect(await failureOf(find())).toMatchObject({ kind: 'malformed' });
    fault('list', { kind: 'rewrite', rewrite: () => `[{"id":"${id}","status":"running"}]` }, 2);
    expect(await failureOf(find())).toMatchObject({ kind: 'malformed' });
    fault('retrieve', { kind: 'answer', status: 500, body: '{}' });
    expect(await failureOf(find({ hintedJobId: id }))).toMatchObject({ kind: 'unavailable' });
  });

  test('is one job, however often the list shows it', async () => {
    const id = await lose(['a']);
    const twice = (body: string) => body.replace(/^\[(.*)\]$/s, '[$1,$1]');
    fault('list', { kind: 'rewrite', rewrite: twice });
    expect((await find()).map(({ providerJobId }) => providerJobId)).toEqual([id]);
  });

  test('is not looked for in a list whose pages go round', async () => {
    await lose(['a']);
    for (const id of ['job-1', 'job-2', 'job-1']) {
      fault('list', { kind: 'answer', status: 200, body: `[{"id":"${id}","status":"running"}]` });
    }
    expect(await failureOf(find())).toMatchObject({ kind: 'malformed' });
    expect(countOf('list')).toBe(3);
  });
});

describe('the call to our URL', () => {
  test.each(['naive', 'zoned'])(
    'comes once when the job has completed, and is told with the job, with %s times',
    async (times) => {
      await start({ switches: { times } });
      const { url, heard } = await listener(204);
      const job = await submit(['a'], { callbackUrl: url });
      expect(await emulator.deliver?.()).toBe(0);
      clock.advance({ minutes: 1 });
      expect(await Promise.all([emulator.deliver?.(), emulator.deliver?.()])).toEqual(
        expect.arrayContaining([0, 1]),
      );
      expect(await emulator.deliver?.()).toBe(0);
      expect(heard.map(({ method, body }) => [method, JSON.parse(body)])).toEqual([
        [
          'POST',
          {
            job_id: job.providerJobId,
            status: 'completed',
            completed_at: '2026-11-22T10:00:22.000000',
            metadata: { job_type: 'batch_messages' },
          },
        ],
      ]);
      const headers = Object.keys(heard[0]?.headers ?? {});
      expect(headers.filter((name) => /sign|webhook|auth/.test(name))).toEqual([]);
      const call = { headers: new Headers(), body: heard[0]?.body ?? '', now: clock.now() };
      expect(letta.webhook?.read(call, null)).toEqual({
        kind: 'event',
        id: `${job.providerJobId}:completed`,
        providerJobId: job.providerJobId,
      });
      expect(await client.retrieve(job, never)).toMatchObject({
        endedAt: new Date('2026-11-22T10:00:22Z'),
        callback: { url, sentAt: new Date('2026-11-22T10:01:00Z'), statusCode: 204, error: null },
      });
    },
  );

  test('comes when the job has failed, and not when it was cancelled', async () => {
    const { url, heard } = await listener(500);
    const failed = await submit(['emulate:job-failed'], { callbackUrl: url });
    const cancelled = await submit(['a'], { callbackUrl: url });
    await client.cancel(cancelled, never);
    clock.advance({ minutes: 1 });
    expect(await emulator.deliver?.()).toBe(1);
    expect(heard.map(({ body }) => JSON.parse(body).status)).toEqual(['failed']);
    expect((await client.retrieve(failed, never)).callback).toMatchObject({ statusCode: 500, error: null });
    expect((await client.retrieve(cancelled, never)).callback).toMatchObject({ statusCode: null });
  });

  test('that nobody takes is told with its error, and not made again', async () => {
    const gone = await listener();
    await gone.close();
    const job = await submit(['a'], { callbackUrl: gone.url });
    clock.advance({ minutes: 1 });
    expect(await emulator.deliver?.()).toBe(1);
    expect(await emulator.deliver?.()).toBe(0);
    expect((await client.retrieve(job, never)).callback).toMatchObject({
      sentAt: new Date('2026-11-22T10:01:00Z'),
      statusCode: null,
      error: expect.stringMatching(/^The call to http.* failed: /),
    });
  });

  test.each(['None', 'null'])(
    'is none where there is no URL and the server writes %s',
    async (absentCallback) => {
      await start({ switches: { absentCallback } });
      const job = await submit(['a'], { callbackUrl: null });
      clock.advance({ minutes: 1 });
      expect(await emulator.deliver?.()).toBe(0);
      const report = await client.retrieve(job, never);
      expect(JSON.parse(report.raw).callback_url).toBe(absentCallback === 'None' ? 'None' : null);
      expect(JSON.parse(report.raw).callback_error === null).toBe(absentCallback === 'null');
      expect(report).not.toHaveProperty('callback');
    },
  );
});

describe('what goes wrong', () => {
  const refused = (status: number, body: object) => {
    fault('create', { kind: 'answer', status, body: JSON.stringify(body) });
    return failureOf(submit(['a']));
  };

  test.each([
    [400, { detail: 'Too large.' }, 'rejected', 'http_400', 'Too large.'],
    [401, { detail: 'Unauthorized' }, 'rejected', 'http_401', 'Unauthorized'],
    [
      402,
      { error: { type: 'llm_insufficient_credits', message: 'No credits.' } },
      'rejected',
      'llm_insufficient_credits',
      'No credits.',
    ],
    [413, {}, 'rejected', 'http_413', 'The provider takes no job as large as this one.'],
    [
      422,
      { detail: [{ loc: ['body', 'requests', 0], msg: 'No.' }] },
      'rejected',
      'http_422',
      'body.requests.0: No.',
    ],
    [
      429,
      { error: { type: 'llm_rate_limit', message: 'Slow down.' } },
      'throttled',
      'llm_rate_limit',
      'Slow down.',
    ],
    [500, { detail: 'Something went wrong.' }, 'uncertain', 'http_500', 'Something went wrong.'],
    [503, { detail: 'Overloaded' }, 'uncertain', 'http_503', 'Overloaded'],
    [504, { error: { type: 'llm_timeout', message: 'Late.' } }, 'uncertain', 'llm_timeout', 'Late.'],
  ])('when creating: %i %j is %s, and is not tried again', async (status, body, kind, code, message) => {
    expect(await refused(status, body)).toMatchObject({ kind, code, message, status });
    expect(countOf('create')).toBe(1);
    expect(await emulator.batches()).toEqual([]);
  });

  test('a throttled creation says when to try again, in each way of saying it', async () => {
    const retryAt = async (headers: Record<string, string>) => {
      fault('create', { kind: 'answer', status: 429, headers, body: '{}' });
      return (await failureOf(submit(['a']))).retryAt?.toISOString() ?? null;
    };
    expect(await retryAt({ 'retry-after': '90' })).toBe('2026-11-22T10:01:30.000Z');
    expect(await retryAt({ 'retry-after': 'Sun, 22 Nov 2026 10:00:20 GMT' })).toBe(
      '2026-11-22T10:00:20.000Z',
    );
    expect(await retryAt({ 'retry-after-ms': '2500' })).toBe('2026-11-22T10:00:02.500Z');
    expect(await retryAt({})).toBeNull();
  });

  test.each(['text', 'list'])('a body that the server refuses says where, in a %s', async (validation) => {
    await start({ switches: { validation } });
    const [item] = itemsOf(['a']);
    const wrong = { ...item!, body: '{"agent_id":"agent-1","input":"hi"}' };
    const failure = await failureOf(send([wrong]));
    expect(failure).toMatchObject({ kind: 'rejected', status: 422 });
    expect(failure.message).toMatch(/agent_id.*String should match pattern/);
  });

  test.each([
    ['uuid', 'ERRORED'],
    ['any', 'taken'],
  ])('an agent id of another form is refused or taken, with %s', async (agentIds, fate) => {
    await start({ switches: { agentIds } });
    const body = '{"agent_id":"tools-agent","input":"hi"}';
    const sent = send([{ key: 'k', endpoint: '', body }]);
    if (fate !== 'taken') return expect(await failureOf(sent)).toMatchObject({ status: 422 });
    const job = { ...(await sent), requestCount: 1, checkpoint: null, cancelRequestedAt: null };
    clock.advance({ minutes: 1 });
    const [line = ''] = await linesOf(job);
    expect(outcomesIn([line])).toEqual([['tools-agent', 'SUCCEEDED']]);
    expect(JSON.parse(line).messages).toHaveLength(5);
  });

  test('of two requests for one agent the later is answered, by one line', async () => {
    const [item] = itemsOf(['first']);
    const items = [item!, { ...item!, body: item!.body.replace('first', 'second') }];
    const job = { ...(await send(items)), requestCount: 2, checkpoint: null, cancelRequestedAt: null };
    clock.advance({ minutes: 1 });
    const lines = await linesOf(job);
    expect(outcomesIn(lines)).toEqual([[agent(0), 'SUCCEEDED']]);
    expect(lines[0]).toContain('second');
    expect(lines[0]).not.toContain('first');
  });

  test('no failure of any call carries the key, whatever the vendor quotes', async () => {
    const apiKey = 'VerySecretAbcdefghijklmnop012345';
    const job = await submit(['a']);
    const report = await client.retrieve(job, never);
    client = letta.connect({ baseUrl: emulator.baseUrl, apiKey }, { clock });
    const calls: Array<() => Promise<unknown>> = [
      () => submit(['a']),
      () => client.find(submissionOf([]), never),
      () => client.retrieve(job, never),
      () => client.cancel(job, never),
      () => chunksOf(job, report),
    ];
    for (const call of calls) {
      expect(await failureOf(call())).toMatchObject({
        kind: 'rejected',
        status: 401,
        message: 'Unauthorized',
      });
      const body = JSON.stringify({ error: { type: `bad ${apiKey}`, message: `You sent ${apiKey}.` } });
      fault('*', { kind: 'answer', status: 400, body }, Number.POSITIVE_INFINITY);
      const quoted = await failureOf(call());
      expect([quoted.message, quoted.code]).toEqual(['You sent [redacted].', 'bad [redacted]']);
      emulator.faults.clear();
    }
  });

  test('a call that takes too long is unavailable', async () => {
    const job = await submit(['a']);
    const impatient = letta.connect(emulator, { clock, callSeconds: 0.05 });
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    fault('retrieve', { kind: 'hold', until });
    expect(await failureOf(impatient.retrieve(job, never))).toMatchObject({ kind: 'unavailable' });
    release();
  });
});

describe('the emulator', () => {
  test('does not start with a switch that does not exist, or stands where it cannot', async () => {
    for (const switches of [{ nonsense: true }, { answers: 'song' }]) {
      await expect(letta.emulate({ clock, switches })).rejects.toThrow();
    }
  });

  test('keeps its jobs in a directory, where another process sees and cancels the same, and calls once', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-letta-'));
    others.push(() => rm(directory, { recursive: true }));
    const { url, heard } = await listener();
    await start({ directory });
    const done = await submit(['a', 'b'], { callbackUrl: url });
    clock.advance({ minutes: 1 });
    const job = await submit(['a', 'b', 'c', 'd']);
    clock.advance({ seconds: 11 });
    const second = await letta.emulate({ clock, directory, pace: { runningSeconds: 1e6 } });
    others.push(() => second.close());
    await letta.connect(second, { clock }).cancel(job, never);
    expect(await second.deliver?.()).toBe(1);
    const report = await client.retrieve(job, never);
    expect(report.status).toBe('CANCELLED');
    const lines = await linesOf(job);
    expect(lines).toHaveLength(2);

    await start({ directory });
    expect(await client.retrieve(job, never)).toEqual(report);
    clock.advance({ hours: 1 });
    expect(await linesOf(job)).toEqual(lines);
    expect(await emulator.deliver?.()).toBe(0);
    expect(heard).toHaveLength(1);
    expect((await client.retrieve(done, never)).callback).toMatchObject({ statusCode: 200 });
  });

  test('serves under a path of a server that others share', async () => {
    const host = await openSharedHost({ host: '127.0.0.1', port: 0 });
    others.push(() => host.close());
    await start({ host: host.at('letta') });
    expect(emulator.baseUrl).toBe(`${host.origin}/letta`);
    const job = await submit(['a', 'b']);
    expect(await client.find(submissionOf(itemsOf(['a', 'b'])), never)).toHaveLength(1);
    clock.advance({ minutes: 1 });
    expect(await linesOf(job)).toHaveLength(2);
  });
});
