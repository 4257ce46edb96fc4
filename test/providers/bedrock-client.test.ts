/** The adapter for Bedrock against the emulator, over real sockets: what it sends, once, and what it makes of trouble. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3 } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import { bedrock } from '../../src/providers/bedrock/index.ts';
import type { Emulator, EmulatorOptions, FaultEffect } from '../../src/providers/emulation.ts';
import type { ProviderFailure } from '../../src/providers/failure.ts';
import type {
  Connection,
  JobReport,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { failureOf, readResults } from '../support/provider-client.ts';

const start = new Date('2026-11-22T10:00:00.000Z');
const quiet = new AbortController().signal;
const nonce = 'abcdefghij0123456789';

let emulator: Emulator;
let clock: HandClock;
let client: ProviderClient;
const others: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await emulator.close();
  for (const close of others.splice(0)) await close();
  vi.unstubAllEnvs();
});

const begin = async (options: Partial<EmulatorOptions> = {}) => {
  clock = createHandClock(start);
  emulator = await bedrock.emulate({ clock, ...options });
  client = bedrock.connect(emulator, { clock });
};

const bodyOf = (content: string) =>
  JSON.stringify({
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 64,
    messages: [{ role: 'user', content }],
  });

/** A job that asks these prompts and as many others as a job needs, and everything to send it. */
const job = (prompts: readonly string[] = [], changes: Partial<Submission> = {}) => {
  const own = changes.nonce ?? nonce;
  const count = Math.max(100, prompts.length);
  const items: SubmissionItem[] = Array.from({ length: count }, (_, position) => ({
    key: `${own}-${position}`,
    endpoint: 'InvokeModel',
    body: bodyOf(prompts[position] ?? `Say ${position}.`),
  }));
  const bytes = items.map((item) => {
    const { before, after } = bedrock.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const submission: Submission = {
    jobId: 'job-1',
    nonce: own,
    endpoint: 'InvokeModel',
    model: 'anthropic.claude-3-haiku-20240307-v1:0',
    completionWindow: '24h',
    requestCount: count,
    encodedBytes: bytes.reduce((sum, length) => sum + length, bedrock.encoding.frameBytes(count)),
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

const jobOf = (providerJobId: string): ProviderJob => ({
  providerJobId,
  requestCount: 100,
  checkpoint: null,
  cancelRequestedAt: null,
});

const submitted = async (prompts: readonly string[] = [], changes: Partial<Submission> = {}) => {
  const { submission, ports } = job(prompts, changes);
  return jobOf((await client.submit(submission, ports)).providerJobId);
};

const read = async (of: ProviderJob, report: JobReport, cursor: string | null = null) => {
  return readResults(client, { ...of, report }, cursor);
};

const collect = async (of: ProviderJob, cursor: string | null = null) =>
  read(of, await client.retrieve(of, quiet), cursor);

const fault = (operation: string, effect: FaultEffect, times = 1) =>
  emulator.faults.add({ operation, effect, times });
const operations = () => emulator.calls.map(({ operation }) => operation);
const rewrite = (change: (body: string) => string): FaultEffect => ({ kind: 'rewrite', rewrite: change });

/** The bucket, as somebody else sees it. */
const bucket = () => {
  const { s3Endpoint = '', region = '', accessKeyId = '', secretAccessKey = '' } = emulator.more ?? {};
  const s3 = new S3({
    region,
    endpoint: s3Endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const Bucket = 'batchql-emulated';
  return {
    keys: async () => (await s3.listObjectsV2({ Bucket })).Contents?.map(({ Key }) => Key) ?? [],
    put: (Key: string, Body: string) => s3.putObject({ Bucket, Key, Body }),
    remove: (Key: string) => s3.deleteObject({ Bucket, Key }),
  };
};

const folderOf = ({ outputFileId }: JobReport) => outputFileId?.replace('s3://batchql-emulated/', '') ?? '';

describe('a submission', () => {
  test('is an upload and a creation, is watched to its end, and its results are read', async () => {
    await begin();
    const { submission, ports, saved, items } = job(['Hello ✓', 'line one\nline two', '']);
    const { providerJobId, report } = await client.submit(submission, ports);
    expect(operations()).toEqual(['put_object', 'create']);
    expect(report).toMatchObject({ status: 'PENDING', providerStatus: 'Submitted', error: null });
    expect(report.raw).toBe(JSON.stringify({ jobArn: providerJobId }));
    expect(saved).toEqual([{ inputUri: `s3://batchql-emulated/batches/${nonce}/input.jsonl` }]);
    const [batch] = await emulator.batches();
    expect(batch).toMatchObject({ id: providerJobId, keys: items.map(({ key }) => key) });

    const of = jobOf(providerJobId);
    const seen: unknown[] = [];
    for (const seconds of [0, 0.4, 0.3, 0.3, 10, 10, 1]) {
      clock.advance({ seconds });
      const { status, providerStatus, counts } = await client.retrieve(of, quiet);
      seen.push([providerStatus, status, counts.total, counts.succeeded]);
    }
    expect(seen).toEqual([
      ['Submitted', 'PENDING', null, null],
      ['Validating', 'PENDING', null, null],
      ['Scheduled', 'RUNNING', 100, 0],
      ['InProgress', 'RUNNING', 100, 0],
      ['InProgress', 'RUNNING', 100, 50],
      ['InProgress', 'RUNNING', 100, 100],
      ['Completed', 'COMPLETED', 100, 100],
    ]);
    const { lines } = await collect(of);
    const keys = lines.map((line) => {
      const decoded = bedrock.decoding.decode(line);
      return decoded.kind === 'result' && decoded.outcome.status === 'SUCCEEDED' ? decoded.key : line;
    });
    expect(keys.toSorted()).toEqual(items.map(({ key }) => key).toSorted());
    for (const line of lines) expect(bedrock.decoding.readText(line)).toMatch(/\w/);
  });

  test('carries the nonce as token and in its name, and says what a job has to know', async () => {
    await begin();
    const of = await submitted([], { endpoint: 'Converse', completionWindow: '168h' });
    const { raw, expiresAt } = await client.retrieve(of, quiet);
    expect(JSON.parse(raw)).toMatchObject({
      jobName: `batchql-${nonce}`,
      clientRequestToken: nonce,
      roleArn: emulator.apiKey,
      modelId: 'anthropic.claude-3-haiku-20240307-v1:0',
      modelInvocationType: 'Converse',
      timeoutDurationInHours: 168,
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://batchql-emulated/batches/${nonce}/input.jsonl` } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://batchql-emulated/batches/${nonce}/output/` } },
    });
    expect(expiresAt).toEqual(new Date('2026-11-29T10:00:00.000Z'));
  });

  test('without a model, or without a place for its requests, is rejected before anything is sent', async () => {
    await begin();
    const { submission, ports } = job([], { model: null });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      code: 'model_missing',
      message: 'A job on Bedrock needs a model, and none was named.',
    });
    const { s3Uri: _, ...more } = emulator.more ?? {};
    client = bedrock.connect({ ...emulator, more }, { clock });
    expect(await failureOf(client.submit({ ...submission, model: 'm' }, ports))).toMatchObject({
      kind: 'rejected',
      code: 's3_uri_missing',
    });
    expect(emulator.calls).toEqual([]);
  });

  test('of a model that takes no batches, under another role or for too long is rejected', async () => {
    await begin();
    const refusal = async (changes: Partial<Submission>, connection: Partial<Connection> = {}) => {
      const { submission, ports } = job([], changes);
      const other = bedrock.connect({ ...emulator, ...connection }, { clock });
      const { kind, status, code } = await failureOf(other.submit(submission, ports));
      return [kind, status, code];
    };
    const invalid = ['rejected', 400, 'validation_exception'];
    expect(await refusal({ model: 'stability.sd3-large-v1:0' })).toEqual(invalid);
    expect(await refusal({ completionWindow: '200h' })).toEqual(invalid);
    expect(await refusal({}, { apiKey: 'arn:aws:iam::1:role/x' })).toEqual(invalid);
    expect(await refusal({}, { apiKey: 'arn:aws:iam::123456789012:role/x' })).toEqual([
      'rejected',
      403,
      'access_denied_exception',
    ]);
    expect(await emulator.batches()).toEqual([]);
  });

  test('with a body that was written over several lines has one line of the same length for it', async () => {
    await begin();
    const { submission, ports, items } = job();
    const spread = items.map((item) => ({ ...item, body: item.body.replaceAll(',', ',\r\n ') }));
    const added = spread.reduce((sum, { body }, n) => sum + body.length - (items[n]?.body.length ?? 0), 0);
    await client.submit(
      { ...submission, encodedBytes: submission.encodedBytes + added },
      {
        ...ports,
        async *items() {
          yield* spread;
        },
      },
    );
    const [batch] = await emulator.batches();
    expect(batch?.keys).toEqual(items.map(({ key }) => key));
  });

  test('whose items break off, or are not as long as was said, leaves nothing behind', async () => {
    await begin();
    const { submission, ports, items } = job();
    const broken = {
      ...ports,
      async *items() {
        yield* items.slice(0, 50);
        throw new Error('the items broke off');
      },
    };
    await expect(client.submit(submission, broken)).rejects.toThrow('the items broke off');
    for (const [difference, word] of [
      [-1, 'more'],
      [1, 'fewer'],
    ] as const) {
      const encodedBytes = submission.encodedBytes + difference;
      await expect(client.submit({ ...submission, encodedBytes }, ports)).rejects.toThrow(
        `The body to be sent had ${word} bytes than the ${encodedBytes} declared.`,
      );
    }
    expect(await bucket().keys()).toEqual([]);
    expect(operations()).not.toContain('create');
  });

  test('is refused early, however long its body is, where the vendor does not even read it', async () => {
    await begin();
    const server = createServer((_incoming, outgoing) => {
      outgoing.writeHead(403, { connection: 'close' });
      outgoing.end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    others.push(
      async () => server.closeAllConnections(),
      () => new Promise((resolve) => server.close(resolve)),
    );
    const s3Endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const other = bedrock.connect({ ...emulator, more: { ...emulator.more, s3Endpoint } }, { clock });
    const { submission, ports } = job(Array.from({ length: 3_000 }, () => 'x'.repeat(5_000)));
    expect(await failureOf(other.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      status: 403,
      code: 'access_denied',
    });
  });
});

describe('a second try', () => {
  test('sends no body again that the first has saved', async () => {
    await begin();
    const { submission, ports, saved } = job();
    fault('create', { kind: 'answer', status: 429, body: '{}' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'throttled' });
    await client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports);
    expect(operations()).toEqual(['put_object', 'create', 'create']);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('finds the object whose upload was not answered, and there is one of it and one job', async () => {
    await begin();
    const { submission, ports, saved } = job();
    fault('put_object', { kind: 'accept-and-drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
    expect(saved).toEqual([]);
    await client.submit(submission, ports);
    expect(emulator.calls.map(({ operation, status }) => [operation, status])).toEqual([
      ['put_object', null],
      ['put_object', 412],
      ['create', 200],
    ]);
    expect(await bucket().keys()).toHaveLength(1);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('is worth making after an upload that failed, unless S3 refuses it for good', async () => {
    await begin();
    const { submission, ports } = job();
    const failureAfter = async (effect: FaultEffect) => {
      fault('put_object', effect);
      const { kind, code, status } = await failureOf(client.submit(submission, ports));
      return [kind, code, status];
    };
    const refused = (status: number, code: string): FaultEffect => ({
      kind: 'answer',
      status,
      body: `<Error><Code>${code}</Code><Message>No.</Message></Error>`,
    });
    expect(await failureAfter({ kind: 'drop' })).toEqual(['unavailable', 'connection_failed', null]);
    expect(await failureAfter(refused(500, 'InternalError'))).toEqual(['unavailable', 'internal_error', 500]);
    expect(await failureAfter(refused(503, 'SlowDown'))).toEqual(['throttled', 'slow_down', 503]);
    expect(await failureAfter(refused(409, 'ConditionalRequestConflict'))).toEqual([
      'unavailable',
      'conditional_request_conflict',
      409,
    ]);
    // Some of its 400s and 403s speak of the moment all the same.
    expect(await failureAfter(refused(400, 'RequestTimeout'))).toEqual([
      'unavailable',
      'request_timeout',
      400,
    ]);
    expect(await failureAfter(refused(403, 'RequestTimeTooSkewed'))).toEqual([
      'unavailable',
      'request_time_too_skewed',
      403,
    ]);
    expect(await failureAfter(refused(403, 'AccessDenied'))).toEqual(['rejected', 'access_denied', 403]);
    expect(await failureAfter(refused(413, 'EntityTooLarge'))).toEqual(['rejected', 'entity_too_large', 413]);
    expect(await emulator.batches()).toEqual([]);
  });

  test('is certain to make the first one, where time was over before the creation was sent', async () => {
    await begin();
    const { submission, ports } = job();
    const controller = new AbortController();
    const saveCheckpoint = async () => controller.abort();
    const call = client.submit(submission, { ...ports, saveCheckpoint, signal: controller.signal });
    expect(await failureOf(call)).toMatchObject({ kind: 'unavailable' });
    const late = client.submit(submission, { ...ports, signal: controller.signal });
    expect(await failureOf(late)).toMatchObject({ kind: 'unavailable' });
    expect(operations()).toEqual(['put_object']);
  });

  test('is told when it may be made, in each way of saying it', async () => {
    await begin();
    const { submission, ports } = job([], { checkpoint: { inputUri: 's3://batchql-emulated/x' } });
    const retryAt = async (headers: Record<string, string>) => {
      const word = { 'x-amzn-errortype': 'ThrottlingException' };
      const body = '{"message":"Rate exceeded"}';
      fault('create', { kind: 'answer', status: 429, headers: { ...headers, ...word }, body });
      const failure = await failureOf(client.submit(submission, ports));
      expect(failure).toMatchObject({ kind: 'throttled', code: 'throttling_exception', status: 429 });
      return failure.retryAt?.toISOString() ?? null;
    };
    expect(await retryAt({ 'retry-after': '90' })).toBe('2026-11-22T10:01:30.000Z');
    expect(await retryAt({ 'retry-after': 'Sun, 22 Nov 2026 10:00:20 GMT' })).toBe(
      '2026-11-22T10:00:20.000Z',
    );
    expect(await retryAt({ 'retry-after-ms': '2500' })).toBe('2026-11-22T10:00:02.500Z');
    expect(await retryAt({})).toBeNull();
  });
});

describe('a creation', () => {
  test('that is refused for now, or because it is there, is known by its word, whatever stands around that', async () => {
    await begin();
    const { submission, ports } = job([], { checkpoint: { inputUri: 's3://batchql-emulated/x' } });
    const kindAfter = async (word: string) => {
      const headers = { 'x-amzn-errortype': `${word}:http://internal.amazon.com/coral/` };
      fault('create', { kind: 'answer', status: 400, headers, body: '{"message":"No."}' });
      return (await failureOf(client.submit(submission, ports))).kind;
    };
    for (const word of [
      'Throttling',
      'ThrottledException',
      'RequestThrottledException',
      'ServiceQuotaExceededException',
    ]) {
      expect(await kindAfter(word)).toBe('throttled');
    }
    for (const word of ['RequestTimeout', 'RequestTimeoutException', 'ConflictException']) {
      expect(await kindAfter(word)).toBe('uncertain');
    }
    expect(await kindAfter('RequestExpired')).toBe('unavailable');
  });

  test('for which too many jobs are on their way is throttled, and fits once one has ended', async () => {
    await begin({ switches: { jobsMax: '20' } });
    for (let n = 0; n < 20; n += 1) await submitted([], { nonce: `n${String(n).padStart(19, '0')}` });
    const { submission, ports } = job();
    const failure = await failureOf(client.submit(submission, ports));
    expect(failure).toMatchObject({
      kind: 'throttled',
      status: 400,
      code: 'service_quota_exceeded_exception',
    });
    clock.advance({ minutes: 1 });
    await client.submit(submission, ports);
    expect(await emulator.batches()).toHaveLength(21);
  });

  test('whose answer was lost is found again, and there is exactly one job', async () => {
    await begin();
    const { submission, ports } = job();
    fault('create', { kind: 'accept-and-drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    const [batch, ...more] = await emulator.batches();
    expect(more).toEqual([]);
    expect(await client.find(submission, quiet)).toEqual([
      {
        providerJobId: batch?.id,
        proof: 'EXACT',
        evidence: {
          jobArn: batch?.id,
          jobName: `batchql-${nonce}`,
          clientRequestToken: nonce,
          status: 'Submitted',
          submitTime: '2026-11-22T10:00:00.000Z',
          input: `s3://batchql-emulated/batches/${nonce}/input.jsonl`,
          totalRecordCount: null,
        },
      },
    ]);
  });

  test('whose connection broke beforehand is uncertain, and then not found', async () => {
    await begin();
    const { submission, ports } = job();
    fault('create', { kind: 'drop' });
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    expect(await client.find(submission, quiet)).toEqual([]);
    expect(operations().filter((operation) => operation === 'create')).toHaveLength(1);
  });

  test('that is answered with no ARN is uncertain', async () => {
    await begin();
    const { submission, ports } = job();
    fault(
      'create',
      rewrite(() => '{"ok":true}'),
    );
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
  });

  for (const [repeatedToken, kind] of [
    ['same-answer', 'answered'],
    ['empty-answer', 'uncertain'],
    ['conflict', 'uncertain'],
  ] as const) {
    test(`that is repeated makes no second job, where the vendor gives it the ${repeatedToken}`, async () => {
      await begin({ switches: { repeatedToken } });
      const { submission, ports, saved } = job();
      const first = await client.submit(submission, ports);
      const again = client.submit({ ...submission, checkpoint: saved[0] ?? null }, ports);
      const outcome = await again.then(
        ({ providerJobId }) => (providerJobId === first.providerJobId ? 'answered' : 'another'),
        (failure: ProviderFailure) => failure.kind,
      );
      expect(outcome).toBe(kind);
      expect(await emulator.batches()).toHaveLength(1);
      const found = await client.find(submission, quiet);
      expect(found.map(({ providerJobId }) => providerJobId)).toEqual([first.providerJobId]);
    });
  }

  for (const [jobNameInUse, kind] of [
    ['validation', 'uncertain'],
    ['conflict', 'uncertain'],
    ['accepted', 'sent'],
  ] as const) {
    test(`under a name that is in use is ${kind}, where the vendor answers ${jobNameInUse}`, async () => {
      await begin({ switches: { jobNameInUse } });
      const { submission, ports, saved } = job();
      await client.submit(submission, ports);
      // As if the vendor had forgotten the token, which lives for a time that nobody tells.
      const body = JSON.parse((await client.retrieve(jobOf((await emulator.batches())[0]!.id), quiet)).raw);
      const elsewhere = bedrock.connect(
        { ...emulator, baseUrl: await forgetful(emulator.baseUrl, body.clientRequestToken) },
        { clock },
      );
      const outcome = await elsewhere.submit({ ...submission, checkpoint: saved[0] ?? null }, ports).then(
        () => 'sent',
        (failure: ProviderFailure) => failure.kind,
      );
      expect(outcome).toBe(kind);
    });
  }
});

/** A way to the emulator on which a token is replaced by another. */
const forgetful = async (baseUrl: string, token: string): Promise<string> => {
  const server = createServer(async (incoming, outgoing) => {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece);
    const { host: _, 'content-length': __, ...headers } = incoming.headers as Record<string, string>;
    const body = Buffer.concat(pieces)
      .toString()
      .replace(`"clientRequestToken":"${token}"`, '"clientRequestToken":"other"');
    const answer = await fetch(baseUrl + incoming.url, { method: 'POST', headers, body });
    outgoing.writeHead(answer.status, { 'x-amzn-errortype': answer.headers.get('x-amzn-errortype') ?? '' });
    outgoing.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  others.push(
    async () => server.closeAllConnections(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('a search', () => {
  /** Makes other jobs whose names have the nonce in them, one a second. */
  const crowd = async (count: number) => {
    const { submission, ports } = job([], { nonce: `${nonce}x` });
    const { saved } = { saved: { inputUri: `s3://batchql-emulated/batches/${nonce}x/input.jsonl` } };
    for (let n = 0; n < count; n += 1) {
      clock.advance({ seconds: 1 });
      await client.submit(
        { ...submission, nonce: `${nonce}x${n}`, checkpoint: n === 0 ? null : saved },
        { ...ports, saveCheckpoint: async (checkpoint) => void Object.assign(saved, checkpoint) },
      );
    }
  };

  test('goes through every page of what looks alike, and takes nothing for ours that is not', async () => {
    await begin();
    const { submission, ports } = job();
    const { providerJobId } = await client.submit(submission, ports);
    await crowd(210);
    const before = emulator.calls.length;
    const found = await client.find(submission, quiet);
    expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
    expect(operations().slice(before)).toEqual(['list', 'list', 'list']);
  });

  test('finds a job by its name alone, and by its token alone', async () => {
    await begin();
    const { submission, ports } = job();
    const { providerJobId } = await client.submit(submission, ports);
    for (const hidden of [`"clientRequestToken":"${nonce}",`, `"jobName":"batchql-${nonce}",`]) {
      fault(
        'list',
        rewrite((body) => body.replace(hidden, '')),
      );
      const found = await client.find(submission, quiet);
      expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
    }
  });

  test('finds a job of an earlier try, and one that was made by another clock', async () => {
    await begin();
    const { submission, ports } = job();
    const { providerJobId } = await client.submit(submission, ports);
    for (const hours of [-48, 48]) {
      const intentAt = new Date(start.getTime() + hours * 3_600_000);
      const found = await client.find({ ...submission, intentAt }, quiet);
      expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
    }
  });

  test('fails where the list leads to itself, or is none', async () => {
    await begin();
    const { submission } = job();
    const page = '{"invocationJobSummaries":[],"nextToken":"again"}';
    fault('list', { kind: 'answer', status: 200, body: page }, Number.POSITIVE_INFINITY);
    expect(await failureOf(client.find(submission, quiet))).toMatchObject({ kind: 'malformed' });
    expect(operations()).toEqual(['list', 'list']);
    emulator.faults.clear();
    for (const nextToken of ['there', 'back', 'there']) {
      const round = JSON.stringify({ invocationJobSummaries: [], nextToken });
      fault('list', { kind: 'answer', status: 200, body: round });
    }
    expect(await failureOf(client.find(submission, quiet))).toMatchObject({ code: 'endless_list' });
    fault('list', { kind: 'answer', status: 200, body: '{}' });
    expect(await failureOf(client.find(submission, quiet))).toMatchObject({ kind: 'malformed' });
  });
});

describe('cancelling', () => {
  test('keeps what was finished, and the rest is cancelled', async () => {
    await begin();
    const of = await submitted();
    clock.advance({ seconds: 11 });
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLING', resultsReady: false });
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLING' });
    clock.advance({ seconds: 2 });
    const report = await client.cancel(of, quiet);
    expect(report).toMatchObject({ status: 'CANCELLED', providerStatus: 'Stopped', resultsReady: true });
    expect(report.counts).toMatchObject({ total: 100, succeeded: 55, cancelled: 45 });
    expect((await collect(of)).lines).toHaveLength(55);
    expect(operations().filter((operation) => operation === 'stop')).toHaveLength(1);
  });

  test('a job before it has run leaves no lines', async () => {
    await begin();
    const of = await submitted();
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLING' });
    clock.advance({ seconds: 2 });
    const report = await client.retrieve(of, quiet);
    expect(report).toMatchObject({ status: 'CANCELLED', resultsReady: true, counts: { total: null } });
    expect((await collect(of)).lines).toEqual([]);
  });

  for (const stopWhenOver of ['conflict', 'validation', 'answered'] as const) {
    test(`a job that ends meanwhile answers its report, where the vendor says ${stopWhenOver}`, async () => {
      await begin({ switches: { stopWhenOver } });
      const of = await submitted();
      clock.advance({ minutes: 1 });
      fault(
        'retrieve',
        rewrite((body) => body.replace('"Completed"', '"InProgress"')),
      );
      const before = emulator.calls.length;
      expect(await client.cancel(of, quiet)).toMatchObject({ status: 'COMPLETED' });
      expect(operations().slice(before)).toEqual(['retrieve', 'stop', 'retrieve']);
    });
  }

  test('that is refused while the job runs fails so, and so does one of a job that nobody knows', async () => {
    await begin();
    const of = await submitted();
    const headers = { 'x-amzn-errortype': 'AccessDeniedException' };
    fault('stop', { kind: 'answer', status: 403, headers, body: '{"message":"Not you."}' });
    expect(await failureOf(client.cancel(of, quiet))).toMatchObject({
      kind: 'rejected',
      code: 'access_denied_exception',
      message: 'Not you.',
    });
    fault('stop', { kind: 'drop' });
    expect(await failureOf(client.cancel(of, quiet))).toMatchObject({ kind: 'unavailable' });
    const unknown = jobOf('abcdefghijkl');
    expect(await failureOf(client.cancel(unknown, quiet))).toMatchObject({ kind: 'rejected', status: 404 });
  });
});

describe('results', () => {
  const finished = async (prompts: readonly string[] = []) => {
    await begin();
    const of = await submitted(prompts);
    clock.advance({ minutes: 1 });
    return { of, report: await client.retrieve(of, quiet) };
  };

  test('are read on from any cursor with exactly the lines after it, across all objects', async () => {
    const { of, report } = await finished(Array.from({ length: 1_200 }, (_, n) => `${n} é 🙂`));
    const extra = Array.from({ length: 30 }, (_, n) => `{"recordId":"extra-${n}","modelInput":{}}`);
    const files = bucket();
    await files.put(`${folderOf(report)}zz & more.jsonl.out`, extra.join('\n'));
    await files.put(`${folderOf(report)}notes.txt`, 'not a result');
    const whole = await read(of, report);
    expect(whole.lines).toHaveLength(1_230);
    expect(whole.lines.slice(1_200)).toEqual(extra);
    for (const place of whole.places) {
      expect((await read(of, report, place.cursor)).lines).toEqual(whole.lines.slice(place.read));
    }
    for (const cursor of ['not a cursor', '{"file":"gone.out","offset":7}']) {
      expect((await read(of, report, cursor)).lines).toEqual(whole.lines);
    }
  });

  test('are found on every page of the list', async () => {
    const { of, report } = await finished();
    const names = ['x.out', 'y.out', 'z.out'];
    for (const name of names) await bucket().put(folderOf(report) + name, `{"recordId":"${name}"}\n`);
    const first = `${folderOf(report)}input.jsonl.out`;
    const token = Buffer.from(first).toString('base64url');
    const body = [
      '<ListBucketResult><IsTruncated>true</IsTruncated>',
      `<Contents><Key>${first}</Key></Contents>`,
      `<NextContinuationToken>${token}</NextContinuationToken></ListBucketResult>`,
    ].join('');
    fault('list_objects', { kind: 'answer', status: 200, body });
    const before = emulator.calls.length;
    const { lines } = await read(of, report);
    expect(lines.slice(100)).toEqual(names.map((name) => `{"recordId":"${name}"}`));
    expect(
      operations()
        .slice(before)
        .filter((operation) => operation === 'list_objects'),
    ).toHaveLength(2);
  });

  test('that are resumed are not sent again, and where the vendor sends all of them they are skipped', async () => {
    const { of, report } = await finished();
    const whole = await read(of, report);
    const [first] = whole.places;
    if (first === undefined) throw new Error('no chunk');
    const rest = whole.lines.slice(first.read);
    let sent = 0;
    fault(
      'get_object',
      rewrite((body) => {
        sent = body.length;
        return body;
      }),
    );
    expect((await read(of, report, first.cursor)).lines).toEqual(rest);
    expect(sent).toBe(rest.join('\n').length + 2);
    fault('get_object', { kind: 'answer', status: 200, body: `${whole.lines.join('\n')}\n` });
    expect((await read(of, report, first.cursor)).lines).toEqual(rest);
  });

  test('after a cursor beyond the end of its object are none', async () => {
    const { of, report } = await finished();
    const cursor = JSON.stringify({ file: 'input.jsonl.out', offset: 1e9 });
    expect((await read(of, report, cursor)).lines).toEqual([]);
    expect(emulator.calls.at(-1)).toMatchObject({ operation: 'get_object', status: 416 });
  });

  test('that are torn keep what they gave, and can be resumed', async () => {
    const { of, report } = await finished();
    const whole = await read(of, report);
    const afterBytes = Buffer.byteLength(`${whole.lines.slice(0, 60).join('\n')}\n`) + 10;
    fault('get_object', { kind: 'tear', afterBytes });
    const seen: string[] = [];
    let cursor: string | null = null;
    const reading = (async () => {
      for await (const chunk of client.results({ ...of, report }, null, quiet)) {
        seen.push(...chunk.lines);
        cursor = chunk.cursor;
      }
    })();
    expect(await failureOf(reading)).toMatchObject({ kind: 'unavailable' });
    expect(seen).toEqual(whole.lines.slice(0, 60));
    expect((await read(of, report, cursor)).lines).toEqual(whole.lines.slice(60));
  });

  test('that were deleted are late at first, and then expired', async () => {
    const { of, report } = await finished();
    await bucket().remove(`${folderOf(report)}input.jsonl.out`);
    expect(await failureOf(read(of, report))).toMatchObject({
      kind: 'unavailable',
      code: 'results_not_ready',
    });
    clock.advance({ minutes: 10 });
    expect(await failureOf(read(of, report))).toMatchObject({ kind: 'expired', code: 'results_gone' });
  });

  test('whose object disappears between the list and the reading are expired', async () => {
    const { of, report } = await finished();
    const body = '<Error><Code>NoSuchKey</Code><Message>Gone.</Message></Error>';
    fault('get_object', { kind: 'answer', status: 404, body });
    expect(await failureOf(read(of, report))).toMatchObject({
      kind: 'expired',
      status: 404,
      code: 'no_such_key',
    });
  });

  test('of a job that does not say where they are, or of a list that is none, are malformed', async () => {
    const { of, report } = await finished();
    fault(
      'retrieve',
      rewrite((body) => body.replace('s3OutputDataConfig', 'elsewhere')),
    );
    expect(await failureOf(collect(of))).toMatchObject({ kind: 'malformed', code: 'no_output_place' });
    fault('list_objects', { kind: 'answer', status: 200, body: '{}' });
    expect(await failureOf(read(of, report))).toMatchObject({ kind: 'malformed' });
    fault('list_objects', { kind: 'answer', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' });
    expect(await failureOf(read(of, report))).toMatchObject({ kind: 'rejected', code: 'access_denied' });
  });
});

describe('credentials', () => {
  const everyCall = (of: ProviderJob, report: JobReport) => {
    const { submission, ports } = job();
    return [
      () => client.submit(submission, ports),
      () => client.submit({ ...submission, checkpoint: { inputUri: 's3://batchql-emulated/x' } }, ports),
      () => client.find(submission, quiet),
      () => client.retrieve(of, quiet),
      () => client.cancel(of, quiet),
      () => read(of, report),
    ];
  };

  test('that nobody gave out are rejected by every call', async () => {
    await begin();
    const of = await submitted([], { nonce: 'zzzzzzzzzzzzzzzzzzzz' });
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    client = bedrock.connect(emulator.stranger, { clock });
    for (const call of everyCall(of, report)) {
      const failure = await failureOf(call());
      expect(failure).toMatchObject({ kind: 'rejected', status: 403 });
      expect(['unrecognized_client_exception', 'invalid_access_key_id']).toContain(failure.code);
    }
  });

  test('stand in no failure of any call, whatever the vendor quotes', async () => {
    await begin();
    const of = await submitted([], { nonce: 'zzzzzzzzzzzzzzzzzzzz' });
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    const { accessKeyId, secretAccessKey } = emulator.more ?? {};
    const quote = `You are ${accessKeyId} with ${secretAccessKey}.`;
    for (const call of everyCall(of, report)) {
      for (const body of [
        JSON.stringify({ message: quote }),
        `<Error><Code>X</Code><Message>${quote}</Message></Error>`,
      ]) {
        fault('*', { kind: 'answer', status: 400, body });
        const { message, code, stack } = await failureOf(call());
        const text = `${message} ${code} ${stack}`;
        expect(text).not.toContain(accessKeyId);
        expect(text).not.toContain(secretAccessKey);
      }
    }
  });

  test('stand in no failure, where a signature that does not fit is quoted with all that was signed', async () => {
    await begin();
    const { submission } = job();
    const message =
      "The request signature we calculated does not match.\n\nThe Canonical String for this request should have been\n'GET\n/\n\nx-amz-security-token:IQoJb3JpZ2luX2VjEHwaCXVzLWVhc3Qt'";
    const headers = { 'x-amzn-errortype': 'InvalidSignatureException' };
    fault('list', { kind: 'answer', status: 403, headers, body: JSON.stringify({ message }) });
    const failure = await failureOf(client.find(submission, quiet));
    expect(failure).toMatchObject({ kind: 'rejected', code: 'invalid_signature_exception' });
    expect(failure.message).toBe('The request signature we calculated does not match.');
  });

  test('that the connection does not have come from where the SDK looks for them', async () => {
    await begin();
    const { accessKeyId = '', secretAccessKey = '', ...more } = emulator.more ?? {};
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    const nobody = bedrock.connect({ ...emulator, more }, { clock });
    const { submission, ports } = job();
    // Nothing was sent, so that not even a creation is uncertain.
    const checkpoint = { inputUri: 's3://batchql-emulated/x' };
    expect(await failureOf(nobody.submit({ ...submission, checkpoint }, ports))).toMatchObject({
      kind: 'unavailable',
      code: 'call_not_sent',
      message: 'The call could not be made ready (CredentialsProviderError).',
    });
    expect(emulator.calls).toEqual([]);
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    const somebody = bedrock.connect({ ...emulator, more }, { clock });
    await somebody.submit(submission, ports);
    expect(await emulator.batches()).toHaveLength(1);
  });

  test('and addresses in the environment do not get into a call that has its own', async () => {
    await begin();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIASOMEBODYELSE0000');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'elsewhere');
    vi.stubEnv('AWS_SESSION_TOKEN', 'elsewhere');
    vi.stubEnv('AWS_BEARER_TOKEN_BEDROCK', 'elsewhere');
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:1');
    vi.stubEnv('AWS_USE_FIPS_ENDPOINT', 'true');
    vi.stubEnv('AWS_MAX_ATTEMPTS', '9');
    client = bedrock.connect(emulator, { clock });
    const of = await submitted();
    fault('retrieve', { kind: 'answer', status: 500, body: '{}' });
    expect(await failureOf(client.retrieve(of, quiet))).toMatchObject({ kind: 'unavailable', status: 500 });
    expect(operations()).toEqual(['put_object', 'create', 'retrieve']);
  });
});
