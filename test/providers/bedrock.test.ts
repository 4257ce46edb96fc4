/** What the adapter for Bedrock reads and writes, without a wire: lines, reports, errors, places in S3. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { bedrock } from '../../src/providers/bedrock/index.ts';
import { createRefusals } from '../../src/providers/bedrock/refusal.ts';
import { newReport, toReport } from '../../src/providers/bedrock/report.ts';
import { below, jobPlaces, readS3Uri, s3Uri } from '../../src/providers/bedrock/s3-uri.ts';
import { readKeyPage, readS3Error } from '../../src/providers/bedrock/s3-wire.ts';
import { readCreated, readError, readJob, readJobPage } from '../../src/providers/bedrock/wire.ts';
import type { DecodedLine } from '../../src/providers/provider.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/bedrock/fixtures/${name}`, import.meta.url), 'utf8');

describe('settings', () => {
  const { more = {} } = bedrock.settings;
  const fits = (name: string, value: string) => more[name]?.pattern.test(value);

  test('a region and a place in S3 are needed, and must look like them', () => {
    expect(Object.keys(more).filter((name) => more[name]?.required)).toEqual(['region', 's3Uri']);
    for (const region of ['us-east-1', 'eu-central-2', 'us-gov-west-1', 'ap-southeast-5', 'us-iso-east-1']) {
      expect(fits('region', region), region).toBe(true);
    }
    for (const region of ['us', 'US-EAST-1', 'us-east-1a', 'https://x'])
      expect(fits('region', region)).toBe(false);
    for (const uri of ['s3://bucket', 's3://my.bucket-1/', 's3://bucket/a/b_c', 's3://bucket/a/']) {
      expect(fits('s3Uri', uri), uri).toBe(true);
      expect(readS3Uri(uri), uri).not.toBeNull();
    }
    for (const uri of ['bucket/a', 's3://', 's3://b', 's3://Bucket/a', 's3://bucket//a', 's3://bucket/a b']) {
      expect(fits('s3Uri', uri), uri).toBe(false);
    }
  });

  test('the windows are the whole days that the vendor allows', () => {
    expect(bedrock.completionWindows).toEqual([1, 2, 3, 4, 5, 6, 7].map((days) => `${24 * days}h`));
  });
});

describe('dialect', () => {
  const read = (text: string) => {
    const line = readJsonLine(text);
    if ('problem' in line) throw new Error(line.problem);
    return bedrock.dialect.read(line);
  };
  const problems = (endpoint: string, body: JsonObject) =>
    bedrock.dialect.inspect({ endpoint, body }).problems;

  test('a native line is taken apart, and its body stays the text that it was', () => {
    expect(read('{"recordId":"a","modelInput":{"n": 12345678901234567890}}')).toEqual({
      customId: 'a',
      endpoint: null,
      body: '{"n": 12345678901234567890}',
      problems: [],
    });
  });

  test('a record may lack its id, and one whose id is no string says so', () => {
    expect(read('{"modelInput":{}}')).toMatchObject({ customId: null, problems: [] });
    expect(read('{"recordId":7,"modelInput":{}}')).toMatchObject({
      customId: null,
      problems: ['recordId must be a string'],
    });
  });

  test('a line of another form is left to others', () => {
    expect(read('{"recordId":"a","modelInput":"text"}')).toBeNull();
    expect(read('{"recordId":"a","body":{}}')).toBeNull();
    expect(read('{"recordId":"a","modelInput":{},"priority":1}')).toBeNull();
    expect(read('{"custom_id":"a","params":{}}')).toBeNull();
  });

  test('a body is whatever the model takes, as long as it is something and names no model of its own', () => {
    expect(problems('InvokeModel', { inputText: 'Hi' })).toEqual([]);
    expect(problems('InvokeModel', {})).toEqual(['body must not be empty']);
    expect(problems('InvokeModel', { modelId: 'x', prompt: 'Hi' })).toEqual([
      'body.modelId must not be there: a job has one model for all its requests',
    ]);
  });

  test('a body for Converse needs a message', () => {
    const problem = 'body.messages must be a list with at least one message';
    expect(problems('Converse', { messages: [{ role: 'user', content: [{ text: 'Hi' }] }] })).toEqual([]);
    expect(problems('Converse', { prompt: 'Hi' })).toEqual([problem]);
    expect(problems('Converse', { messages: [] })).toEqual([problem]);
    expect(problems('InvokeModel', { messages: [] })).toEqual([]);
  });
});

describe('decode', () => {
  const outcome = (line: string) => {
    const decoded: DecodedLine = bedrock.decoding.decode(line);
    if (decoded.kind === 'malformed') throw new Error(decoded.reason);
    return decoded.outcome;
  };
  const lines = fixture('result-lines.jsonl').trim().split('\n');
  const error = (errorCode: unknown) => outcome(JSON.stringify({ recordId: 'a', error: { errorCode } }));

  test('the lines of the facts are read as what they say', () => {
    const read = lines.map((line) => {
      const decoded = bedrock.decoding.decode(line);
      if (decoded.kind === 'malformed') return decoded;
      const { status, errorCode, errorMessage, retryable, stopReason } = decoded.outcome;
      return [decoded.key, status, errorCode, errorMessage, retryable, stopReason];
    });
    expect(read).toEqual([
      ['3223593EFGH', 'SUCCEEDED', null, null, null, 'FINISH'],
      ['1223213ABCD', 'ERRORED', 'http_400', 'bad request', false, null],
      ['claude', 'SUCCEEDED', null, null, null, 'end_turn'],
      ['converse', 'SUCCEEDED', null, null, null, 'max_tokens'],
      ['nova', 'SUCCEEDED', null, null, null, 'end_turn'],
      ['llama', 'SUCCEEDED', null, null, null, 'stop'],
      ['mistral', 'SUCCEEDED', null, null, null, 'length'],
      ['chat', 'SUCCEEDED', null, null, null, 'stop'],
      ['vector', 'SUCCEEDED', null, null, null, null],
      ['throttled', 'ERRORED', 'http_429', expect.stringContaining('Too many'), true, null],
      ['broken', 'ERRORED', 'http_500', 'Internal server error', true, null],
      ['word', 'ERRORED', 'model_timeout_exception', null, true, null],
    ]);
    expect(lines.map(bedrock.decoding.readText)).toEqual([
      'blue\n',
      null,
      '4',
      'four',
      'four',
      ' four',
      ' four',
      'four',
      null,
      null,
      null,
      null,
    ]);
  });

  test('tokens are counted in one way for all models: the input with what went through the cache', () => {
    const usages = Object.fromEntries(
      lines.map((line) => [JSON.parse(line).recordId, outcome(line).usage] as const),
    );
    expect(usages).toMatchObject({
      '3223593EFGH': { ...unknownUsage, inputTokens: 8, outputTokens: 3 },
      '1223213ABCD': unknownUsage,
      claude: {
        inputTokens: 330,
        outputTokens: 5,
        cachedInputTokens: 300,
        cacheWriteInputTokens: 20,
        reasoningTokens: null,
      },
      converse: {
        inputTokens: 110,
        outputTokens: 2,
        cachedInputTokens: 100,
        cacheWriteInputTokens: 3,
        reasoningTokens: null,
      },
      nova: { inputTokens: 7, outputTokens: 2, cachedInputTokens: 0, cacheWriteInputTokens: 0 },
      llama: { ...unknownUsage, inputTokens: 6, outputTokens: 2 },
      mistral: unknownUsage,
      chat: { ...unknownUsage, inputTokens: 6, outputTokens: 9, reasoningTokens: 7 },
      vector: { ...unknownUsage, inputTokens: 4 },
    });
  });

  test('an error whose code speaks of the moment may be tried again, another may not', () => {
    expect([408, 429, 500, 503].map((code) => error(code).retryable)).toEqual([true, true, true, true]);
    expect([400, 403, 404, 413, 424].map((code) => error(code).retryable)).toEqual(Array(5).fill(false));
    expect(error('429')).toMatchObject({ errorCode: 'http_429', retryable: true });
    expect(error('ValidationException')).toMatchObject({
      errorCode: 'validation_exception',
      retryable: false,
    });
    expect(error({})).toMatchObject({ errorCode: 'unknown_error', retryable: false });
  });

  test('a line that cannot be read is malformed, and one that names its item is that item, errored', () => {
    for (const line of ['', '{', '[]', 'null', '{}', '{"recordId":7}']) {
      expect(bedrock.decoding.decode(line)).toEqual({ kind: 'malformed', reason: expect.any(String) });
      expect(bedrock.decoding.readText(line)).toBeNull();
    }
    const strange = [
      '',
      ',"modelOutput":null',
      ',"modelOutput":{}',
      ',"modelOutput":"x"',
      ',"modelOutput":{"kind":1}',
    ];
    for (const rest of strange) {
      expect(outcome(`{"recordId":"a"${rest}}`)).toMatchObject({
        status: 'ERRORED',
        errorCode: 'unreadable_result',
      });
    }
  });

  test('an error beside an output is an error', () => {
    const line = '{"recordId":"a","modelOutput":{"generation":"x"},"error":{"errorCode":500}}';
    expect(outcome(line).status).toBe('ERRORED');
    expect(bedrock.decoding.readText(line)).toBeNull();
  });
});

describe('report', () => {
  const recorded: JsonObject = JSON.parse(fixture('job.json'));
  const report = (changes: JsonObject = {}) => {
    const raw = JSON.stringify({ ...recorded, ...changes });
    const job = readJob(raw);
    if (job === null) throw new Error('unreadable');
    return toReport(job, raw);
  };

  test('the job object of the facts is read in full', () => {
    expect(report()).toEqual({
      status: 'RUNNING',
      finalizing: false,
      providerStatus: 'InProgress',
      raw: JSON.stringify(recorded),
      counts: { total: 100, succeeded: 40, errored: 1, expired: null, cancelled: null },
      inProgressAt: null,
      finalizingAt: null,
      endedAt: null,
      expiresAt: new Date('2026-11-23T10:00:00Z'),
      resultsExpireAt: null,
      resultsReady: false,
      inputFileId: 's3://bucket/batches/abcdefghij0123456789/input.jsonl',
      outputFileId: 's3://bucket/batches/abcdefghij0123456789/output/abcdefghijkl/',
      errorFileId: null,
      error: null,
    });
  });

  test('each of the ten words means one state, and a new word leaves it open', () => {
    const meant = {
      Submitted: 'PENDING',
      Validating: 'PENDING',
      Scheduled: 'RUNNING',
      InProgress: 'RUNNING',
      Stopping: 'CANCELLING',
      Completed: 'COMPLETED',
      PartiallyCompleted: 'EXPIRED',
      Expired: 'EXPIRED',
      Failed: 'FAILED',
      Stopped: 'CANCELLED',
    };
    for (const [word, status] of Object.entries(meant)) {
      expect(report({ status: word })).toMatchObject({ status, providerStatus: word });
    }
    for (const word of ['constructor', 'completed', '']) {
      expect(report({ status: word })).toMatchObject({
        status: null,
        providerStatus: word,
        resultsReady: false,
      });
    }
  });

  test('a job with nothing but an ARN and a status is still read', () => {
    const raw =
      '{"jobArn":"arn:x/abcdefghijkl","status":"Completed","totalRecordCount":null,"endTime":"soon"}';
    const job = readJob(raw);
    expect(job && toReport(job, raw)).toMatchObject({
      status: 'COMPLETED',
      counts: { total: null, succeeded: null },
      endedAt: null,
      inputFileId: null,
      outputFileId: null,
      resultsReady: true,
    });
    for (const strange of ['<html>', '[]', 'null', '{}', '{"jobArn":"","status":"x"}', '{"jobArn":"x"}']) {
      expect(readJob(strange), strange).toBeNull();
    }
  });

  test('a total of zero is not known, and what was not processed expired or was cancelled with its job', () => {
    expect(
      report({ totalRecordCount: 0, successRecordCount: 0, errorRecordCount: 0 }).counts.succeeded,
    ).toBeNull();
    expect(report({ status: 'PartiallyCompleted' }).counts).toMatchObject({ expired: 59, cancelled: null });
    expect(report({ status: 'Stopped' }).counts).toMatchObject({ expired: null, cancelled: 59 });
    expect(report({ status: 'Stopping' }).counts).toMatchObject({ expired: null, cancelled: null });
    expect(report({ status: 'Stopped', errorRecordCount: null }).counts).toMatchObject({
      total: 100,
      succeeded: 40,
      errored: null,
      cancelled: null,
    });
  });

  test('a failed job says why, and has results only where some were counted', () => {
    const failed = {
      status: 'Failed',
      message: 'Too few records.',
      successRecordCount: 0,
      errorRecordCount: 0,
    };
    expect(report(failed)).toMatchObject({
      error: { code: 'batch_failed', message: 'Too few records.' },
      resultsReady: false,
    });
    expect(report({ ...failed, message: null }).error?.message).toBe('The provider failed the batch.');
    expect(report({ ...failed, successRecordCount: 3 }).resultsReady).toBe(true);
    expect(report({ message: 'Busy.' }).error).toBeNull();
  });

  test('of a new job nothing is known but that it was submitted', () => {
    expect(newReport('{"jobArn":"x"}')).toMatchObject({
      status: 'PENDING',
      providerStatus: 'Submitted',
      raw: '{"jobArn":"x"}',
      resultsReady: false,
      counts: { total: null },
    });
  });
});

describe('wire', () => {
  test('a page of jobs and a creation are read, or are neither', () => {
    const page = readJobPage(`{"invocationJobSummaries":[${fixture('job.json')}],"nextToken":"n"}`);
    expect(page).toMatchObject({
      invocationJobSummaries: [{ clientRequestToken: 'abcdefghij0123456789', totalRecordCount: 100 }],
      nextToken: 'n',
    });
    expect(readJobPage('{"invocationJobSummaries":[]}')).toEqual({
      invocationJobSummaries: [],
      nextToken: null,
    });
    for (const strange of ['{}', '<html>', '{"invocationJobSummaries":[{}]}', '[]']) {
      expect(readJobPage(strange), strange).toBeNull();
    }
    expect(readCreated('{"jobArn":"arn:x"}')).toEqual({ jobArn: 'arn:x' });
    expect(readCreated('{}')).toBeNull();
  });

  test('an error has its word in a header or in the body', () => {
    const headers = new Headers({ 'x-amzn-errortype': 'ThrottlingException' });
    const none = new Headers();
    expect(readError({ headers, text: '{"message":"Slow down."}' })).toEqual({
      code: 'ThrottlingException',
      message: 'Slow down.',
    });
    expect(readError({ headers: none, text: '{"__type":"a.b#ConflictException","Message":"No."}' })).toEqual({
      code: 'a.b#ConflictException',
      message: 'No.',
    });
    for (const text of ['', '<html>', '[]', '{"message":7}']) {
      expect(readError({ headers: none, text })).toEqual({ code: null, message: null });
    }
  });

  test('a page of keys is read with its references resolved', () => {
    expect(readKeyPage(fixture('objects.xml'))).toEqual({
      keys: ['out/abcdefghijkl/a & b.jsonl.out', 'out/abcdefghijkl/manifest.json.out'],
      next: '1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=',
    });
    const last =
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>&#x61;&#98;&lt;</Key></Contents></ListBucketResult>';
    expect(readKeyPage(last)).toEqual({ keys: ['ab<'], next: null });
  });

  test('a page of keys that is none, is torn, or leads nowhere is not read', () => {
    const whole = fixture('objects.xml');
    const strange = ['', '{}', '<html>', whole.slice(0, -20), whole.replace(/<Next.*Token>/, '')];
    for (const text of strange) expect(readKeyPage(text)).toBeNull();
  });

  test('an error of S3 is read, and one that is none has neither word nor sentence', () => {
    const text = '<Error><Code>NoSuchKey</Code><Message>It&apos;s gone.</Message></Error>';
    expect(readS3Error(text)).toEqual({ code: 'NoSuchKey', message: "It's gone." });
    expect(readS3Error('{}')).toEqual({ code: null, message: null });
  });

  test('a place in S3 is read and written, with one slash between its parts', () => {
    expect(readS3Uri('s3://bucket/a/b')).toEqual({ bucket: 'bucket', key: 'a/b' });
    expect(readS3Uri('s3://bucket')).toEqual({ bucket: 'bucket', key: '' });
    for (const uri of ['', 'https://bucket/a', 's3://', 's3://a@b/c', 's3://arn:aws:s3/x']) {
      expect(readS3Uri(uri), uri).toBeNull();
    }
    expect(s3Uri(below({ bucket: 'b', key: '/a/' }, 'c/'))).toBe('s3://b/a/c/');
    expect(jobPlaces({ bucket: 'b', key: '' }, 'n')).toEqual({
      input: { bucket: 'b', key: 'n/input.jsonl' },
      output: { bucket: 'b', key: 'n/output/' },
    });
  });
});

describe('refusals', () => {
  const now = new Date('2026-11-22T10:00:00Z');
  const refusals = createRefusals(
    {
      baseUrl: 'https://x',
      apiKey: 'arn:aws:iam::1:role/r',
      more: { accessKeyId: 'AKIAVERYOWN', secretAccessKey: 'shh/shh', sessionToken: 'tok' },
    },
    () => now,
  );
  const control = (status: number, word: string, message = 'No.', creates = true) =>
    refusals.control(
      { status, headers: new Headers({ 'x-amzn-errortype': word }), text: JSON.stringify({ message }) },
      { creates },
    );

  test('each word of the service means one kind of failure for a creation', () => {
    const kinds = {
      'ValidationException 400': 'rejected',
      'AccessDeniedException 403': 'rejected',
      'UnrecognizedClientException 403': 'rejected',
      'ResourceNotFoundException 404': 'rejected',
      'ThrottlingException 429': 'throttled',
      'ThrottlingException 400': 'throttled',
      'ServiceQuotaExceededException 400': 'throttled',
      'ConflictException 400': 'uncertain',
      'InternalServerException 500': 'uncertain',
      'ServiceUnavailableException 503': 'uncertain',
    };
    for (const [answer, kind] of Object.entries(kinds)) {
      const [word = '', status] = answer.split(' ');
      expect(control(Number(status), word).kind, answer).toBe(kind);
    }
  });

  test('a name that is in use says that the job is there, and only of a creation', () => {
    const message = 'The provided job name is currently in use.';
    expect(control(400, 'ValidationException', message).kind).toBe('uncertain');
    expect(control(400, 'ValidationException', message, false).kind).toBe('rejected');
    expect(control(400, 'ValidationException', 'The bucket name does not exist.').kind).toBe('rejected');
    expect(control(400, 'ConflictException', 'No.', false).kind).toBe('rejected');
  });

  test('the word is told in snake_case, without what may stand around it', () => {
    expect(control(400, 'ValidationException:http://internal/').code).toBe('validation_exception');
    expect(control(400, 'com.amazonaws.bedrock#ConflictException').code).toBe('conflict_exception');
    const s3 = (code: string) =>
      refusals.s3({ status: 404, headers: new Headers(), text: `<Error><Code>${code}</Code></Error>` }).code;
    expect(s3('NoSuchKey')).toBe('no_such_key');
    expect(s3('InvalidAccessKeyId')).toBe('invalid_access_key_id');
  });

  test('S3 that is busy is throttled, and a bucket that is elsewhere is rejected', () => {
    const headers = new Headers({ 'retry-after': '7' });
    const text = '<Error><Code>SlowDown</Code></Error>';
    expect(refusals.s3({ status: 503, headers, text })).toMatchObject({
      kind: 'throttled',
      retryAt: new Date('2026-11-22T10:00:07Z'),
    });
    expect(refusals.s3({ status: 500, headers: new Headers(), text: '' }).kind).toBe('unavailable');
    const moved = '<Error><Code>PermanentRedirect</Code><Message>Elsewhere.</Message></Error>';
    expect(refusals.s3({ status: 301, headers: new Headers(), text: moved })).toMatchObject({
      kind: 'rejected',
      code: 'permanent_redirect',
    });
  });

  test('no secret stands in a text, whatever is quoted', () => {
    const { message, code } = control(400, 'BadAKIAVERYOWN', 'You are AKIAVERYOWN with shh/shh and tok.');
    expect(message).toBe('You are [redacted] with [redacted] and [redacted].');
    expect(code).not.toContain('AKIAVERYOWN');
  });
});
