/** The vendor's own SDKs, with their default settings, against the emulator: what they need is there, as they expect it. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import {
  BedrockClient,
  CreateModelInvocationJobCommand,
  type CreateModelInvocationJobCommandInput,
  GetModelInvocationJobCommand,
  ListModelInvocationJobsCommand,
  type ListModelInvocationJobsCommandInput,
  paginateListModelInvocationJobs,
  StopModelInvocationJobCommand,
} from '@aws-sdk/client-bedrock';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { bedrock } from '../../src/providers/bedrock/index.ts';
import type { Emulator, EmulatorOptions } from '../../src/providers/emulation.ts';

let clock: HandClock;
let emulator: Emulator;
let sdk: BedrockClient;
let s3: S3Client;

const Bucket = 'batchql-emulated';

const begin = async (options: Partial<EmulatorOptions> = {}) => {
  clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  emulator = await bedrock.emulate({ clock, ...options });
  sdk = new BedrockClient({ ...configOf(), endpoint: emulator.baseUrl });
  s3 = new S3Client({ ...configOf(), endpoint: emulator.more?.['s3Endpoint'] ?? '', forcePathStyle: true });
};
beforeEach(() => begin());
afterEach(async () => {
  vi.restoreAllMocks();
  await emulator.close();
});

const configOf = (changes: { accessKeyId?: string } = {}) => {
  const { region = '', accessKeyId = '', secretAccessKey = '' } = emulator.more ?? {};
  return { region, credentials: { accessKeyId, secretAccessKey, ...changes } };
};

const record = (n: number) =>
  JSON.stringify({
    recordId: `r-${n}`,
    modelInput: {
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 64,
      messages: [{ role: 'user', content: [{ type: 'text', text: `Say ${n} é.` }] }],
    },
  });

const records = (count = 100, from = 0) =>
  Array.from({ length: count }, (_, n) => `${record(from + n)}\n`).join('');

const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }));

const creation = (changes: Partial<CreateModelInvocationJobCommandInput> = {}) =>
  new CreateModelInvocationJobCommand({
    jobName: 'job',
    roleArn: emulator.apiKey,
    modelId: 'anthropic.claude-3-haiku-20240307-v1:0',
    inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${Bucket}/in.jsonl` } },
    outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${Bucket}/out` } },
    ...changes,
  });

const create = async (changes: Partial<CreateModelInvocationJobCommandInput> = {}): Promise<string> =>
  (await sdk.send(creation(changes))).jobArn ?? '';

const get = (jobIdentifier: string) => sdk.send(new GetModelInvocationJobCommand({ jobIdentifier }));
const stop = (jobIdentifier: string) => sdk.send(new StopModelInvocationJobCommand({ jobIdentifier }));
const textOf = async (Key: string, Range?: string) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, Range }));
  return Body?.transformToString();
};
const keysIn = async (Prefix?: string) =>
  (await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents?.map(({ Key }) => Key) ?? [];
const idOf = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1);

const failureOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  return { name, message, status: $metadata?.httpStatusCode };
};

describe('the SDK of Bedrock', () => {
  test('creates a job and reads it by its ARN or by its short id, every member in its type', async () => {
    await put('in.jsonl', records());
    const arn = await create({
      clientRequestToken: 'token-1',
      timeoutDurationInHours: 48,
      tags: [{ key: 'team', value: 'a' }],
    });
    expect(arn).toMatch(/^arn:aws:bedrock:us-east-1:123456789012:model-invocation-job\/[a-z0-9]{12}$/);
    const { $metadata: _, ...job } = await get(arn);
    expect(job).toEqual({
      jobArn: arn,
      jobName: 'job',
      modelId: 'anthropic.claude-3-haiku-20240307-v1:0',
      clientRequestToken: 'token-1',
      roleArn: emulator.apiKey,
      status: 'Submitted',
      submitTime: new Date('2026-11-22T10:00:00Z'),
      lastModifiedTime: new Date('2026-11-22T10:00:00Z'),
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${Bucket}/in.jsonl`, s3InputFormat: 'JSONL' } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${Bucket}/out` } },
      timeoutDurationInHours: 48,
      jobExpirationTime: new Date('2026-11-24T10:00:00Z'),
      modelInvocationType: 'InvokeModel',
    });
    expect(await get(idOf(arn))).toMatchObject({ jobArn: arn });
  });

  test('sees each word of a job in its turn, and counts that move', async () => {
    await put('in.jsonl', records());
    const arn = await create();
    const seen: unknown[] = [];
    for (const seconds of [0, 0.4, 0.3, 0.3, 10, 20]) {
      clock.advance({ seconds });
      const { status, totalRecordCount, processedRecordCount, successRecordCount, errorRecordCount } =
        await get(arn);
      seen.push([status, totalRecordCount, processedRecordCount, successRecordCount, errorRecordCount]);
    }
    expect(seen).toEqual([
      ['Submitted', undefined, undefined, undefined, undefined],
      ['Validating', undefined, undefined, undefined, undefined],
      ['Scheduled', 100, 0, 0, 0],
      ['InProgress', 100, 0, 0, 0],
      ['InProgress', 100, 50, 50, 0],
      ['Completed', 100, 100, 100, 0],
    ]);
    expect(await get(arn)).toMatchObject({ endTime: new Date('2026-11-22T10:00:22Z') });
  });

  test('finds the objects that a job has left, the manifest last, and reads what is in them', async () => {
    await put('in.jsonl', records());
    const arn = await create();
    expect(await keysIn('out/')).toEqual([]);
    clock.advance({ minutes: 1 });
    const folder = `out/${idOf(arn)}`;
    expect(await keysIn('out/')).toEqual([`${folder}/in.jsonl.out`, `${folder}/manifest.json.out`]);
    const lines = (await textOf(`${folder}/in.jsonl.out`))?.trim().split('\n') ?? [];
    const read = lines.map((line) => JSON.parse(line));
    expect(read.map(({ recordId }) => recordId).toSorted()).toEqual(
      Array.from({ length: 100 }, (_, n) => `r-${n}`).toSorted(),
    );
    const [first] = read;
    expect(Object.keys(first)).toEqual(['recordId', 'modelInput', 'modelOutput']);
    expect(first.modelInput.messages[0].content[0].text).toMatch(/^Say \d+ é\.$/);
    expect(first.modelOutput).toMatchObject({ type: 'message', stop_reason: 'end_turn' });
    const manifest = JSON.parse((await textOf(`${folder}/manifest.json.out`)) ?? '');
    expect(manifest).toEqual({
      totalRecordCount: 100,
      processedRecordCount: 100,
      successRecordCount: 100,
      errorRecordCount: 0,
      inputTokenCount: read.reduce((sum, { modelOutput }) => sum + modelOutput.usage.input_tokens, 0),
      outputTokenCount: read.reduce((sum, { modelOutput }) => sum + modelOutput.usage.output_tokens, 0),
    });
  });

  test('makes one job of every JSONL file below a place, with an output for each', async () => {
    await put('many/b/two.jsonl', records(60, 40));
    await put('many/one.jsonl', records(40).trimEnd());
    await put('many/picture.png', 'not a record');
    const arn = await create({
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${Bucket}/many/`, s3InputFormat: 'JSONL' } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${Bucket}/out/` } },
    });
    clock.advance({ minutes: 1 });
    const folder = `out/${idOf(arn)}`;
    const names = ['manifest.json.out', 'one.jsonl.out', 'two.jsonl.out'];
    expect(await keysIn(folder)).toEqual(names.map((name) => `${folder}/${name}`));
    const one = (await textOf(`${folder}/one.jsonl.out`))?.trim().split('\n') ?? [];
    expect(one.map((line) => JSON.parse(line).recordId).toSorted()).toEqual(
      Array.from({ length: 40 }, (_, n) => `r-${n}`).toSorted(),
    );
    expect((await textOf(`${folder}/two.jsonl.out`))?.trim().split('\n')).toHaveLength(60);
  });

  test('gives a record without an id one of its own, and fails a job with a line that is none', async () => {
    await put(
      'in.jsonl',
      `${records(99)}{"modelInput":{"anthropic_version":"x","max_tokens":1,"messages":[]}}\n`,
    );
    const arn = await create();
    await put('bad.jsonl', `${records(99)}{"modelInput":7}\n`);
    const bad = await create({
      jobName: 'bad',
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${Bucket}/bad.jsonl` } },
    });
    clock.advance({ minutes: 1 });
    expect(await textOf(`out/${idOf(arn)}/in.jsonl.out`)).toContain('{"recordId":"R0000000099"');
    expect(await get(bad)).toMatchObject({
      status: 'Failed',
      message: 'Record 100 is not a JSON object with a modelInput.',
    });
    expect(await keysIn(`out/${idOf(bad)}`)).toEqual([]);
  });

  test('lists jobs newest first or oldest first, by name, status and time, and walks through all pages', async () => {
    await put('in.jsonl', records());
    const arns: string[] = [];
    for (const jobName of ['a-1', 'b-1', 'a-2', 'b-2', 'a-3']) {
      arns.push(await create({ jobName }));
      clock.advance({ seconds: 30 });
    }
    const list = async (query: ListModelInvocationJobsCommandInput) =>
      (await sdk.send(new ListModelInvocationJobsCommand(query))).invocationJobSummaries?.map(
        ({ jobName }) => jobName,
      );
    expect(await list({})).toEqual(['a-3', 'b-2', 'a-2', 'b-1', 'a-1']);
    expect(await list({ sortBy: 'CreationTime', sortOrder: 'Ascending' })).toEqual([
      'a-1',
      'b-1',
      'a-2',
      'b-2',
      'a-3',
    ]);
    expect(await list({ nameContains: '-2' })).toEqual(['b-2', 'a-2']);
    expect(await list({ submitTimeAfter: new Date('2026-11-22T10:01:15Z') })).toEqual(['a-3', 'b-2']);
    expect(await list({ submitTimeBefore: new Date('2026-11-22T10:00:15Z') })).toEqual(['a-1']);
    clock.advance({ seconds: -25 });
    expect(await list({ statusEquals: 'Completed' })).toEqual(['b-2', 'a-2', 'b-1', 'a-1']);
    expect(await list({ statusEquals: 'InProgress' })).toEqual(['a-3']);

    const found: unknown[] = [];
    let pages = 0;
    for await (const page of paginateListModelInvocationJobs({ client: sdk, pageSize: 2 }, {})) {
      pages += 1;
      found.push(...(page.invocationJobSummaries ?? []).map(({ jobArn }) => jobArn));
    }
    expect(found).toEqual(arns.toReversed());
    expect(pages).toBe(3);
    for (const maxResults of [0, 1001]) {
      const call = sdk.send(new ListModelInvocationJobsCommand({ maxResults }));
      expect(await failureOf(call)).toMatchObject({ name: 'ValidationException', status: 400 });
    }
  });

  test('sees the token, the places and the counts of a job in the list', async () => {
    await put('in.jsonl', records());
    const arn = await create({ clientRequestToken: 'token-1' });
    clock.advance({ minutes: 1 });
    const { invocationJobSummaries: [summary] = [] } = await sdk.send(new ListModelInvocationJobsCommand({}));
    expect(summary).toMatchObject({
      jobArn: arn,
      clientRequestToken: 'token-1',
      inputDataConfig: { s3InputDataConfig: { s3Uri: `s3://${Bucket}/in.jsonl` } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri: `s3://${Bucket}/out` } },
      totalRecordCount: 100,
      successRecordCount: 100,
    });
  });

  test('stops a job, and finds what had finished', async () => {
    await put('in.jsonl', records());
    const arn = await create();
    clock.advance({ seconds: 11 });
    await stop(arn);
    expect(await get(arn)).toMatchObject({ status: 'Stopping' });
    await stop(arn);
    clock.advance({ seconds: 2 });
    expect(await get(arn)).toMatchObject({
      status: 'Stopped',
      successRecordCount: 55,
      totalRecordCount: 100,
    });
    const lines = (await textOf(`out/${idOf(arn)}/in.jsonl.out`))?.trim().split('\n');
    expect(lines).toHaveLength(55);
    expect(await failureOf(stop(arn))).toEqual({
      name: 'ConflictException',
      message: 'A job in the state Stopped cannot be stopped.',
      status: 400,
    });
  });

  test('may repeat a creation, by itself or with the same token, and there is one job', async () => {
    await put('in.jsonl', records());
    emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    const arn = await create({ clientRequestToken: 'token-1' });
    expect(await create({ clientRequestToken: 'token-1' })).toBe(arn);
    expect(await emulator.batches()).toHaveLength(1);
    expect(await failureOf(create())).toEqual({
      name: 'ValidationException',
      message: 'The provided job name is currently in use.',
      status: 400,
    });
  });

  test.each([
    ['a name with a blank', { jobName: 'my job' }],
    ['a name of more than 63 characters', { jobName: 'x'.repeat(64) }],
    ['a role that is none', { roleArn: 'me' }],
    ['a model that is none', { modelId: 'gpt-2' }],
    ['a model that takes no batches', { modelId: 'amazon.titan-image-generator-v2:0' }],
    ['less than 24 hours', { timeoutDurationInHours: 23 }],
    ['more than 168 hours', { timeoutDurationInHours: 169 }],
    ['a token with a line below', { clientRequestToken: 'a_b' }],
    ['a kind of invocation that is none', { modelInvocationType: 'Guess' }],
    ['a place that is not in S3', { outputDataConfig: { s3OutputDataConfig: { s3Uri: 'https://x' } } }],
    ['no input', { inputDataConfig: undefined }],
  ])('is refused a job with %s', async (_name, changes) => {
    await put('in.jsonl', records());
    const call = create(changes as Partial<CreateModelInvocationJobCommandInput>);
    expect(await failureOf(call)).toMatchObject({ name: 'ValidationException', status: 400 });
    expect(await emulator.batches()).toEqual([]);
  });

  test('is refused what is not its own, in the words of the vendor', async () => {
    expect(await failureOf(get('abcdefghijkl'))).toMatchObject({
      name: 'ResourceNotFoundException',
      status: 404,
    });
    const role = { roleArn: 'arn:aws:iam::123456789012:role/other' };
    expect(await failureOf(create(role))).toMatchObject({ name: 'AccessDeniedException', status: 403 });
    const stranger = new BedrockClient({
      ...configOf({ accessKeyId: 'AKIASTRANGER' }),
      endpoint: emulator.baseUrl,
    });
    expect(await failureOf(stranger.send(new ListModelInvocationJobsCommand({})))).toEqual({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 403,
    });
    const anonymous = await fetch(`${emulator.baseUrl}/model-invocation-jobs`);
    expect(anonymous.status).toBe(403);
    expect(anonymous.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
  });

  test('is told of its mistakes: an unknown member, an unknown call, a call for another service', async () => {
    const authorization = await lastAuthorization();
    const call = (path: string, init: RequestInit = {}) =>
      fetch(emulator.baseUrl + path, { ...init, headers: { authorization } });
    const unknown = await call('/model-invocation-job', { method: 'POST', body: '{"priority":1}' });
    expect([unknown.status, await unknown.text()]).toEqual([400, expect.stringContaining('priority')]);
    expect((await call('/nothing')).headers.get('x-amzn-errortype')).toBe('UnknownOperationException');
    const other = await call(`/s3/${Bucket}/x`);
    expect([other.status, await other.text()]).toEqual([403, expect.stringContaining('another service')]);
  });
});

/** The header that the SDK signs a call to Bedrock with. */
const lastAuthorization = async (): Promise<string> => {
  const client = new BedrockClient({ ...configOf(), endpoint: emulator.baseUrl });
  let authorization = '';
  client.middlewareStack.add(
    (next) => async (args) => {
      authorization = (args.request as { headers: Record<string, string> }).headers['authorization'] ?? '';
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'listen' },
  );
  await client.send(new ListModelInvocationJobsCommand({}));
  return authorization;
};

describe('the SDK of S3', () => {
  test('puts a text, a stream that it frames itself, and an empty object, and gets what it put', async () => {
    // It warns of its own framing, which has a length only before it is framed.
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const stream = Readable.from(
      Array.from({ length: 500 }, (_, n) => Buffer.from(`${'é'.repeat(300)}${n}\n`)),
    );
    const text = Array.from({ length: 500 }, (_, n) => `${'é'.repeat(300)}${n}\n`).join('');
    const ContentLength = Buffer.byteLength(text);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'stream', Body: stream, ContentLength }));
    await put('a/plain text & more', 'Grüße');
    await put('empty', '');
    expect(await textOf('stream')).toBe(text);
    expect(await textOf('a/plain text & more')).toBe('Grüße');
    expect(await textOf('empty')).toBe('');
    expect(await keysIn()).toEqual(['a/plain text & more', 'empty', 'stream']);
  });

  test('replaces an object, unless it says that there must be none', async () => {
    await put('a', 'one');
    await put('a', 'two');
    const careful = new PutObjectCommand({ Bucket, Key: 'a', Body: 'three', IfNoneMatch: '*' });
    expect(await failureOf(s3.send(careful))).toMatchObject({ name: 'PreconditionFailed', status: 412 });
    expect(await textOf('a')).toBe('two');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'b', Body: 'three', IfNoneMatch: '*' }));
    expect(await keysIn()).toEqual(['a', 'b']);
  });

  test('learns of an object without reading it, and reads a part of it', async () => {
    const { ETag } = await put('a', 'abcdef');
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: 'a' }))).toMatchObject({
      ContentLength: 6,
      ETag,
      LastModified: new Date('2026-11-22T10:00:00Z'),
    });
    expect(await textOf('a', 'bytes=2-')).toBe('cdef');
    expect(await textOf('a', 'bytes=1-2')).toBe('bc');
    expect(await failureOf(textOf('a', 'bytes=6-'))).toMatchObject({ name: 'InvalidRange', status: 416 });
  });

  test('reads a part of what a job has left, and learns how large it is', async () => {
    await put('in.jsonl', records());
    const Key = `out/${idOf(await create())}/in.jsonl.out`;
    clock.advance({ minutes: 1 });
    const whole = Buffer.from((await textOf(Key)) ?? '');
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
      ContentLength: whole.length,
    });
    const second = whole.indexOf('\n') + 1;
    expect(await textOf(Key, `bytes=${second}-`)).toBe(whole.subarray(second).toString());
    expect(await textOf(Key, `bytes=5-${second + 4}`)).toBe(whole.subarray(5, second + 5).toString());
  });

  test('deletes what was put and what was left, and may do so twice', async () => {
    await put('in.jsonl', records());
    const arn = await create();
    clock.advance({ minutes: 1 });
    for (const Key of ['in.jsonl', `out/${idOf(arn)}/in.jsonl.out`, 'nothing']) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    }
    expect(await keysIn()).toEqual([`out/${idOf(arn)}/manifest.json.out`]);
    // The job has its records for itself.
    expect(await get(arn)).toMatchObject({ status: 'Completed' });
  });

  test('walks through all pages of a list, which begins where it is asked to', async () => {
    for (let n = 0; n < 7; n += 1) await put(`k/${n}`, String(n));
    await put('other', 'x');
    const found: unknown[] = [];
    let pages = 0;
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket, Prefix: 'k/' })) {
      pages += 1;
      found.push(...(page.Contents ?? []).map(({ Key, Size }) => [Key, Size]));
    }
    expect(found).toEqual(Array.from({ length: 7 }, (_, n) => [`k/${n}`, 1]));
    expect(pages).toBe(3);
    const late = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'k/', StartAfter: 'k/4' }));
    expect(late).toMatchObject({ KeyCount: 2, IsTruncated: false, Name: Bucket });
  });

  test('is refused what is not there or not its own, in the words of the vendor', async () => {
    expect(await failureOf(textOf('nothing'))).toMatchObject({ name: 'NoSuchKey', status: 404 });
    const head = s3.send(new HeadObjectCommand({ Bucket, Key: 'nothing' }));
    expect(await failureOf(head)).toMatchObject({ name: 'NotFound', status: 404 });
    const elsewhere = s3.send(new ListObjectsV2Command({ Bucket: 'somebody-elses' }));
    expect(await failureOf(elsewhere)).toMatchObject({ name: 'NoSuchBucket', status: 404 });
    const stranger = new S3Client({
      ...configOf({ accessKeyId: 'AKIASTRANGER' }),
      endpoint: emulator.more?.['s3Endpoint'] ?? '',
      forcePathStyle: true,
    });
    const call = stranger.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a' }));
    expect(await failureOf(call)).toMatchObject({ name: 'InvalidAccessKeyId', status: 403 });
    expect(await keysIn()).toEqual([]);
  });

  test('is not believed a checksum that is not that of the object', async () => {
    const wrong = new PutObjectCommand({ Bucket, Key: 'a', Body: 'abc', ChecksumCRC32: 'AAAAAA==' });
    expect(await failureOf(s3.send(wrong))).toMatchObject({ name: 'BadDigest', status: 400 });
    expect(await keysIn()).toEqual([]);
  });

  test('keeps no object whose body broke off', async () => {
    const authorization = `AWS4-HMAC-SHA256 Credential=${emulator.more?.['accessKeyId']}/20261122/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=${createHash('sha256').digest('hex')}`;
    const call = request(`${emulator.more?.['s3Endpoint']}/${Bucket}/torn`, {
      method: 'PUT',
      headers: { authorization, 'content-length': '100' },
    });
    const ended = new Promise((resolve) => call.once('close', resolve));
    call.on('error', () => {});
    await new Promise<void>((resolve) => call.write('half', () => resolve()));
    call.destroy();
    await ended;
    expect(await keysIn()).toEqual([]);
  });
});

describe('each doubt about the vendor can be turned both ways', () => {
  const prepared = async (switches: Record<string, string>) => {
    await emulator.close();
    await begin({ switches });
    await put('in.jsonl', records());
  };

  test('a repeated token is answered with the job, with nothing, or with a conflict', async () => {
    const again = async (repeatedToken: string) => {
      await prepared({ repeatedToken });
      const first = await create({ clientRequestToken: 't' });
      const answer = await create({ clientRequestToken: 't' }).catch(({ name }: Error) => name);
      expect(await emulator.batches()).toHaveLength(1);
      return answer === first ? 'the same' : answer;
    };
    expect(await again('same-answer')).toBe('the same');
    expect(await again('empty-answer')).toBe('');
    expect(await again('conflict')).toBe('ConflictException');
  });

  test('a name that is in use is invalid, a conflict, or taken', async () => {
    const again = async (jobNameInUse: string) => {
      await prepared({ jobNameInUse });
      await create();
      return create().then(
        () => 'taken',
        ({ name }: Error) => name,
      );
    };
    expect(await again('validation')).toBe('ValidationException');
    expect(await again('conflict')).toBe('ConflictException');
    expect(await again('accepted')).toBe('taken');
  });

  test('stopping what is over is a conflict, invalid, or taken', async () => {
    const late = async (stopWhenOver: string) => {
      await prepared({ stopWhenOver });
      const arn = await create();
      clock.advance({ minutes: 1 });
      return stop(arn).then(
        () => 'taken',
        ({ name }: Error) => name,
      );
    };
    expect(await late('conflict')).toBe('ConflictException');
    expect(await late('validation')).toBe('ValidationException');
    expect(await late('answered')).toBe('taken');
  });

  test('as many jobs as one likes may be open, or twenty', async () => {
    const open = async (jobsMax: string) => {
      await prepared({ jobsMax });
      for (let n = 0; n < 20; n += 1) await create({ jobName: `job-${n}` });
      return create({ jobName: 'one-more' }).then(
        () => 'taken',
        ({ name }: Error) => name,
      );
    };
    expect(await open('none')).toBe('taken');
    expect(await open('20')).toBe('ServiceQuotaExceededException');
  });

  test('the word of an error stands in a header or in the body, and is the same', async () => {
    for (const errorWord of ['header', 'body']) {
      await prepared({ errorWord });
      expect(await failureOf(get('abcdefghijkl'))).toMatchObject({ name: 'ResourceNotFoundException' });
    }
  });
});
