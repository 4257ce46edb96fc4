/** The adapter for sync.so against the emulator, over real sockets, with a clock that is turned by hand. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import type { Emulator, EmulatorOptions, FaultEffect } from '../../src/providers/emulation.ts';
import { sendFile, uploadFile } from '../../src/providers/multipart.ts';
import type {
  ProviderClient,
  ProviderJob,
  Submission,
  SubmissionItem,
} from '../../src/providers/provider.ts';
import { sync } from '../../src/providers/sync/index.ts';
import { toReport } from '../../src/providers/sync/report.ts';
import { readBatch } from '../../src/providers/sync/wire.ts';
import { failureOf, outcomesOf, readResults } from '../support/provider-client.ts';

const start = new Date('2026-01-01T00:00:00.000Z');
const quiet = new AbortController().signal;
const callbackUrl = 'https://batchql.example/callbacks/sync/abcdefghij0123456789';

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
  emulator = await sync.emulate({ clock, ...options });
  client = sync.connect(emulator, { clock });
};

/** A job with these scripts and as many more as it needs, and everything needed to send it. */
const job = (scripts: readonly string[] = [], changes: Partial<Submission> = {}) => {
  const nonce = changes.nonce ?? 'abcdefghij0123456789';
  const length = Math.max(scripts.length, sync.limits.requestsMin);
  const items: SubmissionItem[] = Array.from({ length }, (_, position) => ({
    key: `${nonce}-${position}`,
    endpoint: '/v2/generate',
    body: JSON.stringify(
      sync.example.body({ prompt: scripts[position] ?? 'é', index: position, model: 'lipsync-2' }),
    ),
  }));
  const lineBytes = items.map((item) => {
    const { before, after } = sync.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const submission: Submission = {
    jobId: 'job-1',
    nonce,
    endpoint: '/v2/generate',
    model: 'lipsync-2',
    completionWindow: '24h',
    requestCount: items.length,
    encodedBytes: lineBytes.reduce((sum, bytes) => sum + bytes, sync.encoding.frameBytes(items.length)),
    checkpoint: null,
    intentAt: clock.now(),
    callbackUrl,
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

const submitted = async (
  scripts: readonly string[] = [],
  changes: Partial<Submission> = {},
): Promise<ProviderJob> => {
  const { submission, ports, items } = job(scripts, changes);
  const { providerJobId } = await client.submit(submission, ports);
  return { providerJobId, requestCount: items.length, checkpoint: null, cancelRequestedAt: null };
};

const collect = async (of: ProviderJob, cursor: string | null = null) => {
  const report = await client.retrieve(of, quiet);
  return readResults(client, { ...of, report }, cursor);
};

const outcomes = (lines: readonly string[]) => outcomesOf(sync, lines);

const fault = (operation: string, effect: FaultEffect, times = 1) =>
  emulator.faults.add({ operation, effect, times });
const operations = () => emulator.calls.map(({ operation }) => operation);

/** A server of another host's, and what it was asked. */
const openHost = async (listener: RequestListener) => {
  const asked: Array<{ url: string; headers: NodeJS.Dict<string | string[]> }> = [];
  const server = createServer((incoming, outgoing) => {
    asked.push({ url: incoming.url ?? '', headers: incoming.headers });
    listener(incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  others.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
};

describe('submitting', () => {
  test('a job is checked and created in two calls, watched to its end, and its results read', async () => {
    await begin();
    const { submission, ports, saved, items } = job(['Hello ✓', 'line one\nline two', '']);
    const { providerJobId, report } = await client.submit(submission, ports);
    expect(operations()).toEqual(['validate', 'create']);
    expect(saved).toEqual([{ validated: true }]);
    expect(report).toMatchObject({ status: 'PENDING', callback: { url: callbackUrl } });
    expect((await emulator.batches()).map(({ id, keys }) => [id, keys])).toEqual([
      [providerJobId, items.map(({ key }) => key)],
    ]);

    const of = { providerJobId, requestCount: 20, checkpoint: null, cancelRequestedAt: null };
    const seen: unknown[] = [];
    for (const seconds of [1, 10, 10, 1, 0]) {
      const { status, providerStatus, counts, resultsReady } = await client.retrieve(of, quiet);
      seen.push([status, providerStatus, counts.succeeded, resultsReady]);
      clock.advance({ seconds });
    }
    expect(seen).toEqual([
      ['PENDING', 'PENDING', null, false],
      ['RUNNING', 'JOBS_CREATED', 0, false],
      ['RUNNING', 'PROCESSING', 10, false],
      ['RUNNING', 'PROCESSING', 20, false],
      ['COMPLETED', 'COMPLETED', 20, true],
    ]);
    const { lines } = await collect(of);
    expect(outcomes(lines).toSorted()).toEqual(items.map(({ key }) => [key, 'SUCCEEDED']).toSorted());
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ output_url: expect.stringMatching(/^http.*\.mp4$/) });
  });

  test('what the dry run refuses is rejected in the words of the vendor, and nothing is created', async () => {
    await begin();
    const { submission, ports, items, saved } = job();
    const doubled = async function* () {
      for (const item of items) yield { ...item, key: items[0]?.key ?? '' };
    };
    const bytes = items.reduce((sum, { key }) => sum + key.length - (items[0]?.key.length ?? 0), 0);
    const failure = await failureOf(
      client.submit(
        { ...submission, encodedBytes: submission.encodedBytes - bytes },
        { ...ports, items: doubled },
      ),
    );
    expect(failure).toMatchObject({
      kind: 'rejected',
      status: 400,
      message: 'Line 2: request_id abcdefghij0123456789-0 is not unique',
    });
    expect([operations(), saved, await emulator.batches()]).toEqual([['validate'], [], []]);
  });

  test('a dry run whose answer is lost, torn or unreadable is unavailable: it has created nothing', async () => {
    await begin();
    const troubles: FaultEffect[] = [
      { kind: 'drop' },
      { kind: 'accept-and-drop' },
      { kind: 'tear', afterBytes: 5 },
      { kind: 'answer', status: 500, body: '{}' },
      { kind: 'answer', status: 408, body: '{}' },
      { kind: 'rewrite', rewrite: () => '<html>Welcome</html>' },
    ];
    for (const trouble of troubles) {
      fault('validate', trouble);
      const { submission, ports, saved } = job();
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'unavailable' });
      expect(saved).toEqual([]);
    }
    expect(operations().filter((operation) => operation !== 'validate')).toEqual([]);
    expect(await emulator.batches()).toEqual([]);
  });

  test('a dry run that is answered with a batch has created it, and it is not created again', async () => {
    await begin();
    const body = '{"id":"batch_made","status":"PENDING","metrics":null,"outputUrl":""}';
    fault('validate', { kind: 'answer', status: 201, body });
    const { submission, ports } = job();
    expect(await client.submit(submission, ports)).toMatchObject({
      providerJobId: 'batch_made',
      report: { raw: body },
    });
    expect(operations()).toEqual(['validate']);
  });

  test('a consent to the dry run in other words is a consent', async () => {
    await begin();
    fault('validate', { kind: 'answer', status: 200, body: '{"status":"FINE"}' });
    await submitted();
    expect(operations()).toEqual(['validate', 'create']);
  });

  test('a job without a callback is created without a webhook', async () => {
    await begin();
    for (const none of [null, undefined]) {
      const { submission, ports } = job();
      const { callbackUrl: _, ...rest } = submission;
      const { report } = await client.submit(none === null ? { ...rest, callbackUrl: null } : rest, ports);
      expect(JSON.parse(report.raw)).toMatchObject({ webhookUrl: null });
    }
  });

  test('a creation is made once and is uncertain, whatever hides its answer', async () => {
    await begin();
    const troubles: FaultEffect[] = [
      { kind: 'drop' },
      { kind: 'accept-and-drop' },
      { kind: 'answer', status: 502, body: '<html>' },
      { kind: 'rewrite', rewrite: () => '{"status":"VALIDATED"}' },
    ];
    for (const trouble of troubles) {
      fault('create', trouble);
      const { submission, ports } = job([], { checkpoint: { validated: true } });
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({ kind: 'uncertain' });
    }
    expect(operations()).toEqual(['create', 'create', 'create', 'create']);
  });

  test('a base URL with the version at its end reaches the same place', async () => {
    await begin();
    const of = await submitted();
    const other = sync.connect({ ...emulator, baseUrl: `${emulator.baseUrl}/v2/` }, { clock });
    expect((await other.retrieve(of, quiet)).status).toBe('PENDING');
  });

  test('a body that was written over several lines becomes one line of the same length', async () => {
    await begin();
    const { submission, ports, items } = job();
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
    const [batch] = await emulator.batches();
    expect(batch).toMatchObject({ id: of.providerJobId, keys: items.map(({ key }) => key) });
  });
});

describe('a file in a form', () => {
  test('is named as the vendor wants it, and a lost answer is uncertain where it creates something', async () => {
    await begin();
    let heard = '';
    const host = await openHost((incoming, outgoing) => {
      incoming.on('data', (bytes) => {
        heard += String(bytes);
      });
      incoming.on('end', () => (incoming.url === '/lose' ? outgoing.socket?.destroy() : outgoing.end('{}')));
    });
    const upload = (path: string, fileField?: string) => ({
      url: `${host.origin}${path}`,
      headers: {},
      fields: {},
      ...(fileField === undefined ? {} : { fileField }),
      filename: 'x.jsonl',
      content: (async function* () {
        yield '{}\n';
      })(),
      contentBytes: 3,
      signal: quiet,
      guard: () => {},
    });
    await uploadFile(upload('/'));
    expect(heard).toContain('name="file"; filename="x.jsonl"');
    await sendFile(upload('/', 'input'));
    expect(heard).toContain('name="input"; filename="x.jsonl"');
    expect(await failureOf(uploadFile(upload('/lose')))).toMatchObject({ kind: 'unavailable' });
    expect(await failureOf(sendFile(upload('/lose')))).toMatchObject({ kind: 'uncertain' });
  });
});

describe('refusals', () => {
  test('a key that the vendor does not know is rejected with 401 by every call', async () => {
    await begin();
    const of = await submitted();
    const stranger = sync.connect(emulator.stranger, { clock });
    const { submission, ports } = job();
    for (const call of [
      () => stranger.submit(submission, ports),
      () => stranger.find(submission, quiet),
      () => stranger.retrieve(of, quiet),
      () => stranger.cancel(of, quiet),
    ]) {
      expect(await failureOf(call())).toMatchObject({ kind: 'rejected', status: 401, code: 'http_401' });
    }
  });

  test('a plan that has no batches is rejected with 402, before anything is created', async () => {
    await begin({ switches: { plan: 'creator' } });
    const { submission, ports } = job();
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'rejected',
      status: 402,
      message: expect.stringContaining('Scale'),
    });
    expect(operations()).toEqual(['validate']);
  });

  test('a job beyond the batches that may be under way is throttled, and goes through once one is over', async () => {
    await begin({ switches: { batchesAtOnce: '1' } });
    await submitted([], { nonce: 'firstfirstfirstfirst' });
    const { submission, ports, saved } = job();
    expect(await failureOf(client.submit(submission, ports))).toMatchObject({
      kind: 'throttled',
      status: 429,
      code: 'concurrency_limit_reached',
      retryAt: null,
    });
    clock.advance({ minutes: 1 });
    const again = { ...submission, checkpoint: saved[0] ?? null };
    expect((await client.submit(again, ports)).report.status).toBe('PENDING');
    expect(operations()).toEqual(['validate', 'create', 'validate', 'create', 'create']);
  });

  test('a call that is throttled says when to try again, in each way of saying it', async () => {
    await begin();
    const retryAt = async (operation: string, headers: Record<string, string>) => {
      fault(operation, { kind: 'answer', status: 429, headers, body: '{}' });
      const { submission, ports } = job();
      const failure = await failureOf(client.submit(submission, ports));
      expect(failure).toMatchObject({ kind: 'throttled', status: 429 });
      return failure.retryAt?.toISOString() ?? null;
    };
    for (const operation of ['validate', 'create']) {
      expect(await retryAt(operation, { 'retry-after': '90' })).toBe('2026-01-01T00:01:30.000Z');
      expect(await retryAt(operation, { 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' })).toBe(
        '2026-01-01T00:00:20.000Z',
      );
      expect(await retryAt(operation, { 'retry-after-ms': '2500' })).toBe('2026-01-01T00:00:02.500Z');
      expect(await retryAt(operation, {})).toBeNull();
    }
    expect(await emulator.batches()).toEqual([]);
  });

  for (const tooLargeStatus of ['400', '413'] as const) {
    test(`a file above 5 MB is rejected, where the vendor says so with ${tooLargeStatus}`, async () => {
      await begin({ switches: { tooLargeStatus } });
      const { submission, ports } = job(Array.from({ length: 20 }, () => 'x'.repeat(260_000)));
      expect(await failureOf(client.submit(submission, ports))).toMatchObject({
        kind: 'rejected',
        status: Number(tooLargeStatus),
      });
      expect(await emulator.batches()).toEqual([]);
    });
  }

  test('a payload that cannot be generated is refused with its line, or rejected in its turn', async () => {
    const bad = (items: readonly SubmissionItem[]) =>
      async function* () {
        for (const [index, item] of items.entries()) yield index === 2 ? { ...item, body: '{"a":1}' } : item;
      };
    const shorter = ({ submission, items }: ReturnType<typeof job>) => ({
      ...submission,
      encodedBytes: submission.encodedBytes - Buffer.byteLength(items[2]?.body ?? '') + 7,
    });
    await begin();
    const first = job();
    const call = client.submit(shorter(first), { ...first.ports, items: bad(first.items) });
    expect(await failureOf(call)).toMatchObject({
      kind: 'rejected',
      message: 'Line 3: payload.model must be a string',
    });
    await emulator.close();
    await begin({ switches: { payloadChecked: 'later' } });
    const second = job();
    const { providerJobId } = await client.submit(shorter(second), {
      ...second.ports,
      items: bad(second.items),
    });
    clock.advance({ minutes: 1 });
    const of = { providerJobId, requestCount: 20, checkpoint: null, cancelRequestedAt: null };
    expect((await client.retrieve(of, quiet)).counts).toMatchObject({ succeeded: 19, errored: 1 });
    expect(outcomes((await collect(of)).lines)).toContainEqual([second.items[2]?.key, 'ERRORED']);
  });

  test('no failure of any call carries the key, whatever the vendor quotes', async () => {
    await begin();
    const apiKey = 'VerySecretAbcdefghijklmnop012345';
    const of = await submitted();
    client = sync.connect({ baseUrl: emulator.baseUrl, apiKey }, { clock });
    const { submission, ports } = job();
    const raw = JSON.stringify({
      id: 'b',
      status: 'COMPLETED',
      outputUrl: `${emulator.baseUrl}/v2/batches/b/result`,
    });
    const report = toReport(readBatch(raw) ?? expect.fail(), raw, 20);
    const calls: Array<() => Promise<unknown>> = [
      () => client.submit(submission, ports),
      () => client.submit({ ...submission, checkpoint: { validated: true } }, ports),
      () => client.find(submission, quiet),
      () => client.retrieve(of, quiet),
      () => client.cancel(of, quiet),
      () =>
        client
          .results({ ...of, report }, null, quiet)
          [Symbol.asyncIterator]()
          .next(),
    ];
    for (const call of calls) {
      fault('*', {
        kind: 'answer',
        status: 400,
        body: JSON.stringify({ message: [`You sent ${apiKey}.`], errorCode: `bad ${apiKey}` }),
      });
      const quoted = await failureOf(call());
      expect([quoted.message, quoted.code]).toEqual(['You sent [redacted].', 'bad [redacted]']);
    }
  });

  test('a running batch cannot be cancelled, one that is over answers its report, an unknown one is 404', async () => {
    await begin();
    const of = await submitted();
    clock.advance({ seconds: 5 });
    expect(await failureOf(client.cancel(of, quiet))).toMatchObject({
      kind: 'rejected',
      code: 'cannot_cancel',
      status: null,
    });
    expect((await client.retrieve(of, quiet)).status).toBe('RUNNING');
    clock.advance({ minutes: 1 });
    expect(await client.cancel(of, quiet)).toEqual(await client.retrieve(of, quiet));
    const unknown = { ...of, providerJobId: 'batch_unknown' };
    expect(await failureOf(client.cancel(unknown, quiet))).toMatchObject({ kind: 'rejected', status: 404 });
    expect(emulator.calls.filter(({ method }) => method !== 'GET')).toHaveLength(2);
  });
});

describe('finding', () => {
  const lose = async (changes: Partial<Submission> = {}) => {
    const lost = job([], changes);
    fault('create', { kind: 'accept-and-drop' });
    await failureOf(client.submit(lost.submission, lost.ports));
    return { ...lost, id: (await emulator.batches()).at(-1)?.id ?? '' };
  };

  test('a lost batch is found by its webhook URL and by no other, over or not', async () => {
    await begin();
    const { submission, id } = await lose();
    const sightings = [{ providerJobId: id, proof: 'EXACT', evidence: { requestCount: 20 } }];
    expect(await client.find(submission, quiet)).toMatchObject(sightings);
    expect(await client.find({ ...submission, callbackUrl: `${callbackUrl}0` }, quiet)).toEqual([]);
    clock.advance({ hours: 1 });
    expect(await client.find(submission, quiet)).toMatchObject(sightings);
  });

  test('a lost batch is found under the form of the URL that the vendor makes of it', async () => {
    await begin();
    const written = 'https://BatchQL.Example:443/callbacks/sync/abcdefghij0123456789';
    const { submission, id } = await lose({ callbackUrl: written });
    const normal = (body: string) => body.replaceAll(written, callbackUrl);
    fault('list', { kind: 'rewrite', rewrite: normal }, 2);
    expect((await client.find(submission, quiet)).map(({ providerJobId }) => providerJobId)).toEqual([id]);
  });

  test('without a callback URL nothing is found and nobody is asked', async () => {
    await begin();
    const { submission, id } = await lose({ callbackUrl: null });
    const asked = emulator.calls.length;
    expect(await client.find({ ...submission, hintedJobId: id }, quiet)).toEqual([]);
    expect(emulator.calls).toHaveLength(asked);
  });

  for (const createdAfter of ['honoured', 'ignored', 'matches-nothing'] as const) {
    test(`a lost batch is found, where the filter by time is ${createdAfter}`, async () => {
      await begin({ switches: { createdAfter } });
      await submitted([], { callbackUrl: 'https://batchql.example/older' });
      clock.advance({ hours: 1 });
      const { submission, id } = await lose();
      const asked = emulator.calls.length;
      const found = await client.find(submission, quiet);
      expect(found.map(({ providerJobId }) => providerJobId)).toEqual([id]);
      expect(emulator.calls.length - asked).toBe(createdAfter === 'matches-nothing' ? 2 : 1);
    });
  }

  test('two batches that carry the same URL are both named', async () => {
    await begin();
    const { id } = await lose();
    const { submission, id: other } = await lose({ checkpoint: { validated: true } });
    const found = await client.find(submission, quiet);
    expect(found.map(({ providerJobId }) => providerJobId).toSorted()).toEqual([id, other].toSorted());
  });

  test('a hint is followed, and believed where the batch carries our URL', async () => {
    await begin();
    const { submission, id } = await lose();
    const foreign = await submitted([], { callbackUrl: 'https://batchql.example/another' });
    const hide = () => fault('list', { kind: 'rewrite', rewrite: () => '[]' }, 2);
    const find = async (hintedJobId: string) =>
      (await client.find({ ...submission, hintedJobId }, quiet)).map(({ providerJobId }) => providerJobId);
    hide();
    expect(await find(id)).toEqual([id]);
    hide();
    expect(await find(foreign.providerJobId)).toEqual([]);
    expect(await find(foreign.providerJobId)).toEqual([id]);
  });

  test('a hint that leads nowhere, or is no id, changes nothing, and one that cannot be followed now fails', async () => {
    await begin();
    const { submission, id } = await lose();
    for (const hintedJobId of ['batch_unknown', '..', '../../secret', '', 'x'.repeat(200)]) {
      const found = await client.find({ ...submission, hintedJobId }, quiet);
      expect(found.map(({ providerJobId }) => providerJobId)).toEqual([id]);
    }
    expect(emulator.calls.filter(({ path }) => !path.startsWith('/v2/batch'))).toEqual([]);
    fault('retrieve', { kind: 'drop' });
    const hinted = { ...submission, hintedJobId: 'batch_other' };
    expect(await failureOf(client.find(hinted, quiet))).toMatchObject({ kind: 'unavailable' });
  });

  test('an answer that is no list is malformed', async () => {
    await begin();
    const { submission } = job();
    for (const text of ['{"data":[]}', '[{"id":"a"}]', '<html>']) {
      fault('list', { kind: 'rewrite', rewrite: () => text });
      expect(await failureOf(client.find(submission, quiet))).toMatchObject({ kind: 'malformed' });
    }
  });
});

describe('results', () => {
  const finished = async (scripts: readonly string[] = []) => {
    const of = await submitted(scripts);
    clock.advance({ minutes: 1 });
    return of;
  };
  /** What reading results from the given URL comes to. */
  const readFrom = async (outputUrl: string) => {
    const raw = JSON.stringify({ id: 'batch_1', status: 'COMPLETED', outputUrl });
    const report = toReport(readBatch(raw) ?? expect.fail(), raw, 20);
    const of = { providerJobId: 'batch_1', requestCount: 20, checkpoint: null, cancelRequestedAt: null };
    const lines: string[] = [];
    for await (const chunk of client.results({ ...of, report }, null, quiet)) lines.push(...chunk.lines);
    return lines;
  };
  /** Makes the output URL redirect there. */
  const redirect = (location: string, times = 1) =>
    fault('output', { kind: 'answer', status: 302, headers: { location }, body: 'Found.' }, times);
  const outputUrl = () => `${emulator.baseUrl}/v2/batches/batch_1/result`;

  test('the key goes to the output URL and not along with its redirect', async () => {
    await begin();
    const of = await finished();
    expect((await collect(of)).lines).toHaveLength(20);
    expect(emulator.calls.slice(-2)).toMatchObject([
      { operation: 'output', status: 302 },
      { operation: 'download', status: 200 },
    ]);
  });

  test('a redirect to whatever host is followed without the key, by as many steps as it takes up to three', async () => {
    await begin();
    const host = await openHost((incoming, outgoing) => {
      const step = Number(incoming.url?.slice(1));
      if (step > 0) outgoing.writeHead(307, { location: `/${step - 1}` }).end();
      else outgoing.end('{"request_id":"a","status":"COMPLETED"}\n');
    });
    redirect(`${host.origin}/2`);
    expect(await readFrom(outputUrl())).toEqual(['{"request_id":"a","status":"COMPLETED"}']);
    expect(host.asked.map(({ url }) => url)).toEqual(['/2', '/1', '/0']);
    expect(host.asked.filter(({ headers }) => headers['x-api-key'] !== undefined)).toEqual([]);
    redirect(`${host.origin}/3`);
    expect(await failureOf(readFrom(outputUrl()))).toMatchObject({
      kind: 'malformed',
      code: 'strange_redirect',
    });
  });

  test('a redirect to something that is no web address is malformed', async () => {
    await begin();
    for (const location of ['ftp://127.0.0.1/x', 'file:///etc/passwd', 'http://[', 'data:text/plain,{}']) {
      redirect(location);
      expect(await failureOf(readFrom(outputUrl()))).toMatchObject({ kind: 'malformed' });
    }
  });

  for (const outputAnswer of ['redirect', 'file'] as const) {
    test(`results are read, where the output URL answers a ${outputAnswer}`, async () => {
      await begin({ switches: { outputAnswer } });
      expect((await collect(await finished())).lines).toHaveLength(20);
      expect(operations().includes('download')).toBe(outputAnswer === 'redirect');
    });
  }

  test('an output URL of another host is malformed, and nobody is called', async () => {
    await begin();
    const host = await openHost((_, outgoing) => outgoing.end());
    for (const url of [`${host.origin}/v2/batches/b/result`, 'not a URL', `${emulator.baseUrl}.example/x`]) {
      expect(await failureOf(readFrom(url))).toMatchObject({
        kind: 'malformed',
        code: 'foreign_results_url',
      });
    }
    expect([host.asked, emulator.calls]).toEqual([[], []]);
  });

  test('results that are gone at either host have expired', async () => {
    await begin();
    const of = await finished();
    for (const operation of ['output', 'download']) {
      for (const status of [404, 410]) {
        fault(operation, { kind: 'answer', status, body: '{}' });
        expect(await failureOf(collect(of))).toMatchObject({ kind: 'expired', status });
      }
    }
  });

  test('a signed URL that is refused is asked for anew, and what a stranger says is not quoted', async () => {
    await begin();
    const of = await finished();
    for (const status of [400, 401, 403]) {
      fault('download', { kind: 'answer', status, body: '{"message":"signature=abc"}' });
      expect(await failureOf(collect(of))).toMatchObject({
        kind: 'unavailable',
        status,
        message: `The provider answered ${status}.`,
      });
    }
    expect((await collect(of)).lines).toHaveLength(20);
    fault('output', { kind: 'answer', status: 403, body: '{"message":"Not yours."}' });
    expect(await failureOf(collect(of))).toMatchObject({ kind: 'rejected', message: 'Not yours.' });
  });

  test('a batch that names no results yet is asked again later', async () => {
    await begin();
    expect(await failureOf(collect(await submitted()))).toMatchObject({
      kind: 'unavailable',
      code: 'results_not_ready',
    });
  });

  test('reading on from any cursor gives exactly the lines after it, and a strange cursor reads from the start', async () => {
    await begin();
    const of = await finished(Array.from({ length: 500 }, (_, n) => (n % 2 ? 'emulate:errored' : `é ${n}`)));
    const whole = await collect(of);
    expect(whole.lines).toHaveLength(500);
    for (const { cursor, read } of whole.places) {
      expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(read));
    }
    for (const cursor of ['not a cursor', '-1', '1e3']) {
      expect((await collect(of, cursor)).lines).toEqual(whole.lines);
    }
  });

  test('a file whose last line is torn off gives the lines before it, and the rest when read on', async () => {
    await begin();
    const of = await finished();
    const whole = await collect(of);
    const report = await client.retrieve(of, quiet);
    fault('download', {
      kind: 'tear',
      afterBytes: Buffer.byteLength(`${whole.lines.slice(0, 15).join('\n')}\n`) + 9,
    });
    const seen: string[] = [];
    let cursor: string | null = null;
    const reading = (async () => {
      for await (const chunk of client.results({ ...of, report }, null, quiet)) {
        seen.push(...chunk.lines);
        cursor = chunk.cursor;
      }
    })();
    expect(await failureOf(reading)).toMatchObject({ kind: 'unavailable' });
    expect(seen).toEqual(whole.lines.slice(0, 15));
    expect((await collect(of, cursor)).lines).toEqual(whole.lines.slice(15));
  });

  for (const resultKeys of ['snake', 'camel', 'nested'] as const) {
    for (const resultErrors of ['text', 'object'] as const) {
      test(`every fate is seen in lines that are ${resultKeys}, with errors as ${resultErrors}`, async () => {
        await begin({ switches: { resultKeys, resultErrors } });
        const asked = ['errored', 'overloaded', 'expired', 'missing', 'doubled', 'malformed', 'foreign'];
        const of = await finished(asked.map((word) => `Say emulate:${word}.`));
        const { counts } = await client.retrieve(of, quiet);
        expect(counts).toMatchObject({ total: 20, succeeded: 17, errored: 3 });
        const { lines } = await collect(of);
        const key = (n: number) => `abcdefghij0123456789-${n}`;
        const rest = Array.from({ length: 13 }, (_, n) => [key(n + 7), 'SUCCEEDED']);
        expect(outcomes(lines).toSorted()).toEqual(
          [
            [key(0), 'ERRORED'],
            [key(1), 'ERRORED'],
            [key(2), 'ERRORED'],
            [key(4), 'SUCCEEDED'],
            [key(4), 'SUCCEEDED'],
            'malformed',
            [key(6), 'SUCCEEDED'],
            ['nobodys-key', 'SUCCEEDED'],
            ...rest,
          ].toSorted(),
        );
        const errors = lines.flatMap((line) => {
          const decoded = sync.decoding.decode(line);
          return decoded.kind === 'result' && decoded.outcome.status === 'ERRORED'
            ? [[decoded.key, decoded.outcome.errorCode, decoded.outcome.retryable]]
            : [];
        });
        expect(errors.toSorted()).toEqual([
          [key(0), 'generation_rejected', false],
          [key(1), 'generation_infra_resource_exhausted', true],
          [key(2), 'generation_timeout', true],
        ]);
      });
    }
  }

  test('a batch that was asked to fail, run out of time, or show a word that nobody knows does so', async () => {
    await begin();
    const at = async (directive: string, seconds: number) => {
      const of = await submitted([`emulate:${directive}`]);
      clock.advance({ seconds });
      return { of, report: await client.retrieve(of, quiet) };
    };
    expect((await at('job-failed', 2)).report).toMatchObject({
      status: 'FAILED',
      error: { code: 'batch_failed' },
      resultsReady: false,
    });
    expect((await at('unknown-status', 10)).report).toMatchObject({
      status: null,
      providerStatus: 'REHEARSING',
    });
    expect((await at('stuck', 1e6)).report).toMatchObject({ status: 'RUNNING', counts: { succeeded: 10 } });
    const expired = await at('job-expired', 60);
    expect(expired.report).toMatchObject({
      status: 'FAILED',
      counts: { total: 20, succeeded: 10, errored: 0 },
      resultsReady: true,
    });
    const codes = (await collect(expired.of)).lines.map((line) => {
      const decoded = sync.decoding.decode(line);
      return decoded.kind === 'result' ? decoded.outcome.errorCode : decoded.kind;
    });
    expect(codes.filter((code) => code === null)).toHaveLength(10);
    expect(codes.filter((code) => code === 'not_finished')).toHaveLength(10);
  });
});

describe('what may be one way or the other', () => {
  for (const metricsWhilePending of ['none-pending', 'all-pending', 'zero'] as const) {
    test(`counts of a pending batch are unknown, where its metrics say ${metricsWhilePending}`, async () => {
      await begin({ switches: { metricsWhilePending } });
      const { counts } = await client.retrieve(await submitted(), quiet);
      expect(Object.values(counts)).toEqual([null, null, null, null, null]);
    });
  }

  for (const createdStatus of ['201', '200'] as const) {
    for (const absentWebhook of ['null', 'left-out'] as const) {
      test(`a batch is created with ${createdStatus}, its missing webhook ${absentWebhook}`, async () => {
        await begin({ switches: { createdStatus, absentWebhook } });
        const of = await submitted([], { callbackUrl: null });
        expect(emulator.calls.at(-1)?.status).toBe(Number(createdStatus));
        const report = await client.retrieve(of, quiet);
        expect(report.raw.includes('webhookUrl')).toBe(absentWebhook === 'null');
        expect(report).not.toHaveProperty('callback');
      });
    }
  }
});
