/** The adapter and the emulator, which share no code, against each other; and every doubt turned both ways. */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import type { Emulator, EmulatorOptions, FaultEffect } from '../../src/providers/emulation.ts';
import { gemini } from '../../src/providers/gemini/index.ts';
import type {
  JobReport,
  KeptJob,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { failureOf, outcomesOf, readResults } from '../support/provider-client.ts';

const start = new Date('2026-01-01T00:00:00.000Z');
const quiet = new AbortController().signal;

let emulator: Emulator;
let clock: HandClock;
let client: ProviderClient;
const others: Array<() => unknown> = [];
afterEach(async () => {
  await emulator.close();
  for (const close of others.splice(0)) await close();
});

const begin = async (options: Partial<EmulatorOptions> = {}) => {
  clock = createHandClock(start);
  emulator = await gemini.emulate({ clock, ...options });
  client = gemini.connect(emulator, { clock });
};

const chat = (text: string): JsonObject => ({ contents: [{ role: 'user', parts: [{ text }] }] });

/** A job of these bodies, and everything needed to send it. */
const jobOf = (bodies: readonly JsonObject[], changes: Partial<Submission> = {}) => {
  const nonce = changes.nonce ?? 'abcdefghij0123456789';
  const endpoint = changes.endpoint ?? 'generateContent';
  const items: SubmissionItem[] = bodies.map((body, position) => ({
    key: `${nonce}-${position}`,
    endpoint,
    body: JSON.stringify(body),
  }));
  const lineBytes = items.map((item) => {
    const { before, after } = gemini.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const submission: Submission = {
    jobId: 'job-1',
    nonce,
    endpoint,
    model: 'gemini-3.8-flash',
    completionWindow: '24h',
    requestCount: items.length,
    encodedBytes: lineBytes.reduce((sum, bytes) => sum + bytes, gemini.encoding.frameBytes(items.length)),
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
const job = (prompts: readonly string[], changes: Partial<Submission> = {}) =>
  jobOf(prompts.map(chat), changes);

const submitted = async (
  prompts: readonly string[],
  changes: Partial<Submission> = {},
): Promise<ProviderJob> => {
  const { submission, ports } = job(prompts, changes);
  const { providerJobId } = await client.submit(submission, ports);
  return { providerJobId, requestCount: prompts.length, checkpoint: null, cancelRequestedAt: null };
};

const read = async (of: ProviderJob, report: JobReport, cursor: string | null = null) => {
  return readResults(client, { ...of, report }, cursor);
};
const collect = async (of: ProviderJob, cursor: string | null = null) =>
  read(of, await client.retrieve(of, quiet), cursor);

const outcomes = (lines: readonly string[]) => outcomesOf(gemini, lines);
const statuses = (lines: readonly string[]) => outcomes(lines).map((outcome) => outcome[1]);

const fault = (operation: string, effect: FaultEffect, times = 1) =>
  emulator.faults.add({ operation, effect, times });
const operations = () => emulator.calls.map(({ operation }) => operation);

describe('submitting', () => {
  test('a job is submitted in three calls, watched to its end, and its results read', async () => {
    await begin();
    const { submission, ports, saved, items } = job(['Hello ✓', 'line one\nline two', '']);
    const { providerJobId, report } = await client.submit(submission, ports);
    expect(operations()).toEqual(['start_upload', 'upload', 'create']);
    expect(report).toMatchObject({ status: 'PENDING', providerStatus: 'BATCH_STATE_PENDING', error: null });
    expect(report.expiresAt).toEqual(new Date('2026-01-03T00:00:00.000Z'));
    expect(saved).toEqual([
      { inputFile: report.inputFileId, inputFileExpiresAt: '2026-01-03T00:00:00.000Z' },
    ]);
    const [batch] = await emulator.batches();
    expect(batch).toMatchObject({ id: providerJobId, keys: items.map(({ key }) => key) });
    expect(providerJobId).toMatch(/^batches\/[0-9a-z]+$/);

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
    for (const line of lines) expect(gemini.decoding.readText(line)).toMatch(/\w/);
  });

  test('a job is created for its model, under our name and of our file, and its report is the very answer', async () => {
    await begin();
    const { submission, ports } = job(['a'], { model: 'models/gemini-3.8-flash' });
    let body = '';
    fault('create', {
      kind: 'rewrite',
      rewrite: (answer) => {
        body = answer;
        return answer;
      },
    });
    const { report } = await client.submit(submission, ports);
    expect(report.raw).toBe(body);
    expect(JSON.parse(body)).toMatchObject({
      metadata: {
        model: 'models/gemini-3.8-flash',
        displayName: 'batchql-abcdefghij0123456789',
        inputConfig: { fileName: report.inputFileId },
      },
    });
    expect(emulator.calls.at(-1)?.path).toBe('/v1beta/models/gemini-3.8-flash:batchGenerateContent');
  });

  test('a job that names no model is refused before anything is called', async () => {
    await begin();
    const { submission, ports } = job(['a'], { model: null });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      code: 'model_missing',
      status: null,
    });
    expect(emulator.calls).toEqual([]);
  });

  test('a model that cannot be batched is rejected in the vendor words, and its file is not sent again', async () => {
    await begin();
    const { submission, ports, saved } = job(['a'], { model: 'imagen-4' });
    const failure = await failureOf(client.submit(submission, ports));
    expect(failure).toMatchObject({ kind: 'rejected', status: 404, code: 'not_found' });
    expect(failure.message).toMatch(/imagen-4 .*not supported for batchGenerateContent/);
    expect(saved).toHaveLength(1);
  });

  test('a model cannot lead out of its place in the path', async () => {
    await begin();
    const { submission, ports } = job(['a'], { model: '../batches?x=' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      status: 404,
    });
    expect(emulator.calls.at(-1)?.path).toBe('/v1beta/models/-/batches%3Fx%3D:batchGenerateContent');
  });

  test('the bytes go to where the key goes, whatever host the vendor names for them, and without it', async () => {
    await begin();
    const heard: string[] = [];
    const foreign = await listen((incoming, outgoing) => {
      heard.push(incoming.url ?? '');
      outgoing.end('{}');
    });
    const told = (url: string): FaultEffect => ({
      kind: 'answer',
      status: 200,
      headers: { 'x-goog-upload-url': url },
    });
    const { submission, ports } = job(['a']);
    fault('start_upload', told(`${foreign}/upload/v1beta/files?upload_id=abc&key=secret`));
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      status: 404,
    });
    expect(operations()).toEqual(['start_upload', 'upload']);
    for (const url of [`${foreign}/elsewhere`, 'nowhere', '']) {
      fault('start_upload', told(url));
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({
        kind: 'malformed',
        code: 'no_upload_url',
      });
    }
    expect(heard).toEqual([]);
    expect(await emulator.batches()).toEqual([]);
  });

  test('an upload that fails in any of its calls creates no batch and is worth another try', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    for (const operation of ['start_upload', 'upload']) {
      for (const kind of ['drop', 'accept-and-drop'] as const) {
        fault(operation, { kind });
        expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
      }
      fault(operation, { kind: 'answer', status: 500, body: 'oops' });
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({
        kind: 'unavailable',
        status: 500,
      });
      fault(operation, {
        kind: 'answer',
        status: 413,
        body: '{"error":{"message":"big","status":"TOO_BIG"}}',
      });
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({
        kind: 'rejected',
        code: 'too_big',
        message: 'big',
      });
    }
    fault('upload', { kind: 'rewrite', rewrite: () => '{"file":{}}' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'malformed' });
    expect(await emulator.batches()).toEqual([]);
    expect(saved).toEqual([]);
    await client.submit(submission, ports);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('a second try reuses the file that the first has saved, until that is about to expire', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    fault('create', { kind: 'answer', status: 429, body: '{}' }, 2);
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'throttled' });
    const again = { ...submission, checkpoint: saved[0] ?? null };
    clock.advance({ hours: 46 });
    expect(await failureOf(client.submit(again, ports))).toMatchObject({ kind: 'throttled' });
    clock.advance({ hours: 1, minutes: 30 });
    await client.submit(again, ports);
    expect(operations()).toEqual([
      ...['start_upload', 'upload', 'create'],
      'create',
      ...['start_upload', 'upload', 'create'],
    ]);
    expect(saved).toHaveLength(2);
    const untimed = { ...submission, checkpoint: { inputFile: saved[1]?.['inputFile'] ?? '' } };
    await client.submit(untimed, ports);
    expect(operations().at(-2)).toBe('create');
  });

  test('a file that the vendor has not looked through yet is waited for, and sent once', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    const unmet = JSON.stringify({
      error: { code: 400, message: 'Precondition check failed.', status: 'FAILED_PRECONDITION' },
    });
    const processing: FaultEffect = {
      kind: 'rewrite',
      rewrite: (body) => body.replace('"ACTIVE"', '"PROCESSING"'),
    };
    fault('create', { kind: 'answer', status: 400, body: unmet }, 3);
    fault('get_file', processing, 2);
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'unavailable',
      code: 'file_not_ready',
    });
    const again = { ...submission, checkpoint: saved[0] ?? null };
    expect(await failureOf(client.submit(again, ports))).toMatchObject({ kind: 'unavailable' });
    // Of a file that is ready it is something else that is not met, and stays so.
    expect(await failureOf(client.submit(again, ports))).toMatchObject({
      kind: 'rejected',
      code: 'failed_precondition',
      message: 'Precondition check failed.',
    });
    await client.submit(again, ports);
    expect(operations()).toEqual([
      ...['start_upload', 'upload', 'create', 'get_file'],
      ...['create', 'get_file', 'create', 'get_file', 'create'],
    ]);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('a job whose time is over before its creation was sent is certain not to exist', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    const controller = new AbortController();
    const saveCheckpoint = async () => controller.abort();
    const call = client.submit(submission, { ...ports, saveCheckpoint, signal: controller.signal });
    expect(await failureOf(call)).toMatchObject({ kind: 'unavailable' });
    expect(operations()).toEqual(['start_upload', 'upload']);
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

  test('a base URL with a version or a slash at its end reaches the same place', async () => {
    await begin();
    const of = await submitted(['a']);
    for (const end of ['/', '/v1beta', '/v1beta/', '/v1']) {
      const other = gemini.connect({ ...emulator, baseUrl: `${emulator.baseUrl}${end}` }, { clock });
      expect((await other.retrieve(of, quiet)).status).toBe('PENDING');
    }
  });

  test('embeddings are a job of their own kind, without an address to call', async () => {
    await begin();
    const content = { parts: [{ text: 'one' }] };
    const { submission, ports } = jobOf([{ content, outputDimensionality: 3 }, { contents: [content] }], {
      endpoint: 'embedContent',
      model: 'gemini-embedding-001',
      callbackUrl: 'https://batchql.example/callbacks/gemini/x',
    });
    const { providerJobId } = await client.submit(submission, ports);
    clock.advance({ minutes: 1 });
    const of = { providerJobId, requestCount: 2, checkpoint: null, cancelRequestedAt: null };
    const { lines } = await collect(of);
    const decoded = lines.map((line) => gemini.decoding.decode(line));
    const found = decoded.flatMap((line) => (line.kind === 'result' ? [line.outcome] : []));
    expect(found.map(({ status }) => status).toSorted()).toEqual(['ERRORED', 'SUCCEEDED']);
    const good = found.find(({ status }) => status === 'SUCCEEDED');
    expect(good).toMatchObject({ stopReason: null, usage: { inputTokens: 1, outputTokens: null } });
    expect(await emulator.deliver?.()).toBe(0);
  });
});

describe('finding', () => {
  test('a creation whose answer was lost is found again by its name, and there is exactly one batch', async () => {
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
        providerStatus: 'BATCH_STATE_PENDING',
        createdAt: '2026-01-01T00:00:00.000Z',
        displayName: 'batchql-abcdefghij0123456789',
        inputFileId: saved[0]?.['inputFile'],
      },
    };
    expect(await client.find(submission, quiet)).toEqual([sighting]);
    expect(await client.find({ ...submission, checkpoint: saved[0] ?? null }, quiet)).toEqual([sighting]);
  });

  test('a batch is also found by its input file alone, where the vendor shows another name', async () => {
    await begin();
    const { submission, ports, saved } = job(['a']);
    const { providerJobId } = await client.submit(submission, ports);
    const rename: FaultEffect = {
      kind: 'rewrite',
      rewrite: (body) => body.replaceAll(/batchql-\w+/g, 'other'),
    };
    fault('list', rename, 4);
    expect(await client.find(submission, quiet)).toEqual([]);
    const found = await client.find({ ...submission, checkpoint: saved[0] ?? null }, quiet);
    expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
  });

  test('where there has never been a batch, none is found, which is asked twice', async () => {
    await begin();
    const { submission, ports } = job(['a']);
    fault('create', { kind: 'drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    expect(await client.find(submission, quiet)).toEqual([]);
    expect(operations().slice(-2)).toEqual(['list', 'list']);
    expect(operations().filter((operation) => operation === 'create')).toHaveLength(1);
  });

  for (const [listOrder, pages] of [
    ['newest-first', 2],
    ['oldest-first', 3],
  ] as const) {
    test(`a batch is found among many others, where the list comes ${listOrder}`, async () => {
      await begin({ switches: { listOrder } });
      const stranger = job(['x'], { nonce: 'zzzzzzzzzzzzzzzzzzzz' });
      await client.submit(stranger.submission, stranger.ports);
      const again = { ...stranger.submission, checkpoint: stranger.saved[0] ?? null };
      let ours = '';
      const { submission, ports } = job(['mine']);
      let intentAt = clock.now();
      for (let n = 1; n < 210; n += 1) {
        clock.advance({ minutes: 1 });
        if (n !== 60) await client.submit(again, stranger.ports);
        else {
          intentAt = clock.now();
          ours = (await client.submit(submission, ports)).providerJobId;
        }
      }
      const found = await client.find({ ...submission, intentAt }, quiet);
      expect(found.map((sighting) => sighting.providerJobId)).toEqual([ours]);
      const lists = operations().filter((operation) => operation === 'list');
      expect(lists).toHaveLength(pages);
    });
  }
});

describe('results', () => {
  test('reading on from any cursor gives exactly the lines after it', async () => {
    await begin();
    const of = await submitted(
      Array.from({ length: 2500 }, (_, n) => (n % 9 ? `${n}` : `${n} emulate:errored`)),
    );
    clock.advance({ minutes: 1 });
    const whole = await collect(of);
    expect(whole.lines).toHaveLength(2500);
    for (const { cursor, read } of whole.places) {
      expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(read));
    }
    expect((await collect(of, 'not a cursor')).lines).toEqual(whole.lines);
  });

  test('every fate that an item can ask for is seen in its results and in the counts', async () => {
    await begin();
    const wishes = ['errored', 'overloaded', 'expired', 'missing', 'doubled', 'malformed', 'foreign'];
    const of = await submitted(['plain', ...wishes.map((wish) => `emulate:${wish}`)]);
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
        [key(3), 'ERRORED'],
        [key(5), 'SUCCEEDED'],
        [key(5), 'SUCCEEDED'],
        [key(7), 'SUCCEEDED'],
        'malformed',
        ['nobodys-key', 'SUCCEEDED'],
      ].toSorted(),
    );
    const retryable = lines.map((line) => {
      const decoded = gemini.decoding.decode(line);
      return decoded.kind === 'result'
        ? [decoded.key, decoded.outcome.errorCode, decoded.outcome.retryable]
        : null;
    });
    expect(retryable).toContainEqual([key(1), 'invalid_argument', false]);
    expect(retryable).toContainEqual([key(2), 'unavailable', true]);
    expect(retryable).toContainEqual([key(3), 'deadline_exceeded', true]);
  });

  test('a results file that is an address is malformed, and nobody is called', async () => {
    await begin();
    const heard: string[] = [];
    const foreign = await listen((incoming, outgoing) => {
      heard.push(incoming.url ?? '');
      outgoing.end('{}');
    });
    const of = await submitted(['a']);
    clock.advance({ minutes: 1 });
    for (const name of [`${foreign}/files/x`, '../../x', 'files/x/y', 'files/x:download?x=']) {
      fault('retrieve', { kind: 'rewrite', rewrite: (body) => body.replaceAll(/files\/batch-\w+/g, name) });
      const report = await client.retrieve(of, quiet);
      expect(report).toMatchObject({ outputFileId: name, resultsReady: true });
      const before = emulator.calls.length;
      expect(await failureOf(read(of, report))).toMatchObject({
        kind: 'malformed',
        code: 'foreign_results_file',
      });
      expect(emulator.calls).toHaveLength(before);
    }
    expect(heard).toEqual([]);
  });

  test('results that stand inside the operation are read as they stand there, from any cursor on', async () => {
    await begin();
    const requests = Array.from({ length: 30 }, (_, n) => ({
      request: chat(`${n}`),
      metadata: { key: `k${n}` },
    }));
    const answer = await fetch(`${emulator.baseUrl}/v1beta/models/gemini-3.8-flash:batchGenerateContent`, {
      method: 'POST',
      headers: { 'x-goog-api-key': emulator.apiKey },
      body: JSON.stringify({ batch: { displayName: 'inlined', inputConfig: { requests: { requests } } } }),
    });
    const { name } = (await answer.json()) as { name: string };
    const of = { providerJobId: name, requestCount: 30, checkpoint: null, cancelRequestedAt: null };
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    expect(report).toMatchObject({ outputFileId: null, resultsReady: true, counts: { succeeded: 30 } });
    const whole = await read(of, report);
    expect(outcomes(whole.lines)).toEqual(requests.map(({ metadata }) => [metadata.key, 'SUCCEEDED']));
    for (const line of whole.lines) expect(report.raw.replaceAll('\n', ' ')).toContain(line);
    expect(whole.places.length).toBeGreaterThan(1);
    for (const { cursor, read: seen } of whole.places) {
      expect((await read(of, report, cursor)).lines).toEqual(whole.lines.slice(seen));
    }
    expect(operations()).not.toContain('download');
  });

  for (const missingFile of ['403', '404'] as const) {
    for (const [resultsKept, hours] of [
      ['six-weeks', 42 * 24],
      ['two-days', 48],
    ] as const) {
      test(`results that are kept for ${resultsKept} have expired then, where what is gone is a ${missingFile}`, async () => {
        await begin({ switches: { missingFile, resultsKept } });
        const of = await submitted(['a']);
        clock.advance({ minutes: 1 });
        const report = await client.retrieve(of, quiet);
        clock.advance({ hours: hours - 1 });
        expect((await read(of, report)).lines).toHaveLength(1);
        clock.advance({ hours: 1 });
        expect(await failureOf(read(of, report))).toMatchObject({
          kind: 'expired',
          status: Number(missingFile),
        });
      });
    }
  }

  test('a results file that we may not see for another reason has not expired', async () => {
    await begin();
    const of = await submitted(['a']);
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    const body =
      '{"error":{"code":403,"message":"Your API key was reported as leaked.","status":"PERMISSION_DENIED"}}';
    fault('*', { kind: 'answer', status: 403, body }, 2);
    expect(await failureOf(read(of, report))).toMatchObject({ kind: 'rejected', status: 403 });
    expect((await read(of, report)).lines).toHaveLength(1);
  });
});

describe('cancelling', () => {
  test('a cancelled job keeps what it had finished, and the rest is cancelled', async () => {
    await begin();
    const of = await submitted(Array.from({ length: 20 }, (_, n) => `prompt ${n}`));
    clock.advance({ seconds: 10 });
    const asked = { ...of, cancelRequestedAt: clock.now() };
    expect(await client.cancel(of, quiet)).toMatchObject({
      status: 'CANCELLING',
      providerStatus: 'BATCH_STATE_RUNNING',
      resultsReady: false,
    });
    expect(await client.cancel(asked, quiet)).toMatchObject({ status: 'CANCELLING' });
    expect(await client.retrieve(asked, quiet)).toMatchObject({ status: 'CANCELLING' });
    clock.advance({ seconds: 2 });
    expect(await client.retrieve(asked, quiet)).toMatchObject({
      status: 'CANCELLED',
      resultsReady: true,
      counts: { total: 20, succeeded: 10, errored: 0, cancelled: 10 },
    });
    expect(statuses((await collect(of)).lines)).toEqual(Array(10).fill('SUCCEEDED'));
  });

  test('a refusal to cancel a job that still runs is passed on', async () => {
    await begin();
    const of = await submitted(['a']);
    fault('cancel', { kind: 'answer', status: 403, body: '{"error":{"message":"no","status":"FORBIDDEN"}}' });
    expect(await failureOf(client.cancel(of, quiet))).toMatchObject({ kind: 'rejected', code: 'forbidden' });
  });

  test('a job that the vendor does not know is rejected with 404', async () => {
    await begin();
    const of = await submitted(['a']);
    const unknown = { ...of, providerJobId: 'batches/unknown' };
    expect(await failureOf(client.retrieve(unknown, quiet))).toMatchObject({ kind: 'rejected', status: 404 });
    expect(await failureOf(client.cancel(unknown, quiet))).toMatchObject({ kind: 'rejected', status: 404 });
  });
});

describe('each doubt about the vendor can be turned both ways', () => {
  for (const stateWords of ['BATCH_STATE', 'JOB_STATE'] as const) {
    test(`states are read in the words that begin with ${stateWords}`, async () => {
      await begin({ switches: { stateWords } });
      const of = await submitted(['a']);
      const seen: unknown[] = [];
      for (const seconds of [0, 1, 30]) {
        clock.advance({ seconds });
        const { status, providerStatus } = await client.retrieve(of, quiet);
        seen.push([status, providerStatus]);
      }
      expect(seen).toEqual([
        ['PENDING', `${stateWords}_PENDING`],
        ['RUNNING', `${stateWords}_RUNNING`],
        ['COMPLETED', `${stateWords}_SUCCEEDED`],
      ]);
    });
  }

  for (const zeroCounts of ['omitted', 'written'] as const) {
    test(`counts of zero are known, where they are ${zeroCounts}`, async () => {
      await begin({ switches: { zeroCounts } });
      const of = await submitted(['a', 'b']);
      const { counts, raw } = await client.retrieve(of, quiet);
      expect(raw.includes('failedRequestCount')).toBe(zeroCounts === 'written');
      expect(counts).toEqual({ total: 2, succeeded: 0, errored: 0, expired: null, cancelled: null });
    });
  }

  for (const outputPlace of ['both', 'response'] as const) {
    test(`results are found, where the operation names them in ${outputPlace}`, async () => {
      await begin({ switches: { outputPlace } });
      const of = await submitted(['a']);
      clock.advance({ minutes: 1 });
      const report = await client.retrieve(of, quiet);
      expect('output' in JSON.parse(report.raw).metadata).toBe(outputPlace === 'both');
      expect((await read(of, report)).lines).toHaveLength(1);
    });
  }

  test('an input that cannot be right fails the job, whether the vendor looks later or at once', async () => {
    const broken = (items: readonly SubmissionItem[]) =>
      async function* () {
        for (const item of items) yield { ...item, body: item.body.replace('{', '[').replace(/}$/, ']') };
      };
    const send = () => {
      const { submission, ports, items } = job(['a', 'b']);
      return client.submit(submission, { ...ports, items: broken(items) });
    };
    await begin();
    const { providerJobId, report } = await send();
    expect(report.status).toBe('PENDING');
    clock.advance({ seconds: 2 });
    const of = { providerJobId, requestCount: 2, checkpoint: null, cancelRequestedAt: null };
    expect(await client.retrieve(of, quiet)).toMatchObject({
      status: 'FAILED',
      error: { code: 'invalid_argument', message: expect.stringMatching(/^Line 1 of the input /) },
      resultsReady: false,
    });
    await emulator.close();
    await begin({ switches: { inputChecked: 'at-creation' } });
    expect(await failureOf(send())).toMatchObject({
      kind: 'rejected',
      status: 400,
      code: 'invalid_argument',
    });
  });

  for (const errorCodes of ['rpc', 'http'] as const) {
    test(`errors of requests are read, where their codes are those of ${errorCodes}`, async () => {
      await begin({ switches: { errorCodes } });
      const of = await submitted(['emulate:errored', 'emulate:overloaded', 'emulate:expired']);
      clock.advance({ minutes: 1 });
      const { lines } = await collect(of);
      const found = lines.map((line) => {
        const decoded = gemini.decoding.decode(line);
        return decoded.kind === 'result' ? [decoded.outcome.errorCode, decoded.outcome.retryable] : null;
      });
      expect(found.toSorted()).toEqual([
        ['deadline_exceeded', true],
        ['invalid_argument', false],
        ['unavailable', true],
      ]);
    });
  }

  for (const [cancelledResults, succeeded, cancelled] of [
    ['partial', 2, 0],
    ['all', 2, 2],
    ['none', 0, 0],
  ] as const) {
    test(`a cancelled job is ready to be collected, where what it leaves is ${cancelledResults}`, async () => {
      await begin({ switches: { cancelledResults } });
      const of = await submitted(['a', 'b', 'c', 'd']);
      clock.advance({ seconds: 11 });
      await client.cancel(of, quiet);
      clock.advance({ seconds: 1 });
      const report = await client.retrieve(of, quiet);
      expect(report).toMatchObject({
        status: 'CANCELLED',
        resultsReady: true,
        counts: { succeeded: 2, cancelled: 2 },
      });
      const found = statuses((await read(of, report)).lines);
      expect(found.filter((status) => status === 'SUCCEEDED')).toHaveLength(succeeded);
      expect(found.filter((status) => status === 'CANCELLED')).toHaveLength(cancelled);
      expect(found).toHaveLength(succeeded + cancelled);
    });
  }

  for (const [expiredResults, lines] of [
    ['none', 0],
    ['partial', 2],
  ] as const) {
    test(`an expired job is ready to be collected, where what it leaves is ${expiredResults}`, async () => {
      await begin({ switches: { expiredResults } });
      const of = await submitted(['emulate:job-expired', 'b', 'c', 'd']);
      clock.advance({ minutes: 1 });
      const report = await client.retrieve(of, quiet);
      expect(report).toMatchObject({
        status: 'EXPIRED',
        resultsReady: true,
        counts: { succeeded: 2, expired: 2 },
      });
      expect((await read(of, report)).lines).toHaveLength(lines);
    });
  }

  for (const cancelWhenOver of ['refused', 'answered'] as const) {
    test(`cancelling a job that is over answers its report, where the vendor has ${cancelWhenOver}`, async () => {
      await begin({ switches: { cancelWhenOver } });
      const of = await submitted(['a']);
      clock.advance({ minutes: 1 });
      expect(await client.cancel(of, quiet)).toMatchObject({ status: 'COMPLETED' });
    });
  }

  for (const unknownKey of ['400', '401'] as const) {
    test(`a key that the vendor does not know is a 401 for every call, where the vendor says ${unknownKey}`, async () => {
      await begin({ switches: { unknownKey } });
      const of = await submitted(['a']);
      clock.advance({ minutes: 1 });
      const report = await client.retrieve(of, quiet);
      const { submission, ports, saved } = job(['a']);
      await client.submit(submission, ports);
      client = gemini.connect(emulator.stranger, { clock });
      const calls: Array<() => Promise<unknown>> = [
        () => client.submit(submission, ports),
        () => client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports),
        () => client.find(submission, quiet),
        () => client.retrieve(of, quiet),
        () => client.cancel(of, quiet),
        () => read(of, report),
      ];
      for (const call of calls) {
        const failure = await failureOf(call());
        expect(failure).toMatchObject({ kind: 'rejected', status: 401 });
        expect(failure.code).toBe(unknownKey === '400' ? 'api_key_invalid' : 'unauthenticated');
      }
    });
  }

  test('a caller without a key is refused, and so is a file that is not there', async () => {
    await begin();
    const anonymous = await fetch(`${emulator.baseUrl}/v1beta/batches`);
    expect(anonymous.status).toBe(403);
    const { submission, ports } = job(['a']);
    const checkpoint = { inputFile: 'files/gone', inputFileExpiresAt: '2027-01-01T00:00:00Z' };
    expect(await failureOf(client.submit({ ...submission, checkpoint }, ports))).toMatchObject({
      kind: 'rejected',
      status: 403,
      code: 'permission_denied',
    });
  });

  test('any number of jobs can run at once, or a hundred, and one more is throttled until others end', async () => {
    const many = async (switches: Record<string, string>) => {
      await begin({ switches });
      const { submission, ports, saved } = job(['a']);
      await client.submit(submission, ports);
      const again = { ...submission, checkpoint: saved[0] ?? null };
      for (let n = 1; n < 100; n += 1) await client.submit(again, ports);
      return client.submit(again, ports).catch((thrown: unknown) => thrown);
    };
    expect(await many({ concurrentJobsMax: '100' })).toMatchObject({
      kind: 'throttled',
      code: 'resource_exhausted',
    });
    clock.advance({ minutes: 1 });
    await submitted(['b']);
    await emulator.close();
    expect(await many({ concurrentJobsMax: 'none' })).toMatchObject({ report: { status: 'PENDING' } });
  });

  test('a switch that does not exist, or stands where it cannot, stops the emulator from starting', async () => {
    await begin();
    for (const switches of [{ nonsense: true }, { listOrder: 'random' }]) {
      await expect(gemini.emulate({ clock, switches })).rejects.toThrow();
    }
  });
});

test('a job that was asked to fail, expire, stop, or show a word that nobody knows does so', async () => {
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
  expect(await at('job-expired', 60)).toMatchObject({ status: 'EXPIRED' });
  expect(await at('unknown-status', 10)).toMatchObject({
    status: null,
    providerStatus: 'BATCH_STATE_DAYDREAMING',
  });
  expect(await at('stuck', 1e6)).toMatchObject({ status: 'RUNNING', counts: { succeeded: 2 } });
});

test('batches in a directory outlive the emulator, and a second process sees and cancels the same', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'batchql-gemini-'));
  others.push(() => rm(directory, { recursive: true }));
  await begin({ directory });
  const of = await submitted(['a', 'b', 'c', 'd', 'emulate:errored', 'f']);
  clock.advance({ seconds: 11 });
  const second = await gemini.emulate({ clock, directory, pace: { runningSeconds: 1e6 } });
  others.push(() => second.close());
  await gemini.connect(second, { clock }).cancel(of, quiet);
  clock.advance({ seconds: 5 });
  const report = await client.retrieve(of, quiet);
  expect(report.status).toBe('CANCELLED');
  const { lines } = await collect(of);

  await emulator.close();
  emulator = await gemini.emulate({ clock, directory });
  client = gemini.connect(emulator, { clock });
  expect(await client.retrieve(of, quiet)).toEqual(report);
  clock.advance({ hours: 1 });
  expect((await collect(of)).lines).toEqual(lines);
});

test('under a path of another server everything works as on a port of its own', async () => {
  const host = {
    async mount(handle: (incoming: IncomingMessage, outgoing: ServerResponse) => void) {
      const origin = await listen((incoming, outgoing) => {
        incoming.url = (incoming.url ?? '').replace(/^\/emulators\/gemini/, '');
        handle(incoming, outgoing);
      });
      return `${origin}/emulators/gemini`;
    },
  };
  await begin({ host });
  const of = await submitted(['a', 'b']);
  clock.advance({ minutes: 1 });
  expect(statuses((await collect(of)).lines)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
});

/** A server on a free port, closed after the test; its origin. */
const listen = async (
  handle: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Promise<string> => {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  others.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('deleting', () => {
  const kept = async () => (await emulator.kept?.()) ?? [];
  const deleteFiles = async (of: KeptJob) => client.deleteFiles?.(of, quiet);
  const finished = async () => {
    const of = await submitted(['one', 'two']);
    clock.advance({ seconds: 60 });
    const { inputFileId, outputFileId, errorFileId } = await client.retrieve(of, quiet);
    return { ...of, inputFileId, outputFileId, errorFileId };
  };

  test('the requests are deleted also where the vendor refuses to delete the results by their name', async () => {
    await begin({ switches: { resultsDeletion: 'refused' } });
    const of = await finished();
    const failure = await failureOf(deleteFiles(of));
    expect(failure).toMatchObject({ kind: 'rejected', status: 400 });
    expect(failure.message).toContain('40 characters');
    expect(await kept()).toEqual([of.outputFileId]);
  });

  test.each(['403', '404'])(
    'a file that is not there, which is answered with %s, was deleted',
    async (missingFile) => {
      await begin({ switches: { missingFile } });
      const of = await finished();
      await deleteFiles(of);
      expect(await kept()).toEqual([]);
      await deleteFiles(of);
    },
  );

  test('a key that may see nothing deletes nothing, whatever it is answered', async () => {
    await begin();
    const of = await finished();
    fault('delete_file', { kind: 'answer', status: 403 });
    fault('list', { kind: 'answer', status: 403 });
    expect(await failureOf(deleteFiles(of))).toMatchObject({ status: 403 });
    expect(await kept()).toHaveLength(2);
  });
});
