/** xAI's adapter against its emulator, over real sockets: submissions in parts, finding them, results, cancelling. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import type { Emulator, EmulatorOptions, FaultEffect, FaultRule } from '../../src/providers/emulation.ts';
import type {
  JobReport,
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { xai } from '../../src/providers/xai/index.ts';
import { failureOf, outcomesOf, readResults } from '../support/provider-client.ts';

const start = new Date('2026-11-22T10:00:00Z');
const quiet = new AbortController().signal;
const nonce = 'abcdefghij0123456789';

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
  emulator = await xai.emulate({ clock, ...options });
  client = xai.connect(emulator, { clock });
};

const chat = (content: string, more: JsonObject = {}): string =>
  JSON.stringify({ model: 'grok-4.3', messages: [{ role: 'user', content }], ...more });

const itemsOf = (bodies: readonly string[], endpoint = '/v1/chat/completions'): SubmissionItem[] =>
  bodies.map((body, position) => ({ key: `${nonce}-${position}`, endpoint, body }));

const bytesOf = (items: readonly SubmissionItem[]): number =>
  items.reduce((sum, item) => {
    const { before, after } = xai.encoding.envelope(item);
    return sum + Buffer.byteLength(before + item.body + after);
  }, xai.encoding.frameBytes(items.length));

/** A job of these items, and everything needed to send it, again and again. */
const jobOf = (items: readonly SubmissionItem[], changes: Partial<Submission> = {}) => {
  const job = {
    checkpoint: null as JsonObject | null,
    items,
    submission: (more: Partial<Submission> = {}): Submission => ({
      jobId: 'job-1',
      nonce,
      endpoint: '/v1/chat/completions',
      model: 'grok-4.3',
      completionWindow: '24h',
      requestCount: items.length,
      encodedBytes: bytesOf(items),
      checkpoint: job.checkpoint,
      intentAt: clock.now(),
      ...changes,
      ...more,
    }),
    send: (more: Partial<Submission> = {}, signal = quiet) =>
      client.submit(job.submission(more), {
        async *items() {
          yield* items;
        },
        saveCheckpoint: async (checkpoint) => {
          job.checkpoint = checkpoint;
        },
        signal,
        guard: () => {},
      }),
  };
  return job;
};
const job = (prompts: readonly string[], changes: Partial<Submission> = {}) =>
  jobOf(itemsOf(prompts.map((prompt) => chat(prompt))), changes);

const prompts = (count: number): string[] => Array.from({ length: count }, (_, n) => `prompt ${n}`);

const submitted = async (of: readonly string[] | ReturnType<typeof jobOf>): Promise<ProviderJob> => {
  const sent = 'send' in of ? of : job(of);
  const { providerJobId } = await sent.send();
  const { checkpoint, items } = sent;
  return { providerJobId, requestCount: items.length, checkpoint, cancelRequestedAt: null };
};

const collect = async (of: ProviderJob, cursor: string | null = null, report?: JobReport) => {
  const now = report ?? (await client.retrieve(of, quiet));
  return readResults(client, { ...of, report: now }, cursor);
};

const outcomes = (lines: readonly string[]) => outcomesOf(xai, lines);

const fault = (operation: string, effect: FaultEffect, more: Omit<FaultRule, 'operation' | 'effect'> = {}) =>
  emulator.faults.add({ operation, effect, ...more });
const operations = () => emulator.calls.map(({ operation }) => operation);
const callsOf = (operation: string) => operations().filter((called) => called === operation).length;
const onlyBatch = async () => {
  const [batch, ...more] = await emulator.batches();
  expect(more).toEqual([]);
  return batch ?? expect.fail('there is no batch');
};
const keysOf = ({ items }: { items: readonly SubmissionItem[] }) => items.map(({ key }) => key);

describe('a submission in parts', () => {
  test('creates a batch, fills it, asks how it is; and what becomes of it is watched to its end', async () => {
    await begin();
    const sent = job(['Hello ✓', 'line one\nline two', '']);
    const { providerJobId, report } = await sent.send();
    expect(operations()).toEqual(['create', 'add', 'retrieve']);
    expect(sent.checkpoint).toEqual({ batch_id: providerJobId });
    expect(report).toMatchObject({ status: 'RUNNING', counts: { total: 3, succeeded: 0 } });
    expect(await onlyBatch()).toMatchObject({ id: providerJobId, keys: keysOf(sent) });
    expect(JSON.parse(report.raw)).toMatchObject({ name: `batchql-${nonce}` });

    const of = { providerJobId, requestCount: 3, checkpoint: null, cancelRequestedAt: null };
    const seen: unknown[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const { status, counts, resultsReady } = await client.retrieve(of, quiet);
      seen.push([status, counts.succeeded, resultsReady]);
      clock.advance({ seconds: 8 });
    }
    expect(seen).toEqual([
      ['RUNNING', 0, false],
      ['RUNNING', 1, true],
      ['RUNNING', 2, true],
      ['COMPLETED', 3, true],
    ]);
    const { lines } = await collect(of);
    expect(outcomes(lines).toSorted()).toEqual(keysOf(sent).map((key) => [key, 'SUCCEEDED']));
    for (const line of lines) expect(xai.decoding.readText(line)).toMatch(/\w/);
  });

  test('keeps each call below 25 MB, an item above 16 MB to itself, and all of them in order', async () => {
    await begin({ switches: { bytesMaxOf: 'call' } });
    const sizes = [9, 6, 9, 20, 1, 1];
    const sent = job(sizes.map((megabytes) => 'x'.repeat(megabytes * 1_000_000)));
    await sent.send();
    // 9 and 6, then 9, then 20 alone, then 1 and 1.
    expect(callsOf('add')).toBe(4);
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  test('adds at most 10,000 items with a call', async () => {
    await begin();
    const sent = job(prompts(10_001));
    await sent.send();
    expect(callsOf('add')).toBe(2);
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  for (const kind of ['drop', 'accept-and-drop'] as const) {
    for (const duplicates of ['ignored', 'refused'] as const) {
      test(`that broke off (${kind}) is completed with what is missing, where a repetition is ${duplicates}`, async () => {
        await begin({ switches: { duplicates } });
        const sent = job(prompts(20_001));
        fault('add', { kind }, { after: 1 });
        expect(await failureOf(sent.send())).toMatchObject({ kind: 'unavailable' });
        expect((await onlyBatch()).keys).toHaveLength(kind === 'drop' ? 10_000 : 20_000);
        const before = callsOf('add');
        const { report } = await sent.send();
        expect(report.counts.total).toBe(20_001);
        expect(callsOf('create')).toBe(1);
        expect(callsOf('add') - before).toBe(kind === 'drop' ? 2 : 1);
        expect((await onlyBatch()).keys).toEqual(keysOf(sent));
      });
    }
  }

  for (const duplicates of ['ignored', 'refused'] as const) {
    test(`loses nothing to a list that lags behind, where a repetition is ${duplicates}`, async () => {
      await begin({ switches: { duplicates } });
      const sent = job(prompts(9));
      fault('add', { kind: 'accept-and-drop' });
      expect(await failureOf(sent.send())).toMatchObject({ kind: 'unavailable' });
      fault('requests', { kind: 'rewrite', rewrite: () => '{"batch_request_metadata":[]}' });
      const again = sent.send();
      if (duplicates === 'refused') {
        expect(await failureOf(again)).toMatchObject({ kind: 'unavailable', status: 412 });
        await sent.send();
      } else await again;
      expect(await onlyBatch()).toMatchObject({ keys: keysOf(sent), status: 'running' });
    });
  }

  test('that is throttled says until when, in each way of saying it, and then goes on', async () => {
    await begin();
    const sent = job(['a', 'b']);
    const retryAt = async (headers: Record<string, string>) => {
      const body = '{"code":"Some resource has been exhausted","error":"Too many calls."}';
      fault('add', { kind: 'answer', status: 429, headers, body });
      const failure = await failureOf(sent.send());
      expect(failure).toMatchObject({ kind: 'throttled', code: 'resource_exhausted', status: 429 });
      return failure.retryAt?.toISOString() ?? null;
    };
    expect(await retryAt({ 'retry-after': '90' })).toBe('2026-11-22T10:01:30.000Z');
    expect(await retryAt({ 'retry-after': 'Sun, 22 Nov 2026 10:00:20 GMT' })).toBe(
      '2026-11-22T10:00:20.000Z',
    );
    expect(await retryAt({ 'retry-after-ms': '2500' })).toBe('2026-11-22T10:00:02.500Z');
    expect(await retryAt({})).toBeNull();
    await sent.send();
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  test.each([
    [500, 'unavailable'],
    [404, 'unavailable'],
    [408, 'unavailable'],
    [503, 'unavailable'],
  ])('whose call is answered %i is %s, and can go on', async (status, kind) => {
    await begin();
    const sent = job(['a']);
    fault('add', { kind: 'answer', status, body: '{}' });
    expect(await failureOf(sent.send())).toMatchObject({ kind, status });
    await sent.send();
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  test('whose batch is not known any more when it goes on is looked for, and not refused', async () => {
    await begin();
    const sent = job(['a']);
    fault('add', { kind: 'drop' });
    await failureOf(sent.send());
    fault('retrieve', { kind: 'answer', status: 404, body: '{}' });
    expect(await failureOf(sent.send())).toMatchObject({ kind: 'uncertain', status: 404 });
    fault('requests', { kind: 'answer', status: 404, body: '{}' });
    expect(await failureOf(sent.send())).toMatchObject({ kind: 'uncertain', status: 404 });
    await sent.send();
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  test('that is refused in the middle says so, and leaves what was added before to be stopped and collected', async () => {
    await begin();
    const bodies = prompts(10_001).map((prompt) => chat(prompt));
    const sent = jobOf(itemsOf([...bodies, chat('b', { model: 'grok-unbatchable' })]));
    expect(await failureOf(sent.send())).toMatchObject({
      kind: 'rejected',
      status: 400,
      code: 'invalid_argument',
      message: 'Model grok-unbatchable is not supported for batch processing.',
    });
    expect(await onlyBatch()).toMatchObject({ requestCount: 10_000 });
    expect(callsOf('cancel')).toBe(0);
  });

  test('with a model that takes no batches fails later, where the vendor looks later', async () => {
    await begin({ switches: { unsupportedModel: 'cancels-batch' } });
    const of = await submitted(jobOf(itemsOf([chat('a'), chat('b', { model: 'grok-4.5' })])));
    clock.advance({ seconds: 2 });
    expect(await client.retrieve(of, quiet)).toMatchObject({
      status: 'FAILED',
      counts: { total: 0 },
      resultsReady: false,
      error: { code: 'cancelled_by_xai', message: /^Model grok-4\.5 is not supported/ },
    });
  });

  test('that is too large for the vendor is rejected', async () => {
    await begin();
    const sent = job(['a']);
    fault('add', { kind: 'answer', status: 413, body: '{"code":"x","error":"Too large."}' });
    expect(await failureOf(sent.send())).toMatchObject({
      kind: 'rejected',
      status: 413,
      message: 'Too large.',
    });
  });

  test('ends with what it has, where somebody cancelled its batch in between', async () => {
    await begin();
    const sent = job(prompts(3));
    fault('add', { kind: 'drop' });
    await failureOf(sent.send());
    const { id } = await onlyBatch();
    await client.cancel(
      { providerJobId: id, requestCount: 3, checkpoint: null, cancelRequestedAt: null },
      quiet,
    );
    const adds = callsOf('add');
    expect((await sent.send()).report.status).toBe('CANCELLED');
    expect(callsOf('add')).toBe(adds);
  });

  test('is sent, though nobody could say how it is doing', async () => {
    await begin();
    const sent = job(['a']);
    fault('retrieve', { kind: 'drop' });
    const { providerJobId, report } = await sent.send();
    expect(report).toMatchObject({ status: 'PENDING', counts: { total: 0 } });
    expect(await onlyBatch()).toMatchObject({ id: providerJobId, keys: keysOf(sent) });
  });

  test('of other items than it says is a fault of ours, and its last call is not sent', async () => {
    await begin();
    const sent = job(prompts(10_001));
    const { encodedBytes } = sent.submission();
    for (const wrong of [
      { encodedBytes: encodedBytes + 1 },
      { encodedBytes: encodedBytes - 1 },
      { requestCount: 10_002 },
      { requestCount: 10_000 },
    ]) {
      await expect(sent.send({ ...wrong, checkpoint: null })).rejects.toThrow(/^The items to be sent were/);
    }
    for (const { keys } of await emulator.batches()) expect(keys.length).toBeLessThanOrEqual(10_000);
  });

  test('whose time is over before anything was sent has created nothing', async () => {
    await begin();
    const sent = job(['a']);
    expect(await failureOf(sent.send({}, AbortSignal.abort()))).toMatchObject({ kind: 'unavailable' });
    expect(operations()).toEqual([]);
  });

  test('whose time is over between two calls can go on', async () => {
    await begin();
    const sent = job(prompts(10_001));
    const abort = new AbortController();
    const rewrite = (body: string) => {
      abort.abort();
      return body;
    };
    fault('add', { kind: 'rewrite', rewrite });
    expect(await failureOf(sent.send({}, abort.signal))).toMatchObject({ kind: 'unavailable' });
    await sent.send();
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });
});

describe('a submission that is looked for', () => {
  test('is found by its name, with what it lacks, and completed from there', async () => {
    await begin();
    const sent = job(['a', 'b']);
    fault('create', { kind: 'accept-and-drop' });
    expect(await failureOf(sent.send())).toMatchObject({ kind: 'uncertain' });
    expect(sent.checkpoint).toBeNull();
    const { id } = await onlyBatch();
    expect(await client.find(sent.submission(), quiet)).toEqual([
      {
        providerJobId: id,
        proof: 'EXACT',
        evidence: {
          batch_id: id,
          name: `batchql-${nonce}`,
          create_time: '2026-11-22',
          num_requests: 0,
        },
        unfinished: { batch_id: id },
      },
    ]);
    await sent.send({ checkpoint: { batch_id: id } });
    const [whole] = await client.find(sent.submission(), quiet);
    expect(whole).not.toHaveProperty('unfinished');
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  test('is seen twice where there are two of its name, and neither is passed over', async () => {
    await begin();
    const sent = job(['a']);
    const first = await sent.send();
    const second = await sent.send({ checkpoint: null });
    const found = await client.find(sent.submission(), quiet);
    expect(found.map(({ providerJobId }) => providerJobId).toSorted()).toEqual(
      [first.providerJobId, second.providerJobId].toSorted(),
    );
  });

  test('is found by its checkpoint where the list does not show it, and not by one that is gone', async () => {
    await begin();
    const sent = job(['a']);
    const { providerJobId } = await sent.send();
    fault('list', { kind: 'rewrite', rewrite: () => '{"batches":[]}' }, { times: 2 });
    expect(await client.find(sent.submission(), quiet)).toMatchObject([{ providerJobId }]);
    const gone = sent.submission({ checkpoint: { batch_id: `${providerJobId}0` } });
    expect(await client.find(gone, quiet)).toEqual([]);
  });

  test('is not one that is stopped, though that lacks items', async () => {
    await begin();
    const sent = job(['a', 'b']);
    fault('add', { kind: 'drop' });
    await failureOf(sent.send());
    const { id: providerJobId } = await onlyBatch();
    await client.cancel({ providerJobId, requestCount: 2, checkpoint: null, cancelRequestedAt: null }, quiet);
    const [sighting] = await client.find(sent.submission(), quiet);
    expect(sighting).toMatchObject({ providerJobId });
    expect(sighting).not.toHaveProperty('unfinished');
  });

  for (const listOrder of ['newest-first', 'oldest-first'] as const) {
    for (const lastToken of ['null', 'empty'] as const) {
      test(`is found among many, where the list comes ${listOrder} and ends with ${lastToken}`, async () => {
        await begin({ switches: { listOrder, lastToken } });
        const crowd = async () => {
          for (let n = 0; n < 101; n += 1) await job(['x'], { nonce: 'zzzzzzzzzzzzzzzzzzzz' }).send();
        };
        await crowd();
        const sent = job(['mine']);
        const { providerJobId } = await sent.send();
        await crowd();
        const found = await client.find(sent.submission({ checkpoint: null }), quiet);
        expect(found.map((sighting) => sighting.providerJobId)).toEqual([providerJobId]);
        expect(callsOf('list')).toBe(3);
      });
    }
  }

  for (const listedState of ['told', 'left-out'] as const) {
    test(`is told whole or not, where the counts in a list are ${listedState}`, async () => {
      await begin({ switches: { listedState } });
      const sent = job(['a', 'b']);
      fault('add', { kind: 'drop' });
      await failureOf(sent.send());
      const lookedFor = () => client.find(sent.submission({ checkpoint: null }), quiet);
      const [unfinished] = await lookedFor();
      expect(unfinished).toMatchObject({ evidence: { num_requests: 0 }, unfinished: sent.checkpoint });
      await sent.send();
      const [whole] = await lookedFor();
      expect(whole).toMatchObject({ evidence: { num_requests: 2 } });
      expect(whole).not.toHaveProperty('unfinished');
    });
  }

  test('is not looked for in a list that leads to itself', async () => {
    await begin();
    const body = '{"batches":[],"pagination_token":"t"}';
    fault('list', { kind: 'answer', status: 200, body }, { times: 9 });
    expect(await failureOf(client.find(job(['a']).submission(), quiet))).toMatchObject({
      kind: 'malformed',
      code: 'circular_list',
    });
    expect(callsOf('list')).toBe(2);
  });
});

describe('results', () => {
  for (const lastToken of ['null', 'empty'] as const) {
    test(`go on after any cursor with exactly what came after it, where they end with ${lastToken}`, async () => {
      await begin({ switches: { lastToken } });
      const of = await submitted(prompts(700));
      clock.advance({ minutes: 1 });
      const whole = await collect(of);
      expect(whole.lines).toHaveLength(700);
      expect(callsOf('results')).toBe(3);
      for (const { cursor, read } of whole.places) {
        expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(read));
      }
      expect(whole.places.map(({ read }) => read)).toEqual([10, 50, 210, 700]);
    });
  }

  test('are read from the start where a cursor is unreadable, or its token is not taken any more', async () => {
    await begin();
    const of = await submitted(prompts(300));
    clock.advance({ minutes: 1 });
    const whole = await collect(of);
    expect((await collect(of, 'not a cursor')).lines).toEqual(whole.lines);
    const unknown = await collect(of, '{"token":"bm9uZQ","read":7}');
    expect(unknown.lines).toEqual(whole.lines);
    // What it goes on from is then a place in what it read.
    const [first] = unknown.places;
    expect((await collect(of, first?.cursor ?? null)).lines).toEqual(whole.lines.slice(first?.read));
  });

  for (const resultOrder of ['key', 'finishing', 'position'] as const) {
    test(`that come while the job runs are whole at its end, where they are ordered by ${resultOrder}`, async () => {
      await begin({ switches: { resultOrder } });
      const of = await submitted(prompts(40));
      clock.advance({ seconds: 11 });
      const early = await collect(of);
      expect(early.lines).toHaveLength(20);
      clock.advance({ minutes: 1 });
      const whole = (await collect(of)).lines;
      expect(new Set(outcomes(whole).map(([key]) => key)).size).toBe(40);
      for (const line of early.lines) expect(whole).toContain(line);
      // What finished later stands behind what was read, or anywhere: then a cursor has left some out.
      const rest = (await collect(of, early.places.at(-1)?.cursor)).lines;
      const together = new Set([...early.lines, ...rest]);
      expect(together.size === 40).toBe(resultOrder === 'finishing');
    });
  }

  test('of a page that is torn are unavailable, and go on from the page before', async () => {
    await begin();
    const of = await submitted(prompts(600));
    clock.advance({ minutes: 1 });
    const report = await client.retrieve(of, quiet);
    const whole = await collect(of);
    fault('results', { kind: 'tear', afterBytes: 500 }, { after: 1 });
    const seen: string[] = [];
    let cursor: string | null = null;
    const reading = (async () => {
      for await (const chunk of client.results({ ...of, report }, null, quiet)) {
        seen.push(...chunk.lines);
        cursor = chunk.cursor;
      }
    })();
    expect(await failureOf(reading)).toMatchObject({ kind: 'unavailable' });
    expect(seen).toEqual(whole.lines.slice(0, 250));
    expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(250));
  });

  test('keep the text that the vendor wrote', async () => {
    await begin();
    const of = await submitted(['a', 'b']);
    clock.advance({ minutes: 1 });
    const rewrite = (body: string) =>
      body.replaceAll('{"batch_request_id"', '{ "long" : 12345678901234567890,\n "batch_request_id"');
    fault('results', { kind: 'rewrite', rewrite });
    const { lines } = await collect(of);
    expect(lines).toHaveLength(2);
    for (const line of lines)
      expect(line).toMatch(/^\{ "long" : 12345678901234567890, {2}"batch_request_id":/);
  });

  test('in an answer that is no page are malformed', async () => {
    await begin();
    const of = await submitted(['a']);
    clock.advance({ minutes: 1 });
    for (const body of ['{}', '<html>', '{"results":7}']) {
      fault('results', { kind: 'rewrite', rewrite: () => body });
      expect(await failureOf(collect(of))).toMatchObject({ kind: 'malformed' });
    }
  });

  test('that are gone have expired, where the vendor takes them away, and are there where it keeps them', async () => {
    for (const expiredResults of ['gone', 'kept'] as const) {
      await begin({ switches: { expiredResults, retention: '1d' } });
      const of = await submitted(['a']);
      clock.advance({ hours: 24 });
      expect(await client.retrieve(of, quiet)).toMatchObject({ status: 'COMPLETED' });
      if (expiredResults === 'kept') expect((await collect(of)).lines).toHaveLength(1);
      else expect(await failureOf(collect(of))).toMatchObject({ kind: 'expired', status: 404 });
      await emulator.close();
    }
  });

  test('of every fate that an item can ask for are what they were asked for', async () => {
    for (const errorForm of ['status', 'sentence', 'beside'] as const) {
      await begin({ switches: { errorForm } });
      const wishes = ['errored', 'overloaded', 'expired', 'missing', 'doubled', 'malformed', 'foreign'];
      const of = await submitted(['plain', ...wishes.map((wish) => `emulate:${wish}`)]);
      clock.advance({ minutes: 1 });
      const { counts } = await client.retrieve(of, quiet);
      expect(counts).toMatchObject({ total: 8, succeeded: 5, errored: 3 });
      const key = (n: number) => `${nonce}-${n}`;
      const { lines } = await collect(of);
      expect(outcomes(lines).toSorted()).toEqual(
        [
          [key(0), 'SUCCEEDED'],
          [key(1), 'ERRORED'],
          [key(2), 'ERRORED'],
          [key(3), 'EXPIRED'],
          [key(5), 'SUCCEEDED'],
          [key(5), 'SUCCEEDED'],
          'malformed',
          [key(7), 'SUCCEEDED'],
          ['nobodys-key', 'SUCCEEDED'],
        ].toSorted(),
      );
      const told = lines.map((line) => {
        const decoded = xai.decoding.decode(line);
        return decoded.kind === 'result' ? [decoded.key, decoded.outcome.retryable] : null;
      });
      expect(told).toContainEqual([key(1), false]);
      expect(told).toContainEqual([key(2), true]);
      await emulator.close();
    }
  });

  test('of what shows only when a request has its turn are errors of that request', async () => {
    await begin();
    const of = await submitted(jobOf(itemsOf([chat('a', { max_tokens: -5 }), chat('b')])));
    clock.advance({ minutes: 1 });
    const [line = ''] = (await collect(of)).lines;
    expect(xai.decoding.decode(line)).toMatchObject({
      outcome: { status: 'ERRORED', errorMessage: /max_tokens = -5/, retryable: false },
    });
  });

  test('of each endpoint are read, and text comes as a chat completion whatever was asked for', async () => {
    await begin();
    const model = 'grok-4.20-0309-reasoning';
    const items: SubmissionItem[] = [
      { messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 2 },
      { input: 'Say hello.', instructions: 'Be brief.' },
      { prompt: 'A cat.' },
    ].map((body, n) => ({
      key: `${nonce}-${n}`,
      endpoint: xai.endpoints[n] ?? '',
      body: JSON.stringify({ model, ...body }),
    }));
    const of = await submitted(jobOf(items));
    clock.advance({ minutes: 1 });
    const read = (await collect(of)).lines.map((line) => {
      const decoded = xai.decoding.decode(line);
      if (decoded.kind === 'malformed') throw new Error(decoded.reason);
      const { status, stopReason, usage } = decoded.outcome;
      const kind = Object.keys(JSON.parse(line).batch_result.response)[0];
      return [kind, status, stopReason, usage.reasoningTokens, typeof xai.decoding.readText(line)];
    });
    expect(read).toEqual([
      ['chat_get_completion', 'SUCCEEDED', 'length', 40, 'string'],
      ['chat_get_completion', 'SUCCEEDED', 'stop', 40, 'string'],
      ['image_generation', 'SUCCEEDED', null, null, 'object'],
    ]);
  });

  test('are in the schema that a request asks for, in both forms of asking', async () => {
    await begin();
    const schema = { type: 'object', properties: { label: { enum: ['a', 'b'] } }, required: ['label'] };
    const asked = {
      '/v1/chat/completions': {
        messages: [{ role: 'user', content: 'Classify.' }],
        response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
      },
      '/v1/responses': { input: 'Classify.', text: { format: { type: 'json_schema', name: 'x', schema } } },
    };
    const items = Object.entries(asked).map(([endpoint, body], n) => ({
      key: `${nonce}-${n}`,
      endpoint,
      body: JSON.stringify({ model: 'grok-4.3', ...body }),
    }));
    const of = await submitted(jobOf(items));
    clock.advance({ minutes: 1 });
    for (const line of (await collect(of)).lines) {
      expect(JSON.parse(xai.decoding.readText(line) ?? '')).toEqual({
        label: expect.stringMatching(/^[ab]$/),
      });
    }
  });
});

describe('a job', () => {
  const cancelled = async (pace: EmulatorOptions['pace'], switches: EmulatorOptions['switches'] = {}) => {
    await begin({ pace: { runningSeconds: 40, ...pace }, switches });
    const of = await submitted(prompts(20));
    clock.advance({ seconds: 21 });
    const report = await client.cancel(of, quiet);
    return { report, of: { ...of, cancelRequestedAt: clock.now() } };
  };

  test('that is cancelled is not over before what was in flight has come in, and loses none of it', async () => {
    const { report, of } = await cancelled({ cancellingSeconds: 10 });
    expect(report).toMatchObject({
      status: 'CANCELLING',
      resultsReady: false,
      counts: { succeeded: 10, cancelled: 10 },
    });
    clock.advance({ seconds: 20 });
    // Half of what counted as cancelled has succeeded after all.
    const counts = { total: 20, succeeded: 15, cancelled: 5 };
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLING', counts });
    clock.advance({ seconds: 40 });
    expect(await client.cancel(of, quiet)).toMatchObject({ status: 'CANCELLED', counts, resultsReady: true });
    const statuses = outcomes((await collect(of)).lines).map(([, status]) => status);
    expect(statuses.filter((status) => status === 'SUCCEEDED')).toHaveLength(15);
    expect(statuses.filter((status) => status === 'CANCELLED')).toHaveLength(5);
  });

  test('that was cancelled too late to stop anything is completed', async () => {
    const { report, of } = await cancelled({ cancellingSeconds: 20 });
    expect(report.status).toBe('CANCELLING');
    clock.advance({ seconds: 20 });
    expect(await client.retrieve(of, quiet)).toMatchObject({
      status: 'COMPLETED',
      counts: { succeeded: 20 },
    });
  });

  test('that is cancelled counts what it stops as pending until then, where the vendor does', async () => {
    const { report, of } = await cancelled({ cancellingSeconds: 10 }, { cancelCounts: 'settled' });
    expect(report).toMatchObject({ status: 'CANCELLING', counts: { succeeded: 10, cancelled: 0 } });
    clock.advance({ seconds: 60 });
    expect(await client.retrieve(of, quiet)).toMatchObject({ status: 'CANCELLED', counts: { cancelled: 5 } });
  });

  for (const cancelWhenOver of ['marked', 'unchanged', 'refused'] as const) {
    test(`that is completed stays so when it is cancelled, where that leaves a batch ${cancelWhenOver}`, async () => {
      await begin({ switches: { cancelWhenOver } });
      const of = await submitted(['a']);
      clock.advance({ minutes: 1 });
      expect(await client.cancel(of, quiet)).toMatchObject({ status: 'COMPLETED', resultsReady: true });
      expect((await collect(of)).lines).toHaveLength(1);
    });
  }

  test('that still runs passes a refusal to cancel it on', async () => {
    await begin();
    const of = await submitted(['a']);
    fault('cancel', { kind: 'answer', status: 403, body: '{"code":"no_right","error":"No."}' });
    expect(await failureOf(client.cancel(of, quiet))).toMatchObject({ kind: 'rejected', code: 'no_right' });
  });

  test('that was asked to fail, to expire or to stay where it is does so', async () => {
    await begin({ switches: { times: 'moments' } });
    const at = async (directive: string, seconds: number) => {
      const of = await submitted([`emulate:${directive}`, 'b', 'c', 'd']);
      clock.advance({ seconds });
      return { of, report: await client.retrieve(of, quiet) };
    };
    expect((await at('job-failed', 2)).report).toMatchObject({
      status: 'FAILED',
      counts: { total: 0 },
      error: { message: 'This batch was asked to fail.' },
    });
    const { of, report } = await at('job-expired', 60);
    expect(report).toMatchObject({
      status: 'EXPIRED',
      counts: { total: 4, succeeded: 2, expired: 2 },
      resultsReady: true,
    });
    expect(await failureOf(collect(of))).toMatchObject({ kind: 'expired' });
    expect((await at('stuck', 1e6)).report).toMatchObject({ status: 'RUNNING', counts: { succeeded: 2 } });
  });

  test('tells until when its results stay, to the day or to the moment', async () => {
    for (const [times, until] of [
      ['dates', '2026-12-23T00:00:00.000Z'],
      ['moments', '2026-12-22T10:00:00.000Z'],
    ] as const) {
      await begin({ switches: { times } });
      const { report } = await job(['a']).send();
      expect(report.resultsExpireAt?.toISOString()).toBe(until);
      expect(report.expiresAt).toBeNull();
      await emulator.close();
    }
  });

  test('that the vendor does not know is rejected with 404', async () => {
    await begin();
    const of = await submitted(['a']);
    const unknown = { ...of, providerJobId: 'batch_unknown' };
    expect(await failureOf(client.retrieve(unknown, quiet))).toMatchObject({
      kind: 'rejected',
      status: 404,
      code: 'not_found',
    });
  });
});

describe('whatever is called', () => {
  test('a chat wrapper that is not accepted is refused, and the other still goes', async () => {
    await begin({ switches: { wrappers: 'responses-only' } });
    expect(await failureOf(job(['a']).send())).toMatchObject({ kind: 'rejected', status: 400 });
    const body = JSON.stringify({ model: 'grok-4.3', input: 'Hi' });
    const { report } = await jobOf(itemsOf([body], '/v1/responses')).send();
    expect(report.status).toBe('RUNNING');
  });

  for (const unknownKey of ['400', '401'] as const) {
    test(`a key that nobody gave out is refused as one, where the vendor says ${unknownKey}`, async () => {
      await begin({ switches: { unknownKey } });
      const stranger = xai.connect(emulator.stranger, { clock });
      const failure = await failureOf(stranger.find(job(['a']).submission(), quiet));
      expect(failure).toMatchObject({ kind: 'rejected', status: 401, message: /^Incorrect API key/ });
    });
  }

  test('no failure carries the key, whatever the vendor quotes', async () => {
    await begin();
    const apiKey = 'VerySecretAbcdefghijklmnop012345';
    const of = await submitted(['a']);
    const report = await client.retrieve(of, quiet);
    client = xai.connect({ baseUrl: emulator.baseUrl, apiKey }, { clock });
    const calls: Array<() => Promise<unknown>> = [
      () => job(['a']).send(),
      () => job(['a']).send({ checkpoint: { batch_id: of.providerJobId } }),
      () => client.find(job(['a']).submission(), quiet),
      () => client.retrieve(of, quiet),
      () => client.cancel(of, quiet),
      () => collect(of, null, report),
    ];
    for (const call of calls) {
      expect(await failureOf(call())).toMatchObject({ kind: 'rejected', status: 401 });
      const body = JSON.stringify({ code: `bad-${apiKey}`, error: `You sent ${apiKey}.` });
      fault('*', { kind: 'answer', status: 400, body }, { times: Number.POSITIVE_INFINITY });
      const quoted = await failureOf(call());
      expect([quoted.message, quoted.code]).toEqual(['You sent [redacted].', 'bad-[redacted]']);
      emulator.faults.clear();
    }
  });

  test('an answer that is no batch is malformed, and for a creation uncertain', async () => {
    await begin();
    const of = await submitted(['a']);
    fault('retrieve', { kind: 'answer', status: 200, body: '<html>' });
    expect(await failureOf(client.retrieve(of, quiet))).toMatchObject({ kind: 'malformed' });
    fault('create', { kind: 'rewrite', rewrite: () => '{"ok":true}' });
    expect(await failureOf(job(['b']).send())).toMatchObject({
      kind: 'uncertain',
      code: 'unreadable_answer',
    });
  });

  test('an account without money is refused, before anything is created', async () => {
    await begin();
    const error = 'Your team has either used all available credits or reached its monthly spending limit.';
    const body = JSON.stringify({ code: 'Some resource has been exhausted', error });
    fault('create', { kind: 'answer', status: 429, body });
    expect(await failureOf(job(['a']).send())).toMatchObject({ kind: 'rejected', code: 'credits_exhausted' });
    expect(await emulator.batches()).toEqual([]);
  });

  test('more creations than the vendor takes in a second are throttled', async () => {
    await begin({ switches: { creationRate: 'limited' } });
    for (const prompt of ['a', 'b']) await job([prompt]).send();
    expect(await failureOf(job(['c']).send())).toMatchObject({
      kind: 'throttled',
      retryAt: new Date('2026-11-22T10:00:01Z'),
    });
    clock.advance({ seconds: 1 });
    await job(['c']).send();
    expect(await emulator.batches()).toHaveLength(3);
  });

  test('a base URL without the version reaches the same place', async () => {
    await begin();
    const of = await submitted(['a']);
    const other = xai.connect({ ...emulator, baseUrl: emulator.baseUrl.replace(/\/v1$/, '/') }, { clock });
    expect((await other.retrieve(of, quiet)).status).toBe('RUNNING');
  });
});

describe('the emulator', () => {
  test('keeps its batches in a directory, where a second process sees and cancels the same', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-xai-'));
    others.push(() => rm(directory, { recursive: true }));
    await begin({ directory });
    const sent = job(['a', 'b', 'c', 'd', 'emulate:errored', 'f']);
    fault('add', { kind: 'accept-and-drop' });
    await failureOf(sent.send());
    const of = await submitted(sent);
    clock.advance({ seconds: 11 });
    const second = await xai.emulate({ clock, directory });
    others.push(() => second.close());
    await xai.connect(second, { clock }).cancel(of, quiet);
    clock.advance({ seconds: 60 });
    const report = await client.retrieve(of, quiet);
    expect(report.status).toBe('CANCELLED');
    const { lines } = await collect(of);

    await emulator.close();
    emulator = await xai.emulate({ clock, directory });
    client = xai.connect(emulator, { clock });
    expect(await client.retrieve(of, quiet)).toEqual(report);
    clock.advance({ hours: 1 });
    expect((await collect(of)).lines).toEqual(lines);
    expect((await onlyBatch()).keys).toEqual(keysOf(sent));
  });

  test('works under a path of a server that it shares', async () => {
    const served: Array<(incoming: IncomingMessage, outgoing: ServerResponse) => void> = [];
    const server = createServer((incoming, outgoing) => {
      incoming.url = (incoming.url ?? '').replace(/^\/xai/, '');
      for (const handle of served) handle(incoming, outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    others.push(
      () =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    );
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/xai`;
    await begin({
      host: {
        async mount(handle) {
          served.push(handle);
          return origin;
        },
      },
    });
    expect(emulator.baseUrl).toBe(`${origin}/v1`);
    const of = await submitted(['a', 'b']);
    clock.advance({ minutes: 1 });
    expect((await collect(of)).lines).toHaveLength(2);
  });
});
