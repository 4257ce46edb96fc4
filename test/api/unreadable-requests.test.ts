/** A request that cannot be read is answered with 400 and no word of what was in it; the service has no fault to log. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const secret = 'sk-secret';
const multipart = (fields: Readonly<Record<string, string>>): FormData => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
};
const operations = '{"query":"{viewer{sandbox}}"}';

it.each<[title: string, type: string | null, body: string | FormData, message: string]>([
  ['broken JSON', 'application/json', `{"query": ${secret}`, 'POST body sent invalid JSON.'],
  [
    'broken variables in a form',
    'application/x-www-form-urlencoded',
    `query={a}&variables=${secret}`,
    'The request cannot be read.',
  ],
  [
    'broken extensions in a form',
    'application/x-www-form-urlencoded',
    `query={a}&extensions=${secret}`,
    'The request cannot be read.',
  ],
  [
    'multipart without operations',
    null,
    multipart({ map: '{}' }),
    'Missing multipart form field "operations"',
  ],
  [
    'multipart with broken operations',
    null,
    multipart({ operations: secret }),
    'Multipart form field "operations" must be a valid JSON string',
  ],
  [
    'multipart with a broken map',
    null,
    multipart({ operations, map: secret }),
    'Multipart form field "map" must be a valid JSON string',
  ],
  [
    'multipart whose map names no list',
    null,
    multipart({ operations, map: '{"0":1}' }),
    'The request cannot be read.',
  ],
  [
    'multipart whose map names no path',
    null,
    multipart({ operations, map: '{"0":[null]}' }),
    'The request cannot be read.',
  ],
  [
    'multipart whose operations are null',
    null,
    multipart({ operations: 'null', map: '{"0":["variables.f"]}' }),
    'The request cannot be read.',
  ],
])('%s', async (_title, type, body, message) => {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'x-api-key': sandboxKey, ...(type === null ? {} : { 'content-type': type }) },
    body,
  });
  expect(await response.json()).toEqual({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] });
  expect(response.status).toBe(400);
  expect(service.logged.filter(({ level }) => level === 'error')).toEqual([]);
});

it.each(['variables', 'extensions'])('Broken %s in the address', async (name) => {
  const response = await fetch(`${service.url}/graphql?query={viewer{sandbox}}&${name}=${secret}`, {
    headers: { 'x-api-key': sandboxKey },
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({
    errors: [{ message: 'The request cannot be read.', extensions: { code: 'BAD_REQUEST' } }],
  });
});
