import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { effectKinds } from '../../src/emulators/fault-rule.ts';
import type { RunningEmulators } from '../../src/emulators/start.ts';
import { providers } from '../../src/providers/registry.ts';
import { control, startTestEmulators } from '../support/emulators.ts';

let running: RunningEmulators;
beforeAll(async () => {
  running = await startTestEmulators();
});
afterAll(() => running.close());
beforeEach(async () => {
  await control(running.origin, 'DELETE', '/openai/faults');
  await control(running.origin, 'DELETE', '/openai/calls');
});

const ask = (method: string, path: string, body?: unknown) => control(running.origin, method, path, body);
const fault = async (effect: object, more: object = {}) =>
  expect(await ask('POST', '/openai/faults', { operation: 'list', effect, ...more })).toEqual({
    status: 204,
    body: null,
  });

/** OpenAI's list of batches, as any client would ask for it. */
const list = () => {
  const emulator = running.emulators.find(({ provider }) => provider.name === 'openai')?.emulator;
  return fetch(`${emulator?.baseUrl}/batches`, { headers: { authorization: `Bearer ${emulator?.apiKey}` } });
};
const dropped = expect.objectContaining({ message: 'fetch failed' });

describe('the controls', () => {
  it('tell every provider with what is needed to call it', async () => {
    const { status, body } = await ask('GET', '');
    expect(status).toBe(200);
    expect(body.now).toBe('2026-11-23T10:00:00.000Z');
    expect(body.providers.map(({ name }: { name: string }) => name)).toEqual(
      providers.map(({ name }) => name),
    );
    const openai = body.providers.find(({ name }: { name: string }) => name === 'openai');
    expect(openai).toEqual({
      name: 'openai',
      title: 'OpenAI Batch API',
      baseUrl: `${running.origin}/openai/v1`,
      apiKey: expect.any(String),
      environment: expect.objectContaining({
        OPENAI_BASE_URL: openai.baseUrl,
        OPENAI_API_KEY: openai.apiKey,
      }),
      operations: { create: 'create', results: 'content', delete: 'delete_file' },
      switches: {},
    });
  });

  it('tell the calls of one provider in order, and forget them when asked to', async () => {
    await list();
    await fault({ kind: 'answer', status: 503 });
    await list();
    expect((await ask('GET', '/openai/calls')).body).toEqual({
      calls: [
        { operation: 'list', method: 'GET', path: '/v1/batches', status: 200 },
        { operation: 'list', method: 'GET', path: '/v1/batches', status: 503 },
      ],
    });
    expect(await ask('DELETE', '/openai/calls')).toEqual({ status: 204, body: null });
    expect((await ask('GET', '/openai/calls')).body).toEqual({ calls: [] });
    expect((await ask('GET', '/anthropic/calls')).body).toEqual({ calls: [] });
  });

  it('move the clock of all emulators by what is said, hours, minutes and seconds together', async () => {
    const before = Date.parse((await ask('GET', '/clock')).body.now);
    const { body } = await ask('POST', '/clock', { advance: { hours: 1, minutes: 2, seconds: 3.5 } });
    expect(Date.parse(body.now) - before).toBe(3_723_500);
    expect((await ask('GET', '/clock')).body).toEqual(body);
  });

  it('answer 404 to what there is not, saying what there is', async () => {
    const { status, body } = await ask('GET', '/nobody/calls');
    expect(status).toBe(404);
    expect(body.error.message).toContain(providers.map(({ name }) => name).join(', '));
    expect((await ask('PUT', '/openai/faults')).status).toBe(404);
    expect((await ask('GET', '/openai/unknown')).status).toBe(404);
    const nowhere = await fetch(`${running.origin}/nobody/v1/batches`);
    expect(nowhere.status).toBe(404);
    expect(await nowhere.text()).toContain('GET /_emulate');
  });

  const good = { operation: 'list', effect: { kind: 'drop' } };
  it.each<[string, string, unknown, RegExp]>([
    ['a body that is not JSON', '/openai/faults', '{', /^body: must be JSON$/],
    ['no body', '/openai/faults', '', /^body: must be JSON$/],
    ['an array', '/openai/faults', [], /^body: /],
    ['no operation', '/openai/faults', { effect: good.effect }, /^operation: /],
    ['no effect', '/openai/faults', { operation: 'list' }, /^effect: /],
    ['an unknown field', '/openai/faults', { ...good, tims: 2 }, /^body: .*"tims"/],
    ['an unknown kind', '/openai/faults', { ...good, effect: { kind: 'explode' } }, /^effect\.kind: /],
    [
      'a field of another kind',
      '/openai/faults',
      { ...good, effect: { kind: 'drop', status: 200 } },
      /^effect: .*"status"/,
    ],
    [
      'a status that is none',
      '/openai/faults',
      { ...good, effect: { kind: 'answer', status: 99 } },
      /^effect\.status: /,
    ],
    [
      'a header that cannot be',
      '/openai/faults',
      { ...good, effect: { kind: 'answer', status: 200, headers: { a: 'b\nc' } } },
      /^effect\.headers\.a: /,
    ],
    [
      'a name that no header has',
      '/openai/faults',
      { ...good, effect: { kind: 'answer', status: 200, headers: { 'a b': 'c' } } },
      /^effect\.headers\.a b: /,
    ],
    [
      'a body that is a number',
      '/openai/faults',
      { ...good, effect: { kind: 'answer', status: 200, body: 7 } },
      /^effect\.body: must be a text or an object$/,
    ],
    [
      'a tear before the start',
      '/openai/faults',
      { ...good, effect: { kind: 'tear', afterBytes: -1 } },
      /^effect\.afterBytes: /,
    ],
    [
      'nothing to find',
      '/openai/faults',
      { ...good, effect: { kind: 'replace', find: '', by: '' } },
      /^effect\.find: /,
    ],
    [
      'a hold for ever',
      '/openai/faults',
      { ...good, effect: { kind: 'hold', seconds: 1e9 } },
      /^effect\.seconds: /,
    ],
    ['no times at all', '/openai/faults', { ...good, times: 0 }, /^times: /],
    [
      'times in a word that is none',
      '/openai/faults',
      { ...good, times: 'often' },
      /^times: must be a whole number from 1, or "always"$/,
    ],
    ['half a call', '/openai/faults', { ...good, after: 0.5 }, /^after: /],
    ['a clock that goes back', '/clock', { advance: { seconds: -1 } }, /^advance\.seconds: /],
    ['a clock that leaves time', '/clock', { advance: { hours: 1e12 } }, /^advance\.hours: /],
    ['a clock with days', '/clock', { advance: { days: 1 } }, /^advance: .*"days"/],
    ['a clock without a step', '/clock', {}, /^advance: /],
  ])('refuse %s with 400 and name the field', async (_title, path, body, told) => {
    const answer = await ask('POST', path, body);
    expect(answer).toEqual({
      status: 400,
      body: { error: { code: 'INVALID_ARGUMENT', message: expect.stringMatching(told) } },
    });
    // Nothing of it was kept.
    expect((await list()).status).toBe(200);
  });
});

describe('a fault asked for over HTTP', () => {
  it('answers in place of the work, with its headers and body, once where no number is said', async () => {
    const body = { error: { message: 'Slow down.' } };
    await fault({ kind: 'answer', status: 429, headers: { 'Retry-After': '5' }, body });
    const answer = await list();
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.json()).toEqual(body);
    expect((await list()).status).toBe(200);
    await fault({ kind: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad' });
    const page = await list();
    expect([page.headers.get('content-type'), await page.text()]).toEqual(['text/html', '<h1>Bad']);
  });

  it('hits so many calls as it says, after those that it lets pass', async () => {
    await fault({ kind: 'answer', status: 500 }, { times: 2, after: 1 });
    const statuses: number[] = [];
    for (let call = 0; call < 5; call += 1) statuses.push((await list()).status);
    expect(statuses).toEqual([200, 500, 500, 200, 200]);
  });

  it('hits always, until all faults are taken back', async () => {
    await fault({ kind: 'answer', status: 500 }, { times: 'always', operation: '*' });
    for (let call = 0; call < 5; call += 1) expect((await list()).status).toBe(500);
    await ask('DELETE', '/openai/faults');
    expect((await list()).status).toBe(200);
  });

  it('drops the connection, before the work or after it', async () => {
    for (const kind of ['drop', 'accept-and-drop']) {
      await fault({ kind });
      await expect(list()).rejects.toEqual(dropped);
    }
    expect((await ask('GET', '/openai/calls')).body.calls).toEqual([
      { operation: 'list', method: 'GET', path: '/v1/batches', status: null },
      { operation: 'list', method: 'GET', path: '/v1/batches', status: null },
    ]);
  });

  it('tears an answer after so many bytes', async () => {
    await fault({ kind: 'tear', afterBytes: 5 });
    const answer = await list();
    const pieces: string[] = [];
    const reading = async () => {
      for await (const piece of answer.body ?? []) pieces.push(Buffer.from(piece).toString());
    };
    await expect(reading()).rejects.toThrow('terminated');
    expect(pieces.join('')).toBe((await (await list()).text()).slice(0, 5));
  });

  it('replaces every occurrence of a text by another, to the letter', async () => {
    const plain = await (await list()).text();
    await fault({ kind: 'replace', find: '"', by: '$&' });
    expect(await (await list()).text()).toBe(plain.split('"').join('$&'));
  });

  it('keeps each call that it hits waiting, and then lets it be worked on', async () => {
    await fault({ kind: 'hold', seconds: 0.2 }, { times: 2 });
    for (let call = 0; call < 2; call += 1) {
      const begin = performance.now();
      expect((await list()).status).toBe(200);
      // Timers count in whole milliseconds and may round down.
      expect(performance.now() - begin).toBeGreaterThan(198);
    }
  });
});

describe('docs/emulators.md', () => {
  const page = readFileSync(new URL('../../docs/emulators.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/<!-- example: executed -->\n```sh\n(.*?)```/gs)].map(([, block]) =>
    String(block),
  );
  /** `curl [-X method] url [-d 'body']`, as the page writes them. */
  const calls = blocks.flatMap((block) =>
    [...block.matchAll(/^curl (?:-X (\w+) )?http:\/\/127\.0\.0\.1:4010(\/\S+)(?: -d '([^']*)')?$/gm)].map(
      ([, method, path, body]) => ({
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        path: String(path),
        body,
      }),
    ),
  );

  it('has no example that is not understood', () => {
    expect(calls).toHaveLength(blocks.join('').match(/curl/g)?.length ?? 0);
    expect(calls.length).toBeGreaterThan(10);
  });

  it.each(calls)('$method $path works as it stands there: $body', async ({ method, path, body }) => {
    const answer = await fetch(`${running.origin}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    expect(`${answer.status} ${await answer.text()}`).toMatch(/^20[04] /);
  });

  it.each(effectKinds)('shows the effect %s', (kind) => {
    expect(calls.map(({ body }) => body).join('\n')).toMatch(new RegExp(`"kind": "${kind}"`));
  });
});
