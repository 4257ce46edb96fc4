/**
 * Services that speak OpenAI's wire with quirks: the audit of the presets, and every quirk in each position, played
 * by the emulator and met by the client.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import { openForeignHost, tapWire } from '../../src/providers/audit/wire.ts';
import { auditProvider, checks } from '../../src/providers/audit.ts';
import { createCompatibleProvider } from '../../src/providers/compatible/create-provider.ts';
import { findPreset, presets, profileSchema, providerOf } from '../../src/providers/compatible/presets.ts';
import { type Quirks, quirksSchema } from '../../src/providers/compatible/quirks.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type {
  JobReport,
  Provider,
  ProviderClient,
  ProviderJob,
  Submission,
} from '../../src/providers/provider.ts';
import { failureOf } from '../support/provider-client.ts';

const settings = { apiKey: 'X_API_KEY', baseUrl: 'X_BASE_URL', defaultBaseUrl: 'https://x.example/v1' };

const presetProvider = (name: keyof typeof presets): Provider => {
  const { baseUrl, profile, about } = presets[name];
  const defaultBaseUrl = baseUrl ?? settings.defaultBaseUrl;
  return providerOf({ name, title: name, settings: { ...settings, defaultBaseUrl }, ...about }, profile);
};

/** Questions that do not arise: a job may have one request, is created whole, names no URL of its results, and calls nobody. */
const notMeant = ['BQ-L06', 'BQ-S15', 'BQ-S16', 'BQ-C07', 'BQ-W01', 'BQ-W02', 'BQ-W03', 'BQ-W04'];

describe.each([
  ['openai', notMeant],
  ['groq', notMeant],
  ['together', notMeant.toSpliced(3, 0, 'BQ-R05')],
] as const)('the preset %s', (name, notices) => {
  test('passes every check of the contract that concerns it', async () => {
    const { findings } = await auditProvider(presetProvider(name));
    const others = findings.filter(({ verdict }) => verdict !== 'pass');
    expect(others.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(others.map(({ id }) => id)).toEqual(notices);
    expect(findings).toHaveLength(checks.length);
  });
});

describe.each([
  ['groq', 'https://api.groq.com', '/openai/v1', ['/files', '/files', '/batches', '/batches']],
  ['together', 'https://api.together.ai/v1', '/v1', ['/files', '/files/upload', '/batches', '/batches']],
] as const)('the preset %s', (name, defaultBaseUrl, prefix, paths) => {
  test('takes a job from beginning to end by two settings alone', async () => {
    const database = { DATABASE_URL: 'postgres://a:b@localhost/c', COMPATIBLE_PROVIDERS: name };
    const key = name.toUpperCase();
    const [known] = readConfig(database, {}, []).compatibleProviders;
    expect(known?.settings.defaultBaseUrl).toBe(defaultBaseUrl);
    await begin(known ?? expect.fail());
    const environment = {
      ...database,
      [`${key}_API_KEY`]: emulator.apiKey,
      [`${key}_BASE_URL`]: emulator.baseUrl,
    };
    const { compatibleProviders, providers } = readConfig(environment, {}, []);
    const [configured] = compatibleProviders;
    client = configured?.connect(providers[name] ?? expect.fail(), { clock }) ?? expect.fail();
    const { job } = await submitted(['a', 'b', 'emulate:errored']);
    clock.advance({ minutes: 1 });
    const ended = await client.retrieve(job, quiet);
    expect(ended).toMatchObject({ status: 'COMPLETED', resultsReady: true });
    expect(await statusesOf(job, ended)).toEqual(['ERRORED', 'SUCCEEDED', 'SUCCEEDED']);
    const called = emulator.calls.slice(0, 4).map(({ path }) => path.replace(/\/batch_.*/, ''));
    expect(called).toEqual(paths.map((path) => `${prefix}${path}`));
  });
});

test('Together is spoken to in its own words: a wrapper, capitals, texts for times, no counts, a bare list', async () => {
  await begin(presetProvider('together'));
  const { job, report } = await submitted(['a', 'b']);
  expect(JSON.parse(report.raw)).toEqual({
    job: expect.objectContaining({
      id: job.providerJobId,
      status: 'VALIDATING',
      created_at: '2026-01-01T00:00:00.000Z',
      job_deadline: '2026-01-02T00:00:00.000Z',
      progress: 0,
    }),
  });
  expect(report).toMatchObject({ status: 'PENDING', counts: { total: null } });
  expect(await reportAfter(job, 11)).toMatchObject({ status: 'RUNNING', providerStatus: 'IN_PROGRESS' });
  const ended = await reportAfter(job, 60);
  expect(ended).toMatchObject({
    status: 'COMPLETED',
    counts: { total: null },
    endedAt: new Date('2026-01-01T00:00:22.000Z'),
  });
  const headers = { authorization: `Bearer ${emulator.apiKey}` };
  const list = await fetch(`${emulator.baseUrl}/batches`, { headers });
  expect(await list.json()).toEqual([JSON.parse(ended.raw)]);
});

describe('a preset', () => {
  test('is found by its own name and by no inherited one', () => {
    expect(findPreset('groq')).toBe(presets.groq);
    expect(findPreset('constructor')).toBeNull();
  });

  test('says how sure it is and names a model of the service, where it is of one', () => {
    expect(presetProvider('groq')).toMatchObject({
      facts: { statuses: 'SDK' },
      example: { model: expect.stringContaining('llama') },
    });
    expect(presetProvider('together').facts.statuses).toBe('SPEC');
    expect(presetProvider('openai').facts.statuses).toBe('GUESS');
  });
});

const start = new Date('2026-01-01T00:00:00.000Z');
const quiet = new AbortController().signal;
const nonce = 'abcdefghij0123456789';
let emulator: Emulator;
let client: ProviderClient;
let provider: Provider;
let clock: HandClock;
let checkpoint: JsonObject | null;

const open: Emulator[] = [];

afterEach(() => Promise.all(open.splice(0).map((running) => running.close())));

/** Starts the emulator of a service, and a client of it. */
const begin = async (service: Provider) => {
  provider = service;
  clock = createHandClock(start);
  checkpoint = null;
  emulator = await provider.emulate({ clock });
  open.push(emulator);
  client = provider.connect(emulator, { clock });
};

const beginWith = (quirks: Partial<Quirks>) =>
  begin(createCompatibleProvider({ name: 'x', title: 'X', settings, quirks }));

/** Sends a job of chat requests with these prompts. */
const submit = (prompts: readonly string[], changes: Partial<Submission> = {}) => {
  const endpoint = '/v1/chat/completions';
  const items = prompts.map((content, position) => ({
    key: `${nonce}-${position}`,
    endpoint,
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }),
  }));
  const bytes = items.map((item) => {
    const { before, after } = provider.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const encodedBytes = bytes.reduce((sum, more) => sum + more, provider.encoding.frameBytes(items.length));
  const submission: Submission = {
    jobId: 'job-1',
    nonce,
    endpoint,
    model: 'm',
    completionWindow: '24h',
    requestCount: items.length,
    encodedBytes,
    checkpoint,
    intentAt: clock.now(),
    ...changes,
  };
  const ports = {
    async *items() {
      yield* items;
    },
    saveCheckpoint: async (saved: JsonObject) => {
      checkpoint = saved;
    },
    signal: quiet,
    guard: () => {},
  };
  const sent = client.submit(submission, ports);
  return { submission, sent };
};

const submitted = async (prompts: readonly string[], changes: Partial<Submission> = {}) => {
  const { providerJobId, report } = await submit(prompts, changes).sent;
  const job: ProviderJob = {
    providerJobId,
    requestCount: prompts.length,
    checkpoint,
    cancelRequestedAt: null,
  };
  return { job, report };
};

/** The report on a job that ran for so long. */
const reportAfter = async (job: ProviderJob, seconds: number): Promise<JobReport> => {
  clock.advance({ seconds });
  return client.retrieve(job, quiet);
};

const statusesOf = async (job: ProviderJob, report: JobReport): Promise<string[]> => {
  const statuses: string[] = [];
  for await (const { lines } of client.results({ ...job, report }, null, quiet)) {
    for (const line of lines) {
      const decoded = provider.decoding.decode(line);
      statuses.push(decoded.kind === 'result' ? decoded.outcome.status : decoded.kind);
    }
  }
  return statuses.toSorted();
};

/** Loses the answer to a creation; what looking for it finds. */
const lostAndFound = async () => {
  emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
  const { submission, sent } = submit(['a', 'b']);
  expect(await failureOf(sent)).toMatchObject({ kind: 'uncertain' });
  const [batch] = await emulator.batches();
  return { found: await client.find({ ...submission, checkpoint }, quiet), id: batch?.id };
};

/** Every quirk in each of its positions. */
const positions: readonly Partial<Quirks>[] = [
  {},
  { pathPrefix: '/openai/v1' },
  { uploadPath: '/files/upload' },
  { fileNameField: 'file_name' },
  { uploadIdHeader: 'x-file-id' },
  { purpose: 'batch-api' },
  { createWrapper: 'job' },
  { list: 'object' },
  { list: 'array' },
  { metadata: false },
  { times: 'iso' },
  { deadlineField: 'job_deadline' },
  { phases: 'few' },
  { statuses: 'upper' },
  { counts: 'progress' },
  { counts: 'none' },
  { errors: 'text' },
  { idempotencyHeader: 'Idempotency-Key' },
];

describe.each(positions.map((quirks) => [JSON.stringify(quirks), quirks] as const))(
  'a service with the quirks %s',
  (_title, quirks) => {
    test('takes a job, tells of it, and gives its results', async () => {
      await beginWith(quirks);
      const { job, report } = await submitted(['a', 'b', 'emulate:errored']);
      expect(report).toMatchObject({
        status: 'PENDING',
        inputFileId: checkpoint?.['inputFileId'],
        expiresAt: new Date('2026-01-02T00:00:00.000Z'),
      });
      expect(await reportAfter(job, 10)).toMatchObject({ status: 'RUNNING', resultsReady: false });
      const ended = await reportAfter(job, 60);
      expect(ended).toMatchObject({
        status: 'COMPLETED',
        endedAt: new Date('2026-01-01T00:00:22.000Z'),
        resultsReady: true,
      });
      expect(await statusesOf(job, ended)).toEqual(['ERRORED', 'SUCCEEDED', 'SUCCEEDED']);
    });

    test('shows a batch whose answer was lost, for certain', async () => {
      await beginWith(quirks);
      const { found, id } = await lostAndFound();
      expect(found).toMatchObject([{ providerJobId: id, proof: 'EXACT' }]);
    });

    test('keeps what a stopped job had finished', async () => {
      await beginWith(quirks);
      const { job } = await submitted(['a', 'b', 'c', 'd']);
      clock.advance({ seconds: 11 });
      await client.cancel(job, quiet);
      const ended = await reportAfter(job, 5);
      expect(ended.status).toBe('CANCELLED');
      expect(await statusesOf(job, ended)).toContain('SUCCEEDED');
    });

    test('finds a file of the job that was left, and does not send it again', async () => {
      await beginWith(quirks);
      emulator.faults.add({ operation: 'upload', effect: { kind: 'accept-and-drop' } });
      const { sent } = submit(['a']);
      expect(await failureOf(sent)).toMatchObject({ kind: 'unavailable' });
      await submitted(['a']);
      expect(emulator.calls.filter(({ operation }) => operation === 'upload')).toHaveLength(1);
    });
  },
);

test('every quirk stands in more than one position above', () => {
  const named = new Set(positions.flatMap((quirks) => Object.keys(quirks)));
  expect([...named].toSorted()).toEqual(Object.keys(quirksSchema.shape).toSorted());
});

describe('on the wire, a quirk', () => {
  /** A batch as the emulator shows it at two moments, and as it answered the creation. */
  const shown = async (quirks: Partial<Quirks>, prompts: readonly string[] = ['a', 'b']) => {
    await beginWith(quirks);
    const { job, report } = await submitted(prompts);
    const running = await reportAfter(job, 11);
    const ended = await reportAfter(job, 60);
    const [first, middle, last] = [report, running, ended].map(({ raw }): JsonObject => JSON.parse(raw));
    return { first, middle, last, running, ended };
  };

  test('of paths stands before every call, and the upload has its own', async () => {
    await beginWith({ pathPrefix: '/openai/v1', uploadPath: '/files/upload' });
    await submitted(['a']);
    expect(emulator.calls.map(({ path }) => path)).toEqual([
      '/v1/openai/v1/files',
      '/v1/openai/v1/files/upload',
      '/v1/openai/v1/batches',
    ]);
    await beginWith({});
    await submitted(['a']);
    expect(emulator.calls.map(({ path }) => path)).toEqual(['/v1/files', '/v1/files', '/v1/batches']);
  });

  test('of the form is demanded: a client that does not know it is refused', async () => {
    for (const quirks of [{ purpose: 'batch-api' }, { fileNameField: 'file_name' }, { metadata: false }]) {
      await beginWith(quirks);
      client = createCompatibleProvider({ name: 'x', title: 'X', settings }).connect(emulator, { clock });
      const { sent } = submit(['a']);
      expect(await failureOf(sent)).toMatchObject({ kind: 'rejected', status: 400 });
    }
    await beginWith({});
    for (const quirks of [{ purpose: 'batch-api' }, { fileNameField: 'file_name' }]) {
      client = createCompatibleProvider({ name: 'x', title: 'X', settings, quirks }).connect(emulator, {
        clock,
      });
      checkpoint = null;
      const { sent } = submit(['a']);
      expect(await failureOf(sent)).toMatchObject({ kind: 'rejected', status: 400 });
    }
  });

  test('of an upload in two steps puts the bytes where it is told to, without the key', async () => {
    await beginWith({ uploadIdHeader: 'x-file-id' });
    const tap = await tapWire(emulator.baseUrl);
    try {
      const described = await describeFile({ purpose: 'batch', file_name: `${nonce}.jsonl` });
      const id = described.headers.get('x-file-id') ?? '';
      const location = `${new URL(tap.baseUrl).origin}/put/${id}`;
      const headers = { location, 'x-file-id': id };
      emulator.faults.add({ operation: 'describe', effect: { kind: 'answer', status: 302, headers } });
      client = provider.connect({ ...emulator, baseUrl: tap.baseUrl }, { clock });
      await submitted(['a', 'b']);
    } finally {
      await tap.close();
    }
    expect(
      emulator.calls.slice(1).map(({ operation, method, status }) => [operation, method, status]),
    ).toEqual([
      ['list_files', 'GET', 200],
      ['describe', 'POST', 302],
      ['upload', 'PUT', 200],
      ['create', 'POST', 200],
    ]);
    const requests = tap
      .heard()
      .toString('utf8')
      .split(/(?=(?:GET|POST|PUT) \/)/);
    const carrying = (text: string) =>
      requests.filter((request) => request.includes(text)).map((r) => r.slice(0, 4));
    expect(carrying(`purpose=batch&file_name=${nonce}.jsonl&file_type=jsonl`)).toEqual(['POST']);
    expect(carrying('"custom_id"')).toEqual(['PUT ']);
    expect(carrying(emulator.apiKey)).toEqual(['GET ', 'POST', 'POST']);
    const [batch] = await emulator.batches();
    expect(batch?.keys).toEqual([`${nonce}-0`, `${nonce}-1`]);
  });

  /** The first of the two steps, made by hand. */
  const describeFile = (fields: Record<string, string>, authorization = `Bearer ${emulator.apiKey}`) =>
    fetch(`${emulator.baseUrl}/files`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(fields),
      redirect: 'manual',
    });

  /** What becomes of a job whose upload is redirected there; `heard` is what arrived. */
  const redirectedTo = async (location: string | null) => {
    await beginWith({ uploadIdHeader: 'x-file-id' });
    const headers = { 'x-file-id': 'file-1', ...(location === null ? {} : { location }) };
    emulator.faults.add({ operation: 'describe', effect: { kind: 'answer', status: 302, headers } });
    return failureOf(submit(['a']).sent);
  };

  test('of an upload in two steps sends nothing to another place in the clear, nor to no place', async () => {
    const foreign = await openForeignHost();
    try {
      for (const location of [`${foreign.baseUrl}/put/1`, 'ftp://x.example/1', 'http://', null]) {
        expect(await redirectedTo(location)).toMatchObject({ kind: 'malformed' });
      }
      expect(foreign.heard()).toHaveLength(0);
    } finally {
      await foreign.close();
    }
  });

  test('of an upload in two steps is refused where the service refuses either', async () => {
    await beginWith({ uploadIdHeader: 'x-file-id' });
    client = provider.connect(emulator.stranger, { clock });
    expect(await failureOf(submit(['a']).sent)).toMatchObject({ kind: 'rejected', status: 401 });
    client = provider.connect(emulator, { clock });
    for (const [operation, status, kind] of [
      ['describe', 400, 'rejected'],
      ['describe', 503, 'unavailable'],
      ['describe', 200, 'malformed'],
      ['upload', 403, 'rejected'],
      ['upload', 500, 'unavailable'],
    ] as const) {
      emulator.faults.add({ operation, effect: { kind: 'answer', status } });
      expect(await failureOf(submit(['a']).sent)).toMatchObject({ kind });
    }
    for (const operation of ['describe', 'upload']) {
      emulator.faults.add({ operation, effect: { kind: 'drop' } });
      expect(await failureOf(submit(['a']).sent)).toMatchObject({ kind: 'unavailable' });
    }
    expect(await emulator.batches()).toEqual([]);
  });

  test('of an upload in two steps takes bytes once, and only for a file that was described', async () => {
    await beginWith({ uploadIdHeader: 'x-file-id', purpose: 'batch-api' });
    const { origin } = new URL(emulator.baseUrl);
    const put = async (place: string) => (await fetch(place, { method: 'PUT', body: '{}' })).status;
    const good = { purpose: 'batch-api', file_name: 'a.jsonl', file_type: 'jsonl' };
    expect((await describeFile(good, 'Bearer wrong')).status).toBe(401);
    expect((await describeFile({ ...good, purpose: 'batch' })).status).toBe(400);
    expect((await describeFile({ ...good, file_name: '' })).status).toBe(400);
    expect((await describeFile({ ...good, color: 'blue' })).status).toBe(400);
    const { headers } = await describeFile(good);
    const place = headers.get('location') ?? '';
    expect(place).toBe(`${origin}/put/${headers.get('x-file-id')}`);
    expect([await put(place), await put(place), await put(`${origin}/put/file-1`)]).toEqual([200, 403, 403]);
  });

  test('of the answer to a creation is a wrapper, kept in what the report carries', async () => {
    const { first, middle } = await shown({ createWrapper: 'job' });
    expect(Object.keys(first ?? {})).toEqual(['job']);
    expect(middle).toHaveProperty('id');
    expect((await shown({})).first).toHaveProperty('id');
  });

  test('of times makes them texts, and of phases leaves most of them out', async () => {
    const { middle, last, ended } = await shown({
      times: 'iso',
      phases: 'few',
      deadlineField: 'job_deadline',
    });
    expect(middle).toMatchObject({
      created_at: '2026-01-01T00:00:00.000Z',
      completed_at: null,
      job_deadline: '2026-01-02T00:00:00.000Z',
    });
    expect(middle).not.toHaveProperty('in_progress_at');
    expect(middle).not.toHaveProperty('expires_at');
    expect(last).toMatchObject({ completed_at: '2026-01-01T00:00:22.000Z' });
    expect(ended).toMatchObject({ inProgressAt: null, finalizingAt: null });
    expect((await shown({})).middle).toMatchObject({
      created_at: 1767225600,
      in_progress_at: 1767225601,
      expires_at: 1767225600 + 86400,
    });
  });

  test('of phases knows no finalizing and no cancelling', async () => {
    const words = async (quirks: Partial<Quirks>) => {
      await beginWith(quirks);
      const { job } = await submitted(['a', 'b']);
      const finalizing = await reportAfter(job, 21);
      const { job: other } = await submitted(['c', 'd'], { nonce: 'other', checkpoint: null });
      clock.advance({ seconds: 11 });
      return [finalizing.providerStatus, (await client.cancel(other, quiet)).providerStatus];
    };
    expect(await words({ phases: 'few' })).toEqual(['in_progress', 'cancelled']);
    expect(await words({})).toEqual(['finalizing', 'cancelling']);
  });

  test('of states is kept as the provider writes it, and a client that does not expect it knows no word', async () => {
    const { running, ended } = await shown({ statuses: 'upper' });
    expect([running.providerStatus, ended.providerStatus]).toEqual(['IN_PROGRESS', 'COMPLETED']);
    const plain = createCompatibleProvider({ name: 'x', title: 'X', settings });
    const [batch] = await emulator.batches();
    const job = { providerJobId: batch?.id ?? '', requestCount: 2, checkpoint, cancelRequestedAt: null };
    expect(await plain.connect(emulator, { clock }).retrieve(job, quiet)).toMatchObject({
      status: null,
      providerStatus: 'COMPLETED',
    });
  });

  test('of counts leaves them unknown, at the end too, and shows a percentage or nothing', async () => {
    const unknown = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };
    const { middle, last, running, ended } = await shown({ counts: 'progress' });
    expect([middle?.['progress'], last?.['progress']]).toEqual([50, 100]);
    expect([running.counts, ended.counts]).toEqual([unknown, unknown]);
    expect(provider.capabilities.liveCounts).toBe(false);
    const none = await shown({ counts: 'none' });
    expect(none.last).not.toHaveProperty('progress');
    expect(none.last).not.toHaveProperty('request_counts');
    expect((await shown({})).ended.counts).toMatchObject({ total: 2, succeeded: 2 });
    expect(provider.capabilities.liveCounts).toBe(true);
  });

  test('of errors is a text that becomes the reason of the failure', async () => {
    const { last, ended } = await shown({ errors: 'text' }, ['emulate:job-failed']);
    expect(last).toMatchObject({ error: 'This batch was asked to fail.' });
    expect(ended.error).toEqual({ code: 'batch_failed', message: 'This batch was asked to fail.' });
    const listed = await shown({}, ['emulate:job-failed']);
    expect(listed.ended.error).toEqual({
      code: 'invalid_request',
      message: 'This batch was asked to fail.',
      retryable: false,
    });
  });

  test('of errors makes a refused call about batches a text, too, which is what the failure says', async () => {
    for (const errors of ['list', 'text'] as const) {
      await beginWith({ errors });
      const { sent } = submit(['a'], { completionWindow: '1h' });
      const failure = await failureOf(sent);
      expect(failure).toMatchObject({ kind: 'rejected', status: 400 });
      expect(failure.message).toMatch(/^Invalid value: '1h'/);
      expect(failure.code).toBe(errors === 'list' ? 'invalid_value' : 'http_400');
      const headers = { authorization: `Bearer ${emulator.apiKey}` };
      const answer = await fetch(`${emulator.baseUrl}/batches/batch_1`, { headers });
      const { error } = await answer.json();
      expect(typeof error).toBe(errors === 'list' ? 'object' : 'string');
    }
  });

  test('of lists is one object or a bare array with everything, and is asked for no pages', async () => {
    for (const list of ['object', 'array'] as const) {
      await beginWith({ list });
      let answered = '';
      const rewrite = (body: string) => {
        answered = body;
        return body;
      };
      emulator.faults.add({ operation: 'list', effect: { kind: 'rewrite', rewrite } });
      expect((await lostAndFound()).found).toHaveLength(1);
      const answer: unknown = JSON.parse(answered);
      expect(Array.isArray(answer)).toBe(list === 'array');
      expect(answered).not.toContain('has_more');
    }
  });

  test('of lists that are said to go on and cannot be followed fails the search', async () => {
    await beginWith({ list: 'object' });
    const { submission, sent } = submit(['a']);
    await sent;
    const rewrite = () => '{"object":"list","data":[],"has_more":true}';
    emulator.faults.add({ operation: 'list', effect: { kind: 'rewrite', rewrite } });
    expect(await failureOf(client.find(submission, quiet))).toMatchObject({
      kind: 'malformed',
      code: 'unfinished_list',
    });
  });

  test('of idempotency makes one batch of two creations of a job, where without it there are two', async () => {
    for (const [idempotencyHeader, count] of [['Idempotency-Key', 1] as const, [null, 2] as const]) {
      await beginWith({ idempotencyHeader });
      const first = await submitted(['a']);
      const second = await submitted(['a']);
      expect(first.job.providerJobId === second.job.providerJobId).toBe(count === 1);
      expect(await emulator.batches()).toHaveLength(count);
    }
  });

  test('of no metadata leaves the input file as the one key, and nothing is found before it was sent', async () => {
    await beginWith({ metadata: false });
    const { job } = await submitted(['a']);
    expect((await client.retrieve(job, quiet)).raw).not.toContain('metadata');
    const { submission } = submit(['a']);
    expect(await client.find({ ...submission, checkpoint: null }, quiet)).toEqual([]);
  });
});

test('a file of results that lies with another company is read there, without the key', async () => {
  await beginWith({});
  const { job } = await submitted(['a']);
  clock.advance({ minutes: 1 });
  const ended = await client.retrieve(job, quiet);
  const foreign = await openForeignHost();
  try {
    const headers = { location: `${foreign.baseUrl}/stored` };
    emulator.faults.add({ operation: 'content', effect: { kind: 'answer', status: 302, headers } });
    expect(await statusesOf(job, ended)).toEqual([]);
    const heard = foreign.heard().toString('utf8');
    expect(heard).toContain('GET /stored');
    expect(heard).not.toContain(emulator.apiKey);
    expect(heard).not.toMatch(/authorization/i);
  } finally {
    await foreign.close();
  }
});

describe('a service that counts nothing', () => {
  test('is asked again while it says completed and names no file, and is believed once it names one', async () => {
    await beginWith({ counts: 'none' });
    const { job } = await submitted(['a']);
    clock.advance({ minutes: 1 });
    const rewrite = (body: string) => body.replace(/"output_file_id":"[^"]*"/, '"output_file_id":null');
    emulator.faults.add({ operation: 'retrieve', effect: { kind: 'rewrite', rewrite } });
    expect(await client.retrieve(job, quiet)).toMatchObject({ status: 'COMPLETED', resultsReady: false });
    expect(await client.retrieve(job, quiet)).toMatchObject({ status: 'COMPLETED', resultsReady: true });
  });
});

describe('what is known of a service', () => {
  test('holds for its emulator: limits, endpoints and windows', async () => {
    const profile = profileSchema.parse({
      requestsMax: 2,
      bytesMax: 700,
      endpoints: ['/v1/chat/completions'],
      completionWindows: ['7d'],
    });
    await begin(providerOf({ name: 'x', title: 'X', settings }, profile));
    const { report } = await submitted(['a', 'b'], { completionWindow: '7d' });
    expect(report.expiresAt).toEqual(new Date('2026-01-08T00:00:00.000Z'));
    checkpoint = null;
    const refusals = [
      submit(['a', 'b', 'c'], { completionWindow: '7d', nonce: 'other' }),
      submit(['x'.repeat(800)], { completionWindow: '7d', nonce: 'third' }),
      submit(['a'], { nonce: 'fourth' }),
      submit(['a'], { completionWindow: '7d', endpoint: '/v1/embeddings', nonce: 'fifth' }),
    ];
    const statuses = await Promise.all(refusals.map(async ({ sent }) => (await failureOf(sent)).status));
    expect(statuses).toEqual([400, 413, 400, 400]);
  });

  test('is the smallest that is known of any where nothing is said', () => {
    const { limits, completionWindows, endpoints } = createCompatibleProvider({
      name: 'x',
      title: 'X',
      settings,
    });
    expect(limits).toEqual({
      requestsMin: 1,
      requestsMax: 50_000,
      bytesMax: 100_000_000,
      lineBytesMax: null,
      queue: [{ unit: 'TOKENS', per: 'MODEL', max: null, setting: 'X_QUEUE_TOKENS' }],
    });
    expect(completionWindows).toEqual(['24h']);
    expect(endpoints).toContain('/v1/embeddings');
  });
});
