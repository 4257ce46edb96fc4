/** The pure parts of the Letta adapter, over objects in the forms of the facts, and the audit of the whole. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type JsonObject, readJsonLine } from '../../src/domain/json-line.ts';
import { unknownUsage } from '../../src/domain/usage.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { toReport } from '../../src/providers/letta/report.ts';
import { Turns } from '../../src/providers/letta/turns.ts';
import { readErrorAnswer, readJob, readJobs, readMessages } from '../../src/providers/letta/wire.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../src/providers/letta/fixtures/${name}`, import.meta.url), 'utf8');
const linesIn = (name: string): string[] => fixture(name).trimEnd().split('\n');

const { decode, readText } = letta.decoding;

describe('a native line', () => {
  const read = (text: string) => {
    const line = readJsonLine(text);
    if ('problem' in line) throw new Error(line.problem);
    return letta.dialect.read(line);
  };

  test('is its own body, character for character, and has no key of the caller', () => {
    const body =
      '{ "agent_id" : "agent-1", "messages":[], "max_steps": 1.0, "max_steps": 12345678901234567890 }';
    expect(read(` ${body}\n`)).toEqual({ customId: null, endpoint: null, body });
    expect(read('{"agent_id":"agent-1","input":"hi"}')).not.toBeNull();
  });

  test.each([
    '{"agent_id":"agent-1"}',
    '{"messages":[]}',
    '{"agent_id":7,"messages":[]}',
    '{"customId":"a","body":{"agent_id":"agent-1","input":"hi"}}',
    '{"custom_id":"a","params":{}}',
    '{"requests":[{"agent_id":"agent-1","input":"hi"}]}',
  ])('is left to others where it is of another form: %s', (line) => {
    expect(read(line)).toBeNull();
  });
});

describe('a body', () => {
  const inspect = (body: JsonObject) => letta.dialect.inspect({ endpoint: '/v1/messages/batches', body });

  test('names its agent and no model', () => {
    expect(inspect({ agent_id: 'agent-1', messages: [], model: 'x' })).toEqual({
      model: null,
      agentId: 'agent-1',
      problems: [],
    });
    expect(inspect({ agent_id: 'agent-1', input: [{ type: 'text', text: 'hi' }] }).problems).toEqual([]);
    expect(inspect({ agent_id: 'agent-1', input: 'hi', messages: null }).problems).toEqual([]);
  });

  test.each([
    [{}, ['body.agent_id must be a non-empty string', 'body must have either messages or input']],
    [{ agent_id: '', input: 'hi' }, ['body.agent_id must be a non-empty string']],
    [{ agent_id: 'a', input: 'hi', messages: [] }, ['body must have either messages or input']],
    [{ agent_id: 'a', messages: 'hi' }, ['body.messages must be an array']],
    [{ agent_id: 'a', input: 7 }, ['body.input must be a string or an array']],
  ])('that is certain to fail is refused, field by field: %j', (body, problems) => {
    expect(inspect(body).problems).toEqual(problems);
  });
});

describe('a job object', () => {
  const recorded: JsonObject = JSON.parse(fixture('job.json'));
  const report = (changes: JsonObject = {}, raw = JSON.stringify({ ...recorded, ...changes })) => {
    const job = readJob(raw);
    if (job === null) throw new Error('unreadable');
    return toReport(job, raw);
  };

  test('is read in full: its times, how it ran, and its call to us', () => {
    const raw = fixture('job.json');
    expect(report({}, raw)).toEqual({
      status: 'COMPLETED',
      finalizing: false,
      providerStatus: 'completed',
      raw,
      counts: { total: null, succeeded: null, errored: null, expired: null, cancelled: null },
      inProgressAt: new Date('2026-07-01T09:00:00.123Z'),
      finalizingAt: null,
      endedAt: new Date('2026-07-01T10:30:00.500Z'),
      expiresAt: null,
      resultsExpireAt: null,
      resultsReady: true,
      inputFileId: null,
      outputFileId: null,
      errorFileId: null,
      error: null,
      run: {
        type: 'batch',
        background: false,
        stopReason: 'end_turn',
        // One more than a double can tell from its neighbour.
        totalDurationNs: 9_007_199_254_740_993n,
        ttftNs: 812_345_678n,
      },
      callback: {
        url: 'https://batchql.example/callbacks/letta/0123456789abcdefghij',
        sentAt: new Date('2026-07-01T10:30:00.750Z'),
        statusCode: 204,
        error: null,
      },
    });
  });

  test.each([
    ['2026-07-01T10:30:00.500000', '2026-07-01T10:30:00.500Z'],
    ['2026-07-01T10:30:00Z', '2026-07-01T10:30:00.000Z'],
    ['2026-07-01T12:30:00+02:00', '2026-07-01T10:30:00.000Z'],
    ['2026-07-01T10:30:00.5', '2026-07-01T10:30:00.500Z'],
  ])('tells a time without a zone in UTC, and any other in its own: %s', (completed_at, expected) => {
    expect(report({ completed_at }).endedAt?.toISOString()).toBe(expected);
  });

  test.each([
    ['created', 'PENDING', false],
    ['pending', 'PENDING', false],
    ['running', 'RUNNING', true],
    ['completed', 'COMPLETED', true],
    ['failed', 'FAILED', true],
    ['cancelled', 'CANCELLED', true],
    ['expired', 'EXPIRED', true],
    ['contemplating', null, false],
    ['constructor', null, false],
  ])('with the word %s is %s', (word, status, resultsReady) => {
    expect(report({ status: word })).toMatchObject({ status, providerStatus: word, resultsReady });
  });

  test.each(['None', '', null, 7])('has no callback where the server writes %j for it', (callback_url) => {
    const callback_error = 'The call to None about job-1 failed: no protocol';
    expect(report({ callback_url, callback_error })).not.toHaveProperty('callback');
  });

  test('that failed says why, as far as the vendor does', () => {
    expect(report({ status: 'failed', stop_reason: 'llm_api_error' }).error).toEqual({
      code: 'llm_api_error',
      message: 'The provider failed the batch.',
    });
    expect(report({ status: 'failed', stop_reason: null }).error).toMatchObject({ code: 'batch_failed' });
  });

  test('with nothing but an id and a status is still read, and what is of another type is not known', () => {
    const strange = '{"id":"job-1","status":"running","ttft_ns":1.5,"created_at":7,"callback_url":{}}';
    expect(report({}, strange)).toMatchObject({
      status: 'RUNNING',
      inProgressAt: null,
      endedAt: null,
      run: { type: null, background: null, stopReason: null, totalDurationNs: null, ttftNs: null },
    });
    for (const none of ['<html>', '[]', '{}', '{"id":"","status":"running"}', '{"id":"job-1"}']) {
      expect(readJob(none)).toBeNull();
    }
  });

  test('stands in a list that is read whole or not at all', () => {
    expect(readJobs('[{"id":"a","status":"running","ttft_ns":9007199254740993}]')).toMatchObject([
      { id: 'a', ttftNs: 9_007_199_254_740_993n },
    ]);
    for (const none of ['{}', '<html>', '[7]', '[{"id":"a","status":"running"},{"id":"b"}]']) {
      expect(readJobs(none)).toBeNull();
    }
  });
});

describe('a refusal', () => {
  test('is understood in each of the forms that it comes in', () => {
    expect(linesIn('errors.jsonl').map(readErrorAnswer)).toEqual([
      { code: null, message: 'Unauthorized' },
      { code: null, message: '268435457 bytes are more than the 268435456 that are taken.' },
      { code: null, message: "[{'type': 'missing', 'loc': ('body', 'requests'), 'msg': 'Field required'}]" },
      { code: null, message: 'body.requests: Field required' },
      {
        code: 'llm_insufficient_credits',
        message: 'No credits are left.',
      },
      { code: null, message: 'Something went wrong.' },
    ]);
    for (const strange of ['<html>', '[]', '{"detail":[]}', '{"detail":[7]}', '{"error":"no"}']) {
      expect(readErrorAnswer(strange)).toEqual({ code: null, message: null });
    }
  });
});

describe('messages', () => {
  const page = `{"messages":[${linesIn('messages.jsonl').join(', \n')}]}`;

  test('are gathered by agent, in the order of their first, each as it was written', () => {
    const messages = readMessages(page) ?? [];
    expect(messages.map(({ text }) => text)).toEqual(linesIn('messages.jsonl'));
    const turns = new Turns(1_000_000);
    turns.add(messages);
    const [one, two, ...none] = turns.all();
    expect(none).toEqual([]);
    expect(one).toMatchObject({
      agentId: 'agent-11111111-1111-4111-8111-111111111111',
      turn: { hasSpoken: true, last: 'other' },
    });
    expect(one?.texts).toHaveLength(6);
    expect(two).toMatchObject({
      agentId: 'agent-22222222-2222-4222-8222-222222222222',
      turn: { hasSpoken: false, last: 'input' },
    });
  });

  test('are no longer held beyond a limit, for the agents that they come for', () => {
    const message = (agent_id: string, text: string) => ({ value: { agent_id }, text });
    const turns = new Turns(10);
    turns.add([message('a', '12345'), message('b', '1234'), message('a', '12'), message('c', '123456')]);
    turns.add([message('b', '5'), message('d', '1')]);
    expect([...turns.all()].map(({ agentId, texts }) => [agentId, texts])).toEqual([
      ['a', null],
      ['b', null],
      ['c', ['123456']],
      ['d', ['1']],
    ]);
  });

  test('that are no page are none', () => {
    for (const none of ['<html>', '[]', '{}', '{"messages":{}}']) expect(readMessages(none)).toBeNull();
    expect(readMessages('{"messages":[]}')).toEqual([]);
  });
});

describe('a result line', () => {
  const told = { role: 'user', content: [{ type: 'text', text: 'hi' }] };
  const words = (text: string) => ({
    role: 'assistant',
    content: [{ type: 'text', text }],
    tool_calls: null,
  });
  const call = (name: string, given: unknown) => ({
    role: 'assistant',
    content: [],
    tool_calls: [{ id: 'c', type: 'function', function: { name, arguments: given } }],
  });
  const returned = { role: 'tool', name: 'x', content: [{ type: 'text', text: 'OK' }], tool_calls: [] };
  const line = (...messages: unknown[]) => JSON.stringify({ agent_id: 'agent-1', messages });
  const success = {
    status: 'SUCCEEDED',
    errorCode: null,
    errorMessage: null,
    retryable: null,
    stopReason: null,
    usage: unknownUsage,
  };
  const outcome = (text: string) => {
    const decoded = decode(text);
    return decoded.kind === 'result' ? decoded.outcome : decoded;
  };

  test('of words is a success with that text', () => {
    expect(decode(line(told, words('Hello.')))).toEqual({ kind: 'result', key: 'agent-1', outcome: success });
    expect(readText(line(told, words('Hello.')))).toBe('Hello.');
    expect(readText(line(told, { role: 'assistant', content: 'Hello.' }))).toBe('Hello.');
    const parts = [
      { type: 'reasoning', reasoning: 'hm' },
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    expect(readText(line(told, { role: 'assistant', content: parts }))).toBe('ab');
  });

  test('of the fixtures is a success, with the text that was handed to the tool for messages', () => {
    const messages = linesIn('messages.jsonl').filter((text) => text.includes('agent-1111'));
    const own = `{"agent_id":"agent-1","messages":[${messages.join(',')}]}`;
    expect(outcome(own)).toEqual(success);
    expect(readText(own)).toBe('It left yesterday ✓');
  });

  test.each([
    ['as JSON text', call('send_message', '{"message":"Hello."}')],
    ['as an object', call('send_message', { message: 'Hello.' })],
    [
      'as a part of the content',
      {
        role: 'assistant',
        content: [{ type: 'tool_call', id: 'c', name: 'send_message', input: { message: 'Hello.' } }],
      },
    ],
    [
      'beside its own thoughts',
      {
        ...call('send_message', '{"message":"Hello."}'),
        content: [{ type: 'text', text: 'I shall greet.' }],
      },
    ],
  ])('of a call that hands its text over %s is a success with that text', (_how, message) => {
    expect(outcome(line(told, message, returned))).toEqual(success);
    expect(readText(line(told, message, returned))).toBe('Hello.');
  });

  test('has the newest text, whatever tools were called after it', () => {
    const messages = [told, words('One.'), told, words('Two.'), call('memory_edit', '{}'), returned];
    expect(readText(line(...messages))).toBe('Two.');
  });

  test('of nothing but tools is a success without a text', () => {
    const silent = line(told, call('send_message', 'not JSON'), returned, call('other', '{"message":"x"}'));
    expect(outcome(silent)).toEqual(success);
    expect(readText(silent)).toBeNull();
  });

  test.each([
    ['that the agent never answered', line(told)],
    ['that has no message', line()],
    ['whose answer is empty', line(told, words(''))],
    ['that stopped between two steps', line(told, call('search', '{}'), returned, told)],
    ['whose messages are from the future', line({ kind: 'new' }, 7, null)],
  ])('%s is errored, and worth another try', (_what, text) => {
    expect(outcome(text)).toMatchObject({ status: 'ERRORED', errorCode: 'no_answer', retryable: true });
    expect(readText(text)).toBeNull();
  });

  test.each([
    ['what it was told', line({ ...told, is_err: true })],
    ['its words', line(told, { ...words('No.'), is_err: true })],
  ])('of an agent that failed, as %s is marked, is errored, and not worth another try', (_what, text) => {
    expect(outcome(text)).toMatchObject({ status: 'ERRORED', errorCode: 'agent_error', retryable: false });
    expect(readText(text)).toBeNull();
  });

  test('of an agent that went on after a failure is what it came to', () => {
    expect(outcome(line({ ...told, is_err: true }, told, words('Hello.')))).toEqual(success);
  });

  test('that names its agent and has no messages is errored', () => {
    for (const text of ['{"agent_id":"agent-1"}', '{"agent_id":"agent-1","messages":{}}']) {
      expect(outcome(text)).toMatchObject({ status: 'ERRORED', errorCode: 'unreadable_result' });
      expect(readText(text)).toBeNull();
    }
  });

  test.each(['', '{', '[]', 'null', '{}', '{"agent_id":null,"messages":[]}', '{"agent_id":7}'])(
    'that names no agent is malformed: %s',
    (text) => {
      expect(decode(text)).toEqual({ kind: 'malformed', reason: expect.stringMatching(/\w/) });
      expect(readText(text)).toBeNull();
    },
  );
});

describe('a call to the callback URL', () => {
  const read = (body: string) =>
    letta.webhook?.read({ headers: new Headers(), body, now: new Date('2026-07-01T10:30:01Z') }, null);
  const call = {
    job_id: 'job-1',
    status: 'completed',
    completed_at: '2026-07-01T10:30:00.500000',
    metadata: {},
  };

  test('tells the job, and is the same event however often it comes', () => {
    const event = { kind: 'event', id: 'job-1:completed', providerJobId: 'job-1' };
    expect(read(JSON.stringify(call))).toEqual(event);
    expect(read(JSON.stringify({ status: 'completed', job_id: 'job-1' }))).toEqual(event);
    expect(read(JSON.stringify({ ...call, status: 'failed' }))).toMatchObject({ id: 'job-1:failed' });
  });

  test.each([
    '',
    'job_id=job-1',
    '[]',
    '{}',
    '{"job_id":"job-1"}',
    '{"job_id":7,"status":"completed"}',
    '{"job_id":"","status":"completed"}',
    `{"job_id":"${'x'.repeat(201)}","status":"completed"}`,
  ])('that tells no job is refused: %s', (body) => {
    expect(read(body)).toEqual({ kind: 'refused', reason: 'the body does not tell a job and its status' });
  });

  test('is unsigned, and goes along with each job', () => {
    expect(letta.webhook).toMatchObject({ registration: 'JOB', secret: null, unsignedAsHint: true });
  });
});
