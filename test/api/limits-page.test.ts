/** The page on limits shows what is asked and what is answered; both are held to it, word for word. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { queryLimits } from '../../src/domain/query-limits.ts';
import { sandboxKey } from '../../src/first-keys.ts';
import { loadPersistedDocuments } from '../../src/http/defences/persisted.ts';
import { createGraphqlApi } from '../../src/http/graphql.ts';
import { watchKeys } from '../../src/http/key-watch.ts';
import { providers } from '../../src/providers/registry.ts';
import { openRates } from '../../src/rates/rates.ts';
import { schema } from '../../src/schema/index.ts';
import { startTestService, type TestService } from '../support/service.ts';

const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
const examples = [
  ...page.matchAll(
    /<!-- answered( the second time)?(?: with (\w+)=([^\n]*))? -->\n```(graphql|json)\n(.*?)```\n\n```json\n(.*?)```/gs,
  ),
].map(([, again, setting = '', value = '', language, asked = '', answer = '']) => ({
  title: setting === '' ? 'with every default' : `with ${setting}=${value}`,
  times: again === undefined ? 1 : 2,
  setting,
  value,
  body: language === 'graphql' ? JSON.stringify({ query: asked }) : asked,
  answer: JSON.parse(answer),
}));

let service: TestService;
let nothing: string;
beforeAll(async () => {
  service = await startTestService();
  nothing = await mkdtemp(join(tmpdir(), 'batchql-no-documents-'));
});
afterAll(async () => {
  await service.close();
  await rmdir(nothing);
});

describe('The examples on the page of limits', () => {
  it.each(examples)('are answered as they say: $title', async ({ setting, value, times, body, answer }) => {
    const { http } = readConfig({ [setting]: value.replace('<a directory>', nothing) }, {}, providers);
    const path = http.persistedDocuments;
    const keys = watchKeys(service.app.services);
    const options = {
      services: { ...service.app.services, rates: openRates(service.app.services, http.rates) },
      sandbox: true,
      origin: () => service.url,
      corsOrigins: [],
      sandboxKey: null,
      defences: {
        limits: http.queryLimits,
        introspection: http.introspection,
        suggestions: false,
        documents: path === null ? null : await loadPersistedDocuments(path, schema),
      },
    };
    const api = createGraphqlApi(options, keys);
    const ask = async () => {
      const response = await api.fetch(`${service.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': sandboxKey },
        body,
      });
      return response.json();
    };
    for (let time = 1; time < times; time += 1) expect(await ask()).not.toHaveProperty('errors');
    expect(await ask()).toEqual(answer);
    await api.dispose();
    keys.close();
  });

  it('show the headers that every answer has', async () => {
    const [, block = ''] = /<!-- answered with headers -->\n```http\n(.*?)```/s.exec(page) ?? [];
    const response = await fetch(`${service.url}/graphql?query={viewer{sandbox}}`, {
      headers: { 'x-api-key': sandboxKey },
    });
    const shown = block
      .trim()
      .split('\n')
      .map((line) => line.split(': '));
    expect(shown).toHaveLength(3);
    for (const [name = '', value] of shown) expect(response.headers.get(name), name).toBe(value);
  });

  it('show every refusal that there is', () => {
    const shown = examples.map(({ answer }) => answer.errors?.[0].extensions.code);
    const codes = Object.values(queryLimits).map(({ code }) => code);
    expect(shown).toEqual(
      expect.arrayContaining([
        ...codes,
        'INTROSPECTION_OFF',
        'DOCUMENT_NOT_PERSISTED',
        'DOCUMENT_NOT_FOUND',
        'RATE_LIMITED',
        'TOO_MANY_SUBSCRIPTIONS',
      ]),
    );
    // The headers are a block of their own.
    expect(examples).toHaveLength(page.split('<!-- answered').length - 2);
  });
});
