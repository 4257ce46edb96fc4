import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { answerTo } from '../../src/providers/emulator/answers.ts';
import { endedItems, tally, writeLines } from '../../src/providers/emulator/endings.ts';
import { type BatchFates, readFates } from '../../src/providers/emulator/fate.ts';
import { finishOrder, isOver, lifeAt, type WrittenLife } from '../../src/providers/emulator/life.ts';
import { promptText } from '../../src/providers/emulator/prompt.ts';
import {
  type EmulatorRoute,
  type EmulatorServer,
  startEmulatorServer,
} from '../../src/providers/emulator/server.ts';
import { openShelf } from '../../src/providers/emulator/shelf.ts';

const start = Date.parse('2026-01-01T00:00:00.000Z');
const at = (seconds: number) => new Date(start + seconds * 1000);
const noFates: BatchFates = { items: {}, batch: [] };

const life = (changes: Partial<WrittenLife> = {}): WrittenLife => ({
  id: 'batch_1',
  createdAt: at(0).toISOString(),
  cancelRequestedAt: null,
  requestCount: 10,
  pace: { validatingSeconds: 2, runningSeconds: 10, finalizingSeconds: 3, cancellingSeconds: 4 },
  fates: noFates,
  ...changes,
});

describe('life', () => {
  test('a batch passes its phases at its own pace, and its items finish at an even rate', () => {
    const seen = [0, 1.999, 2, 7, 11.999, 12, 14.999, 15, 1e6].map((seconds) => {
      const { phase, finished } = lifeAt(life(), at(seconds));
      return `${phase} ${finished}`;
    });
    expect(seen).toEqual([
      'validating 0',
      'validating 0',
      'running 0',
      'running 5',
      'running 9',
      'finalizing 10',
      'finalizing 10',
      'completed 10',
      'completed 10',
    ]);
  });

  test('a batch tells when each phase began, and nothing of phases still to come', () => {
    expect(lifeAt(life(), at(7))).toEqual({
      phase: 'running',
      finished: 5,
      runningAt: at(2),
      finalizingAt: null,
      cancellingAt: null,
      endedAt: null,
    });
    expect(lifeAt(life(), at(99))).toMatchObject({ finalizingAt: at(12), endedAt: at(15) });
  });

  test('a cancelled batch keeps what had finished by the time the cancelling was done', () => {
    const cancelled = life({ cancelRequestedAt: at(4).toISOString() });
    expect(lifeAt(cancelled, at(3))).toMatchObject({ phase: 'running', finished: 1, cancellingAt: null });
    expect(lifeAt(cancelled, at(4))).toMatchObject({ phase: 'cancelling', finished: 2, endedAt: null });
    expect(lifeAt(cancelled, at(7))).toMatchObject({ phase: 'cancelling', finished: 5 });
    for (const seconds of [8, 60]) {
      expect(lifeAt(cancelled, at(seconds))).toMatchObject({
        phase: 'cancelled',
        finished: 6,
        finalizingAt: null,
        endedAt: at(8),
      });
    }
  });

  test('a batch cancelled while it is validated never runs', () => {
    const cancelled = life({ cancelRequestedAt: at(1).toISOString() });
    expect(lifeAt(cancelled, at(3))).toMatchObject({ phase: 'cancelling', finished: 0, runningAt: null });
    expect(lifeAt(cancelled, at(60))).toMatchObject({ phase: 'cancelled', finished: 0, runningAt: null });
  });

  test('cancelling a batch that is over changes nothing', () => {
    const late = life({ cancelRequestedAt: at(15).toISOString() });
    expect(lifeAt(late, at(60))).toEqual(lifeAt(life(), at(60)));
  });

  test('a batch whose job was asked to fail, expire or stick does so', () => {
    const asked = (directive: BatchFates['batch'][number], seconds: number) => {
      const batch = life({ fates: { items: {}, batch: [directive] } });
      const { phase, finished } = lifeAt(batch, at(seconds));
      return `${phase} ${finished}`;
    };
    expect(asked('job-failed', 1)).toBe('validating 0');
    expect(asked('job-failed', 2)).toBe('failed 0');
    expect(asked('job-expired', 11)).toBe('running 5');
    expect(asked('job-expired', 15)).toBe('expired 5');
    expect(asked('stuck', 1e9)).toBe('running 5');
  });

  test('a stuck batch can still be cancelled', () => {
    const stuck = life({
      fates: { items: {}, batch: ['stuck'] },
      cancelRequestedAt: at(1e6).toISOString(),
    });
    expect(lifeAt(stuck, at(1e6 + 4))).toMatchObject({ phase: 'cancelled', finished: 5 });
  });

  test('a pace of nothing ends a batch at once', () => {
    const pace = { validatingSeconds: 0, runningSeconds: 0, finalizingSeconds: 0, cancellingSeconds: 0 };
    const now = lifeAt(life({ pace }), at(0));
    expect(now).toMatchObject({ phase: 'completed', finished: 10 });
    expect(isOver(now)).toBe(true);
  });

  test('items finish in an order that is shuffled, complete, and always the same for a batch', () => {
    const batch = { id: 'batch_1', requestCount: 1000 };
    const order = [...finishOrder(batch)];
    const input = order.toSorted((a, b) => a - b);
    expect(input).toEqual(Array.from({ length: 1000 }, (_, position) => position));
    expect(order).not.toEqual(input);
    expect([...finishOrder(batch)]).toEqual(order);
    expect([...finishOrder({ ...batch, id: 'batch_2' })]).not.toEqual(order);
  });
});

describe('fates', () => {
  test('a directive anywhere in a text decides for its item, and for its batch', () => {
    const texts = [
      'hello',
      'please emulate:errored, thanks',
      '{"content":"emulate:expired emulate:doubled"}',
      'emulate:job-expired and emulate:unknown-status',
      'emulate:nonsense',
      'emulate:erroredly',
    ];
    expect(readFates(texts)).toEqual({
      items: { 1: 'errored', 2: 'expired' },
      batch: ['job-expired', 'unknown-status'],
    });
  });

  test('every item of an ended batch is over in one way, and the counts say the same', () => {
    const fates = readFates([
      'emulate:errored',
      'emulate:overloaded',
      'emulate:expired',
      'emulate:missing',
      ...Array.from({ length: 6 }, () => ''),
    ]);
    const batch = life({ fates });
    const ended = [...endedItems(batch, at(60))];
    expect(ended.map(({ position }) => position).toSorted((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(tally(batch, at(60))).toEqual({
      succeeded: 7,
      errored: 1,
      overloaded: 1,
      expired: 1,
      cancelled: 0,
      pending: 0,
    });
  });

  test('the counts of a running batch are those of the items that are over', () => {
    const fates = readFates(Array.from({ length: 10 }, (_, n) => (n % 2 ? 'emulate:errored' : '')));
    for (const batch of [life({ fates }), life()]) {
      for (const seconds of [0, 3, 5, 7, 11]) {
        const items = [...endedItems(batch, at(seconds))];
        const counts = tally(batch, at(seconds));
        expect(counts.succeeded).toBe(items.filter(({ ending }) => ending === 'succeeded').length);
        expect(counts.errored).toBe(items.filter(({ ending }) => ending === 'errored').length);
        expect(counts.pending).toBe(10 - items.length);
      }
    }
  });

  test('what had no turn in a batch that ended early is expired or cancelled, as the batch is', () => {
    const cancelled = life({ cancelRequestedAt: at(4).toISOString() });
    const expired = life({ fates: { items: {}, batch: ['job-expired'] } });
    expect(tally(cancelled, at(60))).toMatchObject({ succeeded: 6, cancelled: 4, pending: 0 });
    expect([...endedItems(cancelled, at(60))].at(-1)).toMatchObject({ ending: 'cancelled' });
    expect(tally(expired, at(60))).toMatchObject({ succeeded: 5, expired: 5, pending: 0 });
    expect([...endedItems(expired, at(60))].at(-1)).toMatchObject({ ending: 'expired' });
  });

  test('a line is left out, doubled, torn or joined by a stranger, as its item asked', () => {
    const written = (directive: string): string => {
      const batch = life({ requestCount: 1, fates: readFates([`emulate:${directive}`]) });
      return [...writeLines(endedItems(batch, at(60)), (_, key) => `<${key ?? 'own'}>`)].join('');
    };
    expect(written('nothing')).toBe('<own>\n');
    expect(written('missing')).toBe('');
    expect(written('doubled')).toBe('<own>\n<own>\n');
    expect(written('malformed')).toBe('<ow\n');
    expect(written('foreign')).toBe('<own>\n<nobodys-key>\n');
  });
});

describe('answers', () => {
  const ask = (prompt: string, changes: Partial<Parameters<typeof answerTo>[0]> = {}) =>
    answerTo({ prompt, format: 'text', outputTokensMax: null, ...changes });

  test('the same question gets the same answer, and another question another', () => {
    const answers = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => ask(`Describe ${letter}.`).text);
    expect(answers).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => ask(`Describe ${letter}.`).text));
    expect(new Set(answers).size).toBe(6);
  });

  test('a prompt that lists categories gets one of them, and different prompts different ones', () => {
    const categories = ['positive', 'negative', 'neutral'];
    const chosen = Array.from({ length: 30 }, (_, n) =>
      ask(`Review ${n}: fine.\nAnswer with one of: positive, negative, or "neutral".`),
    ).map(({ text }) => text);
    for (const text of chosen) expect(categories).toContain(text);
    expect(new Set(chosen).size).toBe(3);
  });

  test('a request for JSON gets JSON, whether the format or the prompt asks', () => {
    expect(JSON.parse(ask('Tell me.', { format: 'json' }).text)).toHaveProperty('answer');
    expect(JSON.parse(ask('Reply in JSON.').text)).toHaveProperty('answer');
    expect(JSON.parse(ask('Reply in JSON with one of: red, blue').text)).toEqual({
      category: expect.stringMatching(/^(red|blue)$/),
    });
  });

  test('an answer to a schema has every required property, each of its type', () => {
    const schema = {
      type: 'object',
      properties: {
        label: { enum: ['spam', 'ham'] },
        score: { type: 'number', minimum: 0, maximum: 1 },
        count: { type: 'integer', minimum: 5, maximum: 9 },
        sure: { type: 'boolean' },
        tags: { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 },
        author: { $ref: '#/$defs/person' },
        note: { anyOf: [{ type: 'null' }, { type: 'string' }] },
        optional: { type: 'string' },
      },
      required: ['label', 'score', 'count', 'sure', 'tags', 'author', 'note'],
      $defs: { person: { type: 'object', properties: { name: { type: ['string', 'null'] } } } },
    };
    for (let n = 0; n < 20; n += 1) {
      const value = JSON.parse(ask(`Mail ${n}`, { format: { schema } }).text);
      expect(value).toEqual({
        label: expect.stringMatching(/^(spam|ham)$/),
        score: expect.any(Number),
        count: expect.any(Number),
        sure: expect.any(Boolean),
        tags: [expect.any(String), expect.any(String)],
        author: { name: expect.any(String) },
        note: null,
      });
      expect(value.score).toBeGreaterThanOrEqual(0);
      expect(value.score).toBeLessThanOrEqual(1);
      expect([5, 6, 7, 8, 9]).toContain(value.count);
    }
  });

  test('a schema that refers to itself without end still gets an answer', () => {
    const schema = { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] };
    expect(JSON.parse(ask('Go on', { format: { schema } }).text)).toHaveProperty('next');
  });

  test('an answer is cut at the most tokens that were allowed', () => {
    const whole = ask('Write a long story.');
    const cut = ask('Write a long story.', { outputTokensMax: 3 });
    expect(whole).toMatchObject({ cut: false, inputTokens: 5 });
    expect(cut).toMatchObject({ cut: true, outputTokens: 3 });
    expect(whole.text.startsWith(cut.text)).toBe(true);
  });

  test('a prompt is found in plain strings, in messages and in their parts', () => {
    expect(
      promptText([
        'be brief',
        { role: 'user', content: 'one' },
        { role: 'user', content: [{ type: 'text', text: 'two' }, { type: 'image' }] },
      ]),
    ).toBe('be brief\none\ntwo');
  });
});

describe('shelf', () => {
  const directories: string[] = [];
  afterEach(async () => {
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
  });
  const newDirectory = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-shelf-'));
    directories.push(directory);
    return directory;
  };

  for (const kind of ['memory', 'directory'] as const) {
    test(`a shelf in ${kind} keeps, changes, lists in order of creation, and forgets`, async () => {
      const shelf = openShelf<{ n: number }>('x_', kind === 'memory' ? undefined : await newDirectory());
      const ids: string[] = [];
      for (let n = 0; n < 12; n += 1) {
        const id = await shelf.newId();
        ids.push(id);
        await shelf.add(id, { n }, Buffer.from(`content ${n}`));
      }
      expect(ids.toSorted()).toEqual(ids);
      const [first = '', second = ''] = ids;
      expect(await shelf.change(first, ({ n }) => ({ n: n + 100 }))).toEqual({ n: 100 });
      expect(await shelf.meta(first)).toEqual({ n: 100 });
      expect((await shelf.content(second))?.toString()).toBe('content 1');
      expect(await shelf.remove(second)).toBe(true);
      expect(await shelf.remove(second)).toBe(false);
      expect(await shelf.meta(second)).toBeNull();
      expect(await shelf.content(second)).toBeNull();
      expect(await shelf.change(second, (meta) => meta)).toBeNull();
      expect((await shelf.all()).map(({ n }) => n)).toEqual([100, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    });
  }

  test('two shelves in one directory see each other, and so does one opened later', async () => {
    const directory = await newDirectory();
    const [one, other] = [openShelf<string>('x_', directory), openShelf<string>('x_', directory)];
    const first = await one.newId();
    await one.add(first, 'written', Buffer.from('bytes'));
    const second = await other.newId();
    await other.add(second, 'later', Buffer.alloc(0));
    await other.change(first, () => 'changed');
    expect(second > first).toBe(true);
    expect(await one.meta(first)).toBe('changed');
    expect(await openShelf<string>('x_', directory).all()).toEqual(['changed', 'later']);
    expect((await readdir(directory)).filter((name) => name.endsWith('.draft'))).toEqual([]);
  });

  test('an id that was never given out reaches no file', async () => {
    const directory = await newDirectory();
    const shelf = openShelf<string>('x_', join(directory, 'inner'));
    expect(await shelf.meta('x_../../etc/passwd')).toBeNull();
    expect(await shelf.content('../inner')).toBeNull();
    expect(await shelf.all()).toEqual([]);
  });
});

describe('server', () => {
  let server: EmulatorServer;
  afterEach(() => server.close());

  const done: string[] = [];
  const routes: EmulatorRoute[] = [
    {
      operation: 'echo',
      method: 'POST',
      path: /^\/things\/([^/]+)$/,
      handle: async ({ params, query, text }) => {
        const body = await text();
        done.push(body);
        return { status: 200, body: JSON.stringify({ params, q: query.get('q'), body }) };
      },
    },
    {
      operation: 'stream',
      method: 'GET',
      path: /^\/stream$/,
      handle: () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: numbers() }),
    },
    {
      operation: 'broken',
      method: 'GET',
      path: /^\/broken$/,
      handle: () => {
        throw new Error('oh');
      },
    },
  ];
  async function* numbers(): AsyncGenerator<string> {
    for (let n = 0; n < 5; n += 1) yield `${n}\n`;
  }
  const begin = async () => {
    done.length = 0;
    server = await startEmulatorServer({
      routes,
      guard: ({ headers }) => (headers['x-key'] === 'k' ? null : { status: 401, body: '{}' }),
      fallback: ({ path }) => ({ status: 404, body: path }),
    });
  };
  const call = (
    path: string,
    method = 'GET',
    body: string | null = null,
    signal: AbortSignal | null = null,
  ) => fetch(server.origin + path, { method, body, headers: { 'x-key': 'k' }, signal });
  const echo = (signal?: AbortSignal) => call('/things/a', 'POST', 'hello', signal);

  test('a call is routed by its raw path, and its percent-encoding is kept', async () => {
    await begin();
    const response = await call('/things/a%2Fb%3Ac?q=%20x', 'POST', 'hällo');
    expect(await response.json()).toEqual({ params: ['a%2Fb%3Ac'], q: ' x', body: 'hällo' });
    expect((await call('/nothing')).status).toBe(404);
    expect(server.calls).toEqual([
      { operation: 'echo', method: 'POST', path: '/things/a%2Fb%3Ac', status: 200 },
      { operation: 'unknown', method: 'GET', path: '/nothing', status: 404 },
    ]);
  });

  test('a caller whom the guard refuses changes nothing', async () => {
    await begin();
    const response = await fetch(`${server.origin}/things/a`, { method: 'POST', body: 'hello' });
    expect(response.status).toBe(401);
    expect(done).toEqual([]);
  });

  test('a streamed answer arrives whole', async () => {
    await begin();
    expect(await (await call('/stream')).text()).toBe('0\n1\n2\n3\n4\n');
  });

  test('a dropped call does nothing and gets no answer', async () => {
    await begin();
    server.faults.add({ operation: 'echo', effect: { kind: 'drop' } });
    await expect(echo()).rejects.toThrow('fetch failed');
    expect(done).toEqual([]);
    expect(server.calls.map(({ status }) => status)).toEqual([null]);
    expect((await echo()).status).toBe(200);
  });

  test('a call that is accepted and dropped is done and gets no answer', async () => {
    await begin();
    server.faults.add({ operation: 'echo', effect: { kind: 'accept-and-drop' } });
    await expect(echo()).rejects.toThrow('fetch failed');
    expect(done).toEqual(['hello']);
    expect(server.calls.map(({ status }) => status)).toEqual([null]);
  });

  test('a fault can answer instead of doing the work, as many times as it was told', async () => {
    await begin();
    const answer = { kind: 'answer', status: 429, headers: { 'retry-after': '7' } } as const;
    server.faults.add({ operation: '*', effect: answer, times: 2 });
    const statuses = [];
    for (let n = 0; n < 3; n += 1) {
      const response = await echo();
      statuses.push([response.status, response.headers.get('retry-after')]);
    }
    expect(statuses).toEqual([
      [429, '7'],
      [429, '7'],
      [200, null],
    ]);
    expect(done).toEqual(['hello']);
  });

  test('an answer that is torn breaks after as many bytes as were asked for', async () => {
    await begin();
    server.faults.add({ operation: 'stream', effect: { kind: 'tear', afterBytes: 3 } });
    const { body } = await call('/stream');
    let seen = '';
    await expect(
      (async () => {
        for await (const piece of body ?? []) seen += Buffer.from(piece).toString();
      })(),
    ).rejects.toThrow();
    expect(seen).toBe('0\n1');
  });

  test('an answer can be rewritten, until the plan is cleared', async () => {
    await begin();
    server.faults.add({
      operation: 'stream',
      effect: { kind: 'rewrite', rewrite: (body) => body.replaceAll('\n', ';') },
      times: Number.POSITIVE_INFINITY,
    });
    expect(await (await call('/stream')).text()).toBe('0;1;2;3;4;');
    server.faults.clear();
    expect(await (await call('/stream')).text()).toBe('0\n1\n2\n3\n4\n');
  });

  test('a held call goes on as usual once it is let go', async () => {
    await begin();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.faults.add({ operation: 'echo', effect: { kind: 'hold', until: promise } });
    const held = echo();
    expect((await call('/stream')).status).toBe(200);
    expect(done).toEqual([]);
    resolve();
    expect((await held).status).toBe(200);
    expect(done).toEqual(['hello']);
  });

  test('a call that is worked on late is worked on, although its caller has gone', async () => {
    await begin();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.faults.add({ operation: 'echo', effect: { kind: 'late', until: promise } });
    const patience = new AbortController();
    const gone = expect(echo(patience.signal)).rejects.toThrow('aborted');
    await expect.poll(() => server.calls.length, { interval: 1 }).toBe(1);
    patience.abort();
    await gone;
    expect(done).toEqual([]);
    resolve();
    await expect.poll(() => done, { interval: 1 }).toEqual(['hello']);
  });

  test('a route that throws is seen as a plain 500', async () => {
    await begin();
    const response = await call('/broken');
    expect([response.status, await response.text()]).toEqual([500, 'The emulator failed: Error: oh']);
  });

  test('closing does not wait for connections that are kept alive or held', async () => {
    await begin();
    await (await call('/stream')).text();
    server.faults.add({ operation: 'echo', effect: { kind: 'hold', until: new Promise(() => {}) } });
    const held = echo();
    expect((await call('/stream')).status).toBe(200);
    const cut = expect(held).rejects.toThrow('fetch failed');
    await server.close();
    await cut;
  });
});
