/** Scripts of other web pages read answers where CORS_ORIGINS allows their origin, of every route, and else never. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { startTestService, type TestService } from '../support/service.ts';

const ours = 'https://app.example.com';
const alsoOurs = 'http://localhost:5173';
const strangers = ['https://evil.example.com', `${ours}.evil.example`, 'http://app.example.com', 'null'];
const batch = '/batches/01900000-0000-7000-8000-000000000000';
/** Every route that a page may want, and the status that it answers; the headers do not depend on it. */
const routes = [
  ['GET', '/graphql?query={viewer{sandbox}}', 200],
  ['POST', '/graphql', 200],
  ['GET', batch, 404],
  ['GET', `${batch}/input.jsonl`, 404],
  ['GET', `${batch}/output.jsonl`, 404],
  ['GET', `${batch}/errors.jsonl?after=x`, 400],
] as const;

function ask(url: string, method: string, origin: string, key = sandboxKey): Promise<Response> {
  return fetch(url, {
    method,
    headers: {
      origin,
      'x-api-key': key,
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: JSON.stringify({ query: '{ viewer { sandbox } }' }) } : {}),
  });
}

function preflight(url: string, method: string, origin: string): Promise<Response> {
  return fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  });
}

const crossOriginHeaders = ({ headers }: Response): string[] =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('With origins named', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ CORS_ORIGINS: `${ours}, ${alsoOurs}` });
  });
  afterAll(() => service.close());

  describe.each(routes)('%s %s', (method, path, status) => {
    it.each([ours, alsoOurs])('can be read by %s, after a preflight that allows the key', async (origin) => {
      const before = await preflight(`${service.url}${path}`, method, origin);
      expect(before.status).toBe(204);
      expect(before.headers.get('access-control-allow-origin')).toBe(origin);
      expect(before.headers.get('access-control-allow-methods')?.split(', ')).toContain(method);
      expect(before.headers.get('access-control-allow-headers')).toBe('authorization,content-type');

      const answer = await ask(`${service.url}${path}`, method, origin);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-expose-headers')).toContain('content-disposition');
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
      expect(answer.headers.get('vary')).toContain('Origin');
    });

    it.each(strangers)('cannot be read by %s', async (origin) => {
      const before = await preflight(`${service.url}${path}`, method, origin);
      const answer = await ask(`${service.url}${path}`, method, origin);
      expect([...crossOriginHeaders(before), ...crossOriginHeaders(answer)]).toEqual([]);
      expect(answer.headers.get('vary')).toContain('Origin');
    });

    it('shows a page also why it was refused', async () => {
      const answer = await ask(`${service.url}${path}`, method, ours, 'wrong');
      expect(answer.status).toBe(401);
      expect(answer.headers.get('access-control-allow-origin')).toBe(ours);
    });
  });
});

describe('With no origin named', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service.close());

  it.each(routes)('%s %s cannot be read by any other page', async (method, path) => {
    for (const origin of [ours, ...strangers]) {
      const before = await preflight(`${service.url}${path}`, method, origin);
      const answer = await ask(`${service.url}${path}`, method, origin);
      expect([...crossOriginHeaders(before), ...crossOriginHeaders(answer)]).toEqual([]);
    }
  });
});

describe('With all origins allowed', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ CORS_ORIGINS: '*' });
  });
  afterAll(() => service.close());

  it.each(routes)('%s %s can be read by any page, without credentials', async (method, path) => {
    for (const origin of [ours, ...strangers]) {
      const answer = await ask(`${service.url}${path}`, method, origin);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });
});
