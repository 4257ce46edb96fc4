/** How often a key and an organization may ask, and how much they may have open: the same through every door. */

import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { doors, post } from '../support/doors.ts';
import { addKey } from '../support/keys.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

const limit = 12;
const cheap = '{ viewer { sandbox } }';
/** Five points: 2 fields, 50 batches with 9 fields each. */
const dear = `{ batches(first: 50) { edges { node { id uuid name status provider endpoint model version } } } }`;
const left = '{ viewer { rateLimit { scope limit remaining resetAt } } }';
const nothing = '/batches/01900000-0000-7000-8000-000000000000';

let service: TestService;
let organization: { organizationId: string };
let key: string;
let keyId: string;
beforeAll(async () => {
  service = await startTestService({
    RATE_LIMIT_PER_KEY: String(limit),
    RATE_LIMIT_PER_ORGANIZATION: '30',
    SUBSCRIPTIONS_PER_KEY: '2',
    CONNECTIONS_PER_KEY: '2',
    SIGN_IN_FAILURES_MAX: '3',
  });
});
afterAll(() => service.close());

/** A key of an organization of its own, of which nothing was counted yet. */
async function freshKey(): Promise<string> {
  const made = await service.addOrganization('Fresh');
  organization = made.scope;
  keyId = made.scope.apiKeyId;
  return made.key;
}

const request = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${service.url}${path}`, { headers: { 'x-api-key': key, ...headers } });
const ask = (query: string, headers: Record<string, string> = {}) =>
  fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
    body: JSON.stringify({ query }),
  });

/** Asks until nothing is left. */
async function spend(points = limit): Promise<void> {
  for (let count = 0; count < points; count += 1) await post(service, { query: cheap }, key);
}

const refused = (seconds: number) => ({
  errors: [
    {
      message: `The ${limit} points of your key in this minute do not suffice; try again in ${seconds} s.`,
      extensions: { code: 'RATE_LIMITED', limit, retryAfter: seconds },
    },
  ],
});

describe('A key', () => {
  beforeAll(async () => {
    key = await freshKey();
  });

  it('has its points, and is told what is left in every answer', async () => {
    const first = await ask(cheap);
    expect(first.status).toBe(200);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'ratelimit-limit': '12',
      'ratelimit-remaining': '11',
      'ratelimit-reset': '60',
    });
    service.clock.advance({ seconds: 15 });
    const plain = await request(nothing);
    expect(plain.status).toBe(404);
    expect(plain.headers.get('ratelimit-remaining')).toBe('10');
    expect(plain.headers.get('ratelimit-reset')).toBe('45');
    expect(await post(service, { query: left }, key)).toEqual({
      data: {
        viewer: { rateLimit: { scope: 'KEY', limit, remaining: 9, resetAt: '2026-11-23T10:01:00.000Z' } },
      },
    });
  });

  it('pays by what an operation can answer', async () => {
    const answer = await ask(dear);
    expect(answer.headers.get('ratelimit-remaining')).toBe('4');
  });

  it('pays for what cannot be executed, too', async () => {
    const answer = await ask('{ nothing }');
    expect(answer.headers.get('ratelimit-remaining')).toBe('3');
  });

  it('is refused what its points do not suffice for, and keeps them for what they do', async () => {
    expect(await (await ask(dear)).json()).toEqual(refused(45));
    expect((await ask(cheap)).headers.get('ratelimit-remaining')).toBe('1');
  });

  it('that has none left is refused alike through every door', async () => {
    await spend(1);
    for (const query of [cheap, 'subscription { batchesUpdated { seq } }']) {
      const answer = await ask(query);
      expect(answer.status).toBe(429);
      expect(answer.headers.get('retry-after')).toBe('45');
      expect(answer.headers.get('ratelimit-remaining')).toBe('0');
      expect(await answer.json()).toEqual(refused(45));
      const stream = await ask(query, { accept: 'text/event-stream' });
      expect(stream.status).toBe(429);
      expect(stream.headers.get('retry-after')).toBe('45');
      expect(await stream.text()).toContain(JSON.stringify(refused(45)));
    }
    // Published clients of server-sent events show no more of it than the status.
    const shown = doors.filter(([name]) => name !== 'SSE');
    for (const [name, through] of shown)
      expect(await through(service, { query: cheap }, key), name).toEqual(refused(45));
  });

  it.each([nothing, `${nothing}/output.jsonl`])('that has none left is refused on %s', async (path) => {
    const answer = await request(path);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('45');
    const message = `The ${limit} points of your key in this minute do not suffice; try again in 45 s.`;
    expect(await answer.json()).toEqual({ error: { code: 'RATE_LIMITED', message } });
  });

  it('shares the points of its organization with the other keys of it', async () => {
    key = await addKey(service, organization, {});
    await spend();
    key = await addKey(service, organization, {});
    await spend(6);
    const answer = await ask(cheap);
    expect(await answer.json()).toMatchObject({
      errors: [
        { message: expect.stringContaining('The 30 points of your organization'), extensions: { limit: 30 } },
      ],
    });
    expect(answer.headers.get('ratelimit-limit')).toBe('30');
  });

  it('has all of them again when the minute is over', async () => {
    service.clock.advance({ seconds: 45 });
    expect((await ask(cheap)).headers.get('ratelimit-remaining')).toBe('11');
  });

  it('is not held up by another organization', async () => {
    await spend();
    key = await freshKey();
    expect((await ask(cheap)).status).toBe(200);
  });

  it('may ask for more than its limit at once, which then takes all of it', async () => {
    key = await freshKey();
    const query = '{ batches(first: 100) { edges { node { items(first: 100) { edges { cursor } } } } } }';
    const answer = await ask(query);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit-remaining')).toBe('0');
  });
});

const feed = 'subscription { batchesUpdated { seq } }';
/** Resolves when the fresh key has so many open. */
const open = (what: 'connections' | 'subscriptions', count: number) =>
  expect.poll(() => service.app.services.rates[what].openOf(keyId)).toBe(count);

describe('What a key has open', () => {
  beforeEach(async () => {
    key = await freshKey();
  });

  it.each(Object.entries(transports))(
    'is capped, and a subscription that ends makes room for another: %s',
    async (_name, subscribe) => {
      const begin = () => subscribe({ url: service.url, query: feed, key });
      const first = begin();
      const second = begin();
      await open('subscriptions', 2);
      const answer = await ask(feed);
      expect(answer.status).toBe(429);
      expect(await answer.json()).toEqual({
        errors: [
          {
            message: 'The key has 2 subscriptions open, as many as it may; end one before you begin another.',
            extensions: { code: 'TOO_MANY_SUBSCRIPTIONS', limit: 2 },
          },
        ],
      });
      await first.stop();
      await open('subscriptions', 1);
      const third = begin();
      await open('subscriptions', 2);
      await Promise.all([second.stop(), third.stop()]);
      await open('subscriptions', 0);
      await open('connections', 0);
    },
  );

  it('is no more connections than it may; one that closes makes room for another', async () => {
    const connect = () => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const client = createClient({
        url: `${service.url.replace(/^http/, 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { 'x-api-key': key },
        lazy: false,
        retryAttempts: 0,
        onNonLazyError: resolve,
        on: { connected: () => resolve('connected') },
      });
      return { client, fate: promise };
    };
    const [first, second] = [connect(), connect()];
    expect(await Promise.all([first.fate, second.fate])).toEqual(['connected', 'connected']);
    expect(await connect().fate).toMatchObject({ code: 1013, reason: 'TOO_MANY_CONNECTIONS' });
    await first.client.dispose();
    await open('connections', 1);
    const third = connect();
    expect(await third.fate).toBe('connected');
    await Promise.all([second.client.dispose(), third.client.dispose()]);
    await open('connections', 0);
  });
});

describe('An address from which keys are guessed', () => {
  const guess = (wrong: string, headers: Record<string, string> = {}) =>
    ask(cheap, { ...headers, 'x-api-key': wrong });

  it('is refused through every door after so many, and keys that were let in before are not', async () => {
    key = await freshKey();
    expect((await ask(cheap)).status).toBe(200);
    const other = (await service.addOrganization('Other')).key;
    // At the same time, so that none of them waits for what became of another.
    const answers = await Promise.all([1, 2, 3, 4, 5].map((count) => guess(`bq_wrong_${count}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([401, 401, 401, 429, 429]);
    const { statements } = service;
    statements.length = 0;
    const refusedGuess = await guess('bq_wrong_6');
    expect(refusedGuess.headers.get('retry-after')).toBe('60');
    expect(await refusedGuess.json()).toEqual({
      errors: [
        {
          message: 'More than 3 wrong keys came from your address in this minute; try again in 60 s.',
          extensions: { code: 'RATE_LIMITED', limit: 3, retryAfter: 60 },
        },
      ],
    });
    const plain = await request(nothing, { 'x-api-key': 'bq_wrong_7' });
    expect(plain.status).toBe(429);
    expect(plain.headers.get('retry-after')).toBe('60');
    expect(statements).toEqual([]);
    // Nor is it said of a good key that it is one.
    expect((await ask(cheap, { 'x-api-key': other })).status).toBe(429);
    expect((await ask(cheap)).status).toBe(200);

    service.clock.advance({ seconds: 60 });
    expect((await ask(cheap, { 'x-api-key': other })).status).toBe(200);
    expect((await guess('bq_wrong_8')).status).toBe(401);
  });
});
