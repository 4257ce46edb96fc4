/** What sync.so's wire means for us: the pure halves of its provider, and its audit. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { auditProvider } from '../../src/providers/audit.ts';
import type { DecodedLine, Provider } from '../../src/providers/provider.ts';
import { sync } from '../../src/providers/sync/index.ts';
import { nextUrl } from '../../src/providers/sync/output.ts';
import { toReport } from '../../src/providers/sync/report.ts';
import { readBatch, readBatches, readErrorBody } from '../../src/providers/sync/wire.ts';

const fixture = (name: string) =>
  readFileSync(new URL(`../../src/providers/sync/fixtures/${name}`, import.meta.url), 'utf8');

describe('the audit', () => {
  test('notices a decoder that takes a word from the future for a success', async () => {
    const credulous: Provider = {
      ...sync,
      decoding: {
        ...sync.decoding,
        decode: (line) => sync.decoding.decode(line.replace('"from the future"', '"COMPLETED"')),
      },
    };
    const { findings } = await auditProvider(credulous, { only: ['BQ-D07'] });
    expect(findings).toMatchObject([{ id: 'BQ-D07', verdict: 'fail' }]);
  });
});

describe('dialect', () => {
  const read = (text: string) => {
    const line = readJsonLine(text);
    if ('problem' in line) throw new Error(line.problem);
    return sync.dialect.read(line);
  };
  const inspect = (body: JsonObject) => sync.dialect.inspect({ endpoint: '/v2/generate', body });

  test("the lines of the vendor's own sample are taken apart, their payloads verbatim", () => {
    const lines = fixture('input-lines.jsonl').trim().split('\n');
    expect(lines.map(read)).toEqual(
      lines.map((line, index) => ({
        customId: `video_00${index + 1}`,
        endpoint: '/v2/generate',
        body: line.slice(line.indexOf('"payload": ') + '"payload": '.length, -1),
        problems: [],
      })),
    );
    for (const line of lines) expect(inspect(JSON.parse(read(line)?.body ?? '')).problems).toEqual([]);
  });

  test('a line that is native and wrong says what is wrong with it', () => {
    expect(read('{"request_id":7,"endpoint":8,"payload":{}}')).toMatchObject({
      customId: null,
      endpoint: null,
      problems: ['request_id must be a string', 'endpoint must be a string'],
    });
    expect(read('{"request_id":"a","endpoint":"/v2/other","payload":{}}')?.endpoint).toBe('/v2/other');
  });

  test('a line of another form is left to others', () => {
    expect(read('{"custom_id":"a","endpoint":"/v2/generate","payload":{}}')).toBeNull();
    expect(read('{"request_id":"a","endpoint":"/v2/generate","payload":"text"}')).toBeNull();
    expect(read('{"request_id":"a","endpoint":"/v2/generate"}')).toBeNull();
    expect(read('{"request_id":"a","body":{}}')).toBeNull();
    expect(read('{"payload":{}}')).toBeNull();
  });

  test('a payload needs a model and typed inputs, and each problem names its field', () => {
    expect(inspect({ model: 'lipsync-2', input: [{ type: 'video', url: 'https://x' }] })).toEqual({
      model: 'lipsync-2',
      agentId: null,
      problems: [],
    });
    const noInput = 'body.input must be an array that is not empty';
    expect(inspect({ model: '', input: [] })).toMatchObject({
      model: null,
      problems: ['body.model must be a non-empty string', noInput],
    });
    expect(inspect({ model: 'm', input: 'x' }).problems).toEqual([noInput]);
    expect(inspect({ model: 'm', input: [{ type: 'audio' }, 'x', { type: 7 }] }).problems).toEqual([
      'body.input.1 must be an object with a type',
      'body.input.2 must be an object with a type',
    ]);
  });
});

describe('decode', () => {
  const outcome = (line: JsonObject | string) => {
    const decoded: DecodedLine = sync.decoding.decode(typeof line === 'string' ? line : JSON.stringify(line));
    if (decoded.kind === 'malformed') throw new Error(decoded.reason);
    return decoded.outcome;
  };

  test('a line is read in whichever spelling it comes, and none has a text', () => {
    const lines = fixture('result-lines.jsonl').trim().split('\n');
    const failure = { status: 'ERRORED', stopReason: null, usage: unknownUsage };
    expect(lines.map(sync.decoding.decode)).toEqual([
      {
        kind: 'result',
        key: 'a',
        outcome: {
          status: 'SUCCEEDED',
          errorCode: null,
          errorMessage: null,
          retryable: null,
          stopReason: null,
          usage: unknownUsage,
        },
      },
      {
        kind: 'result',
        key: 'b',
        outcome: {
          ...failure,
          errorCode: 'generation_rejected',
          errorMessage: 'The input was rejected.',
          retryable: false,
        },
      },
      {
        kind: 'result',
        key: 'c',
        outcome: {
          ...failure,
          errorCode: 'generation_timeout',
          errorMessage: 'The generation timed out.',
          retryable: true,
        },
      },
      {
        kind: 'result',
        key: 'd',
        outcome: {
          ...failure,
          errorCode: 'generation_input_audio_invalid',
          errorMessage: 'The audio cannot be read.; It has no samples.',
          retryable: false,
        },
      },
      {
        kind: 'result',
        key: 'e',
        outcome: {
          ...failure,
          errorCode: 'not_finished',
          errorMessage: 'The batch ended before this generation did.',
          retryable: true,
        },
      },
    ]);
    expect(lines.map(sync.decoding.readText)).toEqual(lines.map(() => null));
  });

  test('a failure that lies with the input is not worth another try, any other is', () => {
    const retryable = (error_code: string | null) =>
      outcome({ request_id: 'a', status: 'FAILED', error: 'no', error_code }).retryable;
    const input = [
      'generation_unsupported_model',
      'generation_media_metadata_missing',
      'generation_input_video_inaccessible',
      'generation_audio_length_exceeded',
      'generation_text_length_exceeded',
    ];
    expect(input.map(retryable)).toEqual(input.map(() => false));
    const moment = ['generation_pipeline_failed', 'generation_infra_resource_exhausted', 'what?', null];
    expect(moment.map(retryable)).toEqual(moment.map(() => true));
  });

  test('a word that is no code is left out, and an error without words still has a code', () => {
    const rejected = (more: JsonObject) => outcome({ request_id: 'a', status: 'REJECTED', ...more });
    expect(rejected({ error_code: 'Not a code!' })).toMatchObject({ errorCode: 'generation_rejected' });
    expect(rejected({ errorCode: 'MODERATED' })).toMatchObject({
      errorCode: 'moderated',
      errorMessage: null,
      retryable: false,
    });
  });

  test('a line without a status is what it tells besides', () => {
    expect(outcome({ request_id: 'a', output_url: 'https://x/a.mp4' }).status).toBe('SUCCEEDED');
    expect(outcome({ request_id: 'a', error: 'no' })).toMatchObject({
      status: 'ERRORED',
      errorMessage: 'no',
    });
  });

  test('a line that cannot be read is malformed, and one that names its item is that item, errored', () => {
    for (const line of ['', '{', '[]', 'null', '{}', '{"request_id":7}']) {
      expect(sync.decoding.decode(line)).toEqual({ kind: 'malformed', reason: expect.any(String) });
    }
    for (const more of [
      {},
      { status: 'DANCING', output_url: 'https://x' },
      { status: 7 },
      { output_url: 7 },
    ]) {
      expect(outcome({ request_id: 'a', ...more })).toMatchObject({
        status: 'ERRORED',
        errorCode: 'unreadable_result',
        retryable: false,
      });
    }
  });
});

describe('report', () => {
  const [finished]: JsonObject[] = JSON.parse(fixture('list.json'));
  const report = (changes: JsonObject = {}, requestCount = 5) => {
    const raw = JSON.stringify({ ...finished, ...changes });
    return toReport(readBatch(raw) ?? expect.fail(), raw, requestCount);
  };
  const uncounted = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };

  test('the batch of the create page is pending, and what it counts then is not believed', () => {
    const raw = fixture('batch.json');
    expect(toReport(readBatch(raw) ?? expect.fail(), raw, 5)).toEqual({
      status: 'PENDING',
      finalizing: false,
      providerStatus: 'PENDING',
      raw,
      counts: uncounted,
      inProgressAt: null,
      finalizingAt: null,
      endedAt: null,
      expiresAt: null,
      resultsExpireAt: null,
      resultsReady: false,
      inputFileId: null,
      outputFileId: null,
      errorFileId: null,
      error: null,
      callback: {
        url: 'https://your-webhook-url.com/batch-webhook',
        sentAt: null,
        statusCode: null,
        error: null,
      },
    });
  });

  test('the batches of the list page are read in full', () => {
    const batches = readBatches(fixture('list.json')) ?? expect.fail();
    expect(batches.map(({ id, outputUrl, webhookUrl }) => [id, outputUrl, webhookUrl])).toEqual([
      [
        'batch_abc123',
        'https://api.sync.so/v2/batches/batch_abc123/result',
        'https://your-webhook-url.com/batch-webhook',
      ],
      ['batch_def456', null, null],
    ]);
    expect(batches[1] && toReport(batches[1], '', 10)).toMatchObject({
      status: 'RUNNING',
      counts: { total: 10, succeeded: 3, errored: 0, expired: null, cancelled: null },
      resultsReady: false,
    });
    expect(batches[1] && toReport(batches[1], '', 10)).not.toHaveProperty('callback');
  });

  test('each of the vendor words means one state, and a new word leaves it open', () => {
    const words = ['PENDING', 'JOBS_CREATED', 'PROCESSING', 'COMPLETED', 'FAILED'];
    expect(words.map((status) => report({ status }).status)).toEqual([
      'PENDING',
      'RUNNING',
      'RUNNING',
      'COMPLETED',
      'FAILED',
    ]);
    expect(report({ status: 'constructor' })).toMatchObject({
      status: null,
      providerStatus: 'constructor',
      counts: uncounted,
      resultsReady: false,
    });
  });

  test('a batch some of whose generations failed has completed', () => {
    expect(report()).toMatchObject({
      status: 'COMPLETED',
      counts: { total: 5, succeeded: 4, errored: 1 },
      resultsReady: true,
      error: null,
    });
  });

  test('results are ready where the batch is over and names them, a failed one too', () => {
    expect(report({ outputUrl: '' }).resultsReady).toBe(false);
    expect(report({ status: 'FAILED' })).toMatchObject({
      resultsReady: true,
      error: { code: 'batch_failed' },
    });
    expect(report({ status: 'FAILED', outputUrl: '' }).resultsReady).toBe(false);
    expect(report({ status: 'PROCESSING' }).resultsReady).toBe(false);
  });

  test('counts that cannot be those of the job are unknown, and of another number of generations it is told', () => {
    expect(report({}, 6).counts).toEqual({ ...uncounted, total: 5 });
    expect(report({ metrics: null }).counts).toEqual(uncounted);
    const metrics = { total_generations: 5, success_count: 4, failed_count: 2, pending_count: 0 };
    expect(report({ metrics }).counts).toEqual(uncounted);
    expect(report({ metrics: { ...metrics, failed_count: 'many' } }).counts).toEqual(uncounted);
  });

  test('metrics are read in the spelling of the webhook page too', () => {
    const raw = fixture('webhook.json');
    expect(toReport(readBatch(raw) ?? expect.fail(), raw, 5).counts).toMatchObject({
      total: 5,
      succeeded: 4,
      errored: 1,
    });
  });

  test('what has no id and no status is no batch, and a list with such a thing is no list', () => {
    for (const text of ['<html>', '[]', 'null', '{"id":"","status":"PENDING"}', '{"id":"a"}']) {
      expect(readBatch(text)).toBeNull();
    }
    for (const text of ['{}', '{"data":[]}', '[{"id":"a"}]', 'null']) expect(readBatches(text)).toBeNull();
    expect(readBatches('[]')).toEqual([]);
  });
});

describe('redirects', () => {
  const from = new URL('https://api.sync.so/v2/batches/b/result');
  const next = (location: string | null, baseUrl = 'https://api.sync.so') =>
    nextUrl(from, location, { baseUrl }).href;

  test('lead to any host, and from where they stand', () => {
    expect(next('https://storage.example/x?signature=1')).toBe('https://storage.example/x?signature=1');
    expect(next('/elsewhere')).toBe('https://api.sync.so/elsewhere');
    expect(next('http://127.0.0.1/x', 'http://127.0.0.1:4000')).toBe('http://127.0.0.1/x');
  });

  test('never lead from an encrypted connection to an open one', () => {
    for (const location of ['http://storage.example/x', 'http://api.sync.so/x', 'ftp://x/', 'https://[']) {
      expect(() => next(location)).toThrow(expect.objectContaining({ kind: 'malformed' }));
    }
  });
});

describe('errors', () => {
  test('the vendor says what is wrong in a sentence or in several, and sometimes has a word for it', () => {
    expect(
      readErrorBody('{"statusCode":429,"errorCode":"concurrency_limit_reached","message":"Wait."}'),
    ).toEqual({ code: 'concurrency_limit_reached', message: 'Wait.' });
    expect(readErrorBody('{"statusCode":400,"error":"Bad Request","message":["a","b"]}')).toEqual({
      code: null,
      message: 'a; b',
    });
    expect(readErrorBody('{"error":{"code":"c","message":"m"}}')).toEqual({ code: 'c', message: 'm' });
    for (const strange of ['<html>', '[]', '{"message":7}', '{"message":""}', '{}']) {
      expect(readErrorBody(strange)).toEqual({ code: null, message: null });
    }
  });
});

describe('webhook', () => {
  const { webhook } = sync;
  if (webhook === null) throw new Error('there is a webhook');
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const now = new Date('2026-11-22T10:00:00Z');
  const body = fixture('webhook.json');
  const sign = (text: string, at = now, key = secret) => {
    const timestamp = Math.floor(at.getTime() / 1000);
    return `t=${timestamp},v1=${createHmac('sha256', key).update(`${timestamp}.${text}`).digest('hex')}`;
  };
  const read = (headers: Record<string, string>, with_ = secret as string | null, text = body) =>
    webhook.read({ headers: new Headers(headers), body: text, now }, with_);
  const minutes = (count: number) => new Date(now.getTime() + count * 60_000);

  test('a signed call tells of its batch, whichever of the two headers it is signed in', () => {
    for (const name of ['Sync-Signature', 'X-Signature-Primary']) {
      expect(read({ [name]: sign(body) })).toMatchObject({ kind: 'event', providerJobId: 'batch_abc123' });
    }
  });

  test('a signature over the JSON of the payload is as good as one over the body', () => {
    const compact = JSON.stringify(JSON.parse(body));
    expect(compact).not.toBe(body);
    expect(read({ 'sync-signature': sign(compact) })).toMatchObject({ kind: 'event' });
  });

  test('the whole secret is the key, and of several signatures one has to be genuine', () => {
    const stripped = sign(body, now, secret.slice('whsec_'.length));
    expect(read({ 'sync-signature': stripped })).toMatchObject({ kind: 'refused' });
    const [, other = ''] = sign(body, now, 'old-secret').split(',');
    expect(read({ 'sync-signature': `${sign(body)},${other}` })).toMatchObject({ kind: 'event' });
    expect(read({ 'sync-signature': `${sign(body, now, 'x')},${other}` })).toMatchObject({ kind: 'refused' });
  });

  test('a call is taken up to five minutes away from our clock, both ways, and not beyond', () => {
    for (const away of [-5, 0, 5]) {
      expect(read({ 'sync-signature': sign(body, minutes(away)) })).toMatchObject({ kind: 'event' });
    }
    for (const away of [-5.1, 5.1]) {
      expect(read({ 'sync-signature': sign(body, minutes(away)) })).toEqual({
        kind: 'refused',
        reason: 'the call is too old, or from the future',
      });
    }
  });

  test('a call that is not signed, or signed for another body, is refused in words that do not quote it', () => {
    expect(read({})).toEqual({ kind: 'refused', reason: 'the call is not signed' });
    const forged = ['t=1', 'v1=ab', `t=x,${sign(body).split(',')[1]}`, 'nonsense', ''];
    for (const header of forged) {
      expect(read({ 'sync-signature': header })).toEqual({
        kind: 'refused',
        reason: 'the call is not signed',
      });
    }
    expect(read({ 'sync-signature': sign(body) }, secret, body.replace('abc', 'xyz'))).toEqual({
      kind: 'refused',
      reason: 'the signature is not genuine',
    });
  });

  test('without a secret a call that names a batch is a hint, and any other is refused', () => {
    expect(read({}, null)).toMatchObject({ kind: 'event', providerJobId: 'batch_abc123' });
    for (const text of ['', '<html>', '[]', '{"id":7}', '{"id":""}']) {
      expect(read({}, null, text)).toEqual({ kind: 'refused', reason: 'the call names no batch' });
    }
  });

  test('a genuine call that names no batch is ignored', () => {
    const text = '{"status":"COMPLETED"}';
    expect(read({ 'sync-signature': sign(text) }, secret, text)).toMatchObject({ kind: 'ignored' });
  });

  test('a call that is repeated, and signed anew for that, keeps its id, and another call has another', () => {
    const idOf = (header: string, text = body) => {
      const reading = read({ 'sync-signature': header }, secret, text);
      return reading.kind === 'event' ? reading.id : expect.fail();
    };
    expect(idOf(sign(body, minutes(1)))).toBe(idOf(sign(body)));
    const other = body.replace('COMPLETED', 'FAILED');
    expect(idOf(sign(other), other)).not.toBe(idOf(sign(body)));
  });
});
