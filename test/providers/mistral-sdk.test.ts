/**
 * The vendor's own SDK, unchanged, against the emulator: it holds every answer to its schemas, so that a member which
 * is missing or of another type is noticed here.
 */
import { text } from 'node:stream/consumers';
import { Mistral } from '@mistralai/mistralai';
import type { BatchJob } from '@mistralai/mistralai/models/components';
import { MistralError } from '@mistralai/mistralai/models/errors';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { mistral } from '../../src/providers/mistral/index.ts';

let clock: HandClock;
let emulator: Emulator;
let sdk: Mistral;
beforeEach(async () => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  await begin();
});
afterEach(() => emulator.close());

const begin = async (switches: Record<string, boolean | string> = {}) => {
  emulator = await mistral.emulate({ clock, switches });
  sdk = sdkFor(emulator);
};

const sdkFor = ({ baseUrl, apiKey }: Pick<Emulator, 'baseUrl' | 'apiKey'>): Mistral =>
  new Mistral({ apiKey, serverURL: baseUrl });

const start = new Date('2026-11-22T10:00:00Z').getTime() / 1000;
const endpoint = '/v1/chat/completions';
const model = 'mistral-small-latest';

const lineOf = (id: string, content = `Say ${id}.`) =>
  JSON.stringify({ custom_id: id, body: { model, messages: [{ role: 'user', content }] } });

const upload = (...lines: string[]) =>
  sdk.files.upload({
    file: { fileName: 'requests.jsonl', content: new TextEncoder().encode(lines.join('\n')) },
    purpose: 'batch',
  });

const create = async (lines: readonly string[], metadata?: Record<string, string>): Promise<BatchJob> => {
  const { id } = await upload(...lines);
  return sdk.batch.jobs.create({ inputFiles: [id], endpoint, model, ...(metadata ? { metadata } : {}) });
};

const get = (jobId: string) => sdk.batch.jobs.get({ jobId });

const linesIn = async (fileId: string): Promise<Array<Record<string, unknown>>> => {
  const whole = await text(await sdk.files.download({ fileId }));
  return whole
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
};

const failureOf = async (call: Promise<unknown>): Promise<MistralError> => {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(MistralError);
  return thrown as MistralError;
};

describe('the SDK', () => {
  test('uploads a file that answers with every member, downloads it and deletes it', async () => {
    const file = await upload(lineOf('a'));
    expect(file).toEqual({
      id: expect.stringMatching(/^file-/),
      object: 'file',
      sizeBytes: lineOf('a').length,
      createdAt: start,
      filename: 'requests.jsonl',
      purpose: 'batch',
      sampleType: 'batch_request',
      source: 'upload',
    });
    expect(await text(await sdk.files.download({ fileId: file.id }))).toBe(lineOf('a'));
    expect(await sdk.files.delete({ fileId: file.id })).toMatchObject({ id: file.id, deleted: true });
    const gone = await failureOf(sdk.files.download({ fileId: file.id }));
    expect(gone.statusCode).toBe(404);
  });

  test('creates a job that answers with every member', async () => {
    const { id } = await upload(lineOf('a'), lineOf('b'));
    const metadata = { batchql_nonce: 'abc' };
    expect(await sdk.batch.jobs.create({ inputFiles: [id], endpoint, model, metadata })).toEqual({
      id: expect.stringMatching(/^job-/),
      object: 'batch',
      inputFiles: [id],
      metadata,
      endpoint,
      model,
      agentId: null,
      outputFile: null,
      errorFile: null,
      errors: [],
      outputs: null,
      status: 'QUEUED',
      createdAt: start,
      totalRequests: 2,
      completedRequests: 0,
      succeededRequests: 0,
      failedRequests: 0,
      startedAt: null,
      completedAt: null,
    });
  });

  test.each([true, false])(
    'watches a job to its end, where what is null is absent: %s',
    async (absentNulls) => {
      await emulator.close();
      await begin({ absentNulls });
      const { id } = await create([lineOf('a'), lineOf('b')]);
      const seen: unknown[] = [];
      for (const seconds of [0, 1, 11, 10]) {
        clock.advance({ seconds });
        const { status, completedRequests } = await get(id);
        seen.push([status, completedRequests]);
      }
      expect(seen).toEqual([
        ['QUEUED', 0],
        ['RUNNING', 0],
        ['RUNNING', 1],
        ['SUCCESS', 2],
      ]);
      expect(await get(id)).toMatchObject({
        startedAt: start + 1,
        completedAt: start + 22,
        succeededRequests: 2,
      });
    },
  );

  test('reads the results of a job out of its two files', async () => {
    const { id } = await create([
      lineOf('good'),
      lineOf('bad', 'emulate:errored'),
      lineOf('late', 'emulate:expired'),
    ]);
    clock.advance({ minutes: 1 });
    const { outputFile, errorFile, failedRequests } = await get(id);
    expect(failedRequests).toBe(2);
    const [good, ...more] = await linesIn(outputFile!);
    expect(more).toEqual([]);
    expect(good).toMatchObject({
      custom_id: 'good',
      response: { status_code: 200, body: { object: 'chat.completion', model } },
      error: null,
    });
    const failed = await linesIn(errorFile!);
    expect(failed.map((line) => line['custom_id']).toSorted()).toEqual(['bad', 'late']);
  });

  test.each([
    ['emulate:job-failed', 'FAILED'],
    ['emulate:job-expired', 'TIMEOUT_EXCEEDED'],
    ['emulate:stuck', 'RUNNING'],
  ])('sees what a whole job was asked for: %s', async (wish, status) => {
    const { id } = await create([lineOf('a', wish), lineOf('b')]);
    clock.advance({ hours: 1 });
    const job = await get(id);
    expect(job.status).toBe(status);
    expect(job.errors).toHaveLength(status === 'FAILED' ? 1 : 0);
  });

  test('meets a word that it does not know, where it asks to', async () => {
    const { id } = await create([lineOf('a', 'emulate:unknown-status')]);
    clock.advance({ seconds: 5 });
    expect((await get(id)).status).toBe('RETICULATING');
  });

  test('cancels a job, and finds what had finished', async () => {
    const { id } = await create(['a', 'b', 'c', 'd'].map((name) => lineOf(name)));
    clock.advance({ seconds: 11 });
    expect(await sdk.batch.jobs.cancel({ jobId: id })).toMatchObject({ status: 'CANCELLATION_REQUESTED' });
    clock.advance({ seconds: 1 });
    const job = await get(id);
    expect(job).toMatchObject({ status: 'CANCELLED', succeededRequests: 2, completedRequests: 2 });
    expect(await linesIn(job.outputFile!)).toHaveLength(2);
    expect((await failureOf(sdk.batch.jobs.cancel({ jobId: id }))).statusCode).toBe(400);
  });
});

describe('the list', () => {
  const ids = async (request: Parameters<Mistral['batch']['jobs']['list']>[0]) => {
    const { data = [], total } = await sdk.batch.jobs.list(request);
    return { ids: data.map(({ id }) => id), total };
  };
  /** Five jobs, one a minute; newest first, as the list is. */
  const fiveJobs = async () => {
    const jobs: BatchJob[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      jobs.unshift(await create([lineOf(name)], { batchql_nonce: name }));
      clock.advance({ minutes: 1 });
    }
    return jobs.map(({ id }) => id);
  };

  test('comes newest first, or as it is asked for, page by page', async () => {
    const all = await fiveJobs();
    expect(await ids(undefined)).toEqual({ ids: all, total: 5 });
    expect(await ids({ page: 1, pageSize: 2 })).toEqual({ ids: all.slice(2, 4), total: 5 });
    expect(await ids({ orderBy: 'created' })).toEqual({ ids: all.toReversed(), total: 5 });
  });

  test('keeps the jobs that carry what is asked for in their metadata', async () => {
    const all = await fiveJobs();
    expect(await ids({ metadata: { batchql_nonce: 'c' } })).toEqual({ ids: [all[2]], total: 1 });
    expect(await ids({ metadata: { batchql_nonce: 'c', other: 'x' } })).toEqual({ ids: [], total: 0 });
    expect(await ids({ metadata: { batchql_nonce: 'z' } })).toEqual({ ids: [], total: 0 });
  });

  test('keeps the jobs of a state, of a model, or of a time', async () => {
    const all = await fiveJobs();
    const late = await create([lineOf('late')]);
    expect(await ids({ status: ['QUEUED', 'RUNNING'] })).toEqual({ ids: [late.id], total: 1 });
    expect(await ids({ status: ['SUCCESS'] })).toEqual({ ids: all, total: 5 });
    expect(await ids({ model: 'another' })).toEqual({ ids: [], total: 0 });
    expect(await ids({ agentId: 'nobody' })).toEqual({ ids: [], total: 0 });
    expect(await ids({ createdAfter: new Date((start + 240) * 1000) })).toEqual({
      ids: [late.id, all[0]],
      total: 2,
    });
    expect(await ids({ createdByMe: true, model })).toMatchObject({ total: 6 });
  });
});

describe('a refusal', () => {
  test('of a key that nobody gave out is a 401', async () => {
    const stranger = sdkFor({ baseUrl: emulator.baseUrl, apiKey: 'stranger' });
    const failures = await Promise.all([
      failureOf(stranger.batch.jobs.list()),
      failureOf(stranger.files.download({ fileId: 'file-x' })),
    ]);
    expect(failures.map(({ statusCode }) => statusCode)).toEqual([401, 401]);
  });

  test('of a job that is not known is a 404', async () => {
    expect((await failureOf(get('job-none'))).statusCode).toBe(404);
    expect((await failureOf(sdk.batch.jobs.cancel({ jobId: 'job-none' }))).statusCode).toBe(404);
  });

  test('of what a creation says names the member', async () => {
    const { id } = await upload(lineOf('a'));
    const inputFiles = [id];
    const refused = [
      [{ inputFiles, endpoint: '/v1/nothing' as never, model }, 'endpoint'],
      [{ inputFiles, endpoint, model: '' }, 'model'],
      [{ inputFiles, endpoint, model, timeoutHours: 168 }, 'timeout_hours'],
      [{ inputFiles: [], endpoint, model }, 'input_files'],
    ] as const;
    for (const [request, member] of refused) {
      const failure = await failureOf(
        sdk.batch.jobs.create({ ...request, inputFiles: [...request.inputFiles] }),
      );
      expect(failure.statusCode).toBe(422);
      expect(JSON.parse(failure.body)).toMatchObject({ detail: [{ loc: ['body', member] }] });
    }
    expect(
      (await failureOf(sdk.batch.jobs.create({ inputFiles: ['file-x'], endpoint, model }))).statusCode,
    ).toBe(400);
    expect(await emulator.batches()).toEqual([]);
  });

  test('of a page that cannot be is one', async () => {
    const failure = await failureOf(sdk.batch.jobs.list({ pageSize: 101 }));
    expect(failure.statusCode).toBe(422);
  });
});
