import { parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandboxBatches } from '../../src/cli/sandbox-batches.ts';
import { sandboxKey } from '../../src/first-keys.ts';
import { schema } from '../../src/schema/index.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  await startSandboxBatches(service.app.services);
});
afterAll(() => service.close());

const html = { accept: 'text/html,application/xhtml+xml' };

interface Tab {
  readonly query: string;
  readonly variables: string;
}

/** The page's text, and the settings that it hands to its script. */
async function open(url: string): Promise<{ page: string; headers: string; tabs: Tab[] }> {
  const page = await (await fetch(`${url}/graphql`, { headers: html })).text();
  const settings = JSON.parse(/<script id="settings"[^>]*>(.*?)<\/script>/s.exec(page)?.[1] ?? '');
  return { page, headers: settings.graphiql.headers, tabs: settings.tabs };
}

describe('The page at /graphql', () => {
  it('has a valid example of every mutation that can be run as it stands and of the live streams, each with a comment first', async () => {
    const { tabs } = await open(service.url);
    for (const { query } of tabs) {
      expect(validate(schema, parse(query)), query).toEqual([]);
      expect(query).toMatch(/^# .+\n(?:# .+\n)?(?:query|mutation|subscription) /);
    }
    const all = tabs.map(({ query }) => query).join('\n');
    // What these need is not there in a sandbox that has just begun: a job in doubt, a batch that somebody else has made,
    // a key to take back that nobody uses, and what credentials are encrypted with.
    const rare = [
      'resolveJob',
      'adoptJob',
      'deleteProviderFiles',
      'revokeApiKey',
      'addCredential',
      'revokeCredential',
    ];
    const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {}).filter(
      (field) => !rare.includes(field),
    );
    for (const field of [
      ...mutations,
      'viewer',
      'providers',
      'batches',
      'batch',
      'batchUpdated',
      'batchesUpdated',
    ]) {
      expect(all).toMatch(new RegExp(`\\b${field}\\b`));
    }
  });

  it('submits, and deletes, different batches, so that all of it can be run in one go', async () => {
    const { tabs } = await open(service.url);
    const idIn = (name: string) =>
      JSON.parse(tabs.find(({ query }) => query.includes(`mutation ${name}(`))?.variables ?? '').input
        .batchId;
    expect(idIn('SubmitBatch')).not.toBe(idIn('DeleteBatch'));
  });

  it('names no other machine, and forbids the browser to ask one', async () => {
    const response = await fetch(`${service.url}/graphql`, { headers: html });
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    const addresses = [...(await response.text()).matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to);
    for (const address of addresses) expect(address).toMatch(/^(?:graphql\/page\/|data:)/);
  });

  it('is made of files that a browser asks for once, compressed', async () => {
    const { page } = await open(service.url);
    const files = [...page.matchAll(/"(graphql\/page\/[^"]*)"/g)].map(([, file]) => file);
    expect(files).toHaveLength(6);
    for (const file of files) {
      const url = `${service.url}/${file}`;
      const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
      const compressed = await fetch(url, { headers: { 'accept-encoding': 'gzip, br' } });
      expect(plain.headers.get('content-encoding')).toBeNull();
      expect(compressed.headers.get('content-encoding')).toBe('gzip');
      expect(compressed.headers.get('cache-control')).toContain('immutable');
      expect(await compressed.text()).toBe(await plain.text());
    }
    expect((await fetch(`${service.url}/graphql/page/0-graphiql.js`)).status).toBe(404);
  });

  it('is only for browsers: a client that asks for JSON gets an answer of the API', async () => {
    const response = await fetch(`${service.url}/graphql?query={viewer{sandbox}}`, {
      headers: { accept: 'application/json', 'x-api-key': sandboxKey },
    });
    expect(await response.json()).toEqual({ data: { viewer: { sandbox: true } } });
  });

  it('shows no key and no batch outside of the sandbox', async () => {
    const live = await startTestService({ SANDBOX: 'false' });
    try {
      const { page, headers, tabs } = await open(live.url);
      expect(page).not.toContain(sandboxKey);
      expect(JSON.parse(headers)).toEqual({ authorization: 'Bearer paste your key here' });
      const batchId = 'paste the id of a batch here';
      expect(tabs.map(({ variables }) => JSON.parse(variables))).toContainEqual({ input: { batchId } });
      for (const { query } of tabs) expect(query).toMatch(/^# First put in your key/);
    } finally {
      await live.close();
    }
  });
});
