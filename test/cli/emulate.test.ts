import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/registry.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { chatBody } from '../support/documents.ts';
import { control } from '../support/emulators.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { subscribeBySse } from '../support/subscribers.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});

const running: RunningProcess[] = [];
afterAll(async () => {
  for (const { child, exit } of running) {
    if (child.exitCode === null) child.kill('SIGTERM');
    await exit;
  }
  await database.drop();
});

/** Starts `batchql emulate` on a free port and waits until it has told where everything is. */
async function emulate(...args: readonly string[]) {
  const started = runBatchql(['emulate', '--port', '0', ...args]);
  running.push(started);
  const told = new Promise<void>((resolve, reject) => {
    started.child.stdout?.on('data', () => {
      if (started.output().includes('Ctrl-C ends them')) resolve();
    });
    void started.exit.then(() => reject(new Error(`it exited:\n${started.output()}`)));
  });
  await told;
  const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(started.output())?.[0] ?? '';
  return { ...started, origin };
}

describe('batchql emulate', () => {
  it('prints a row with the variables to export for every provider', async () => {
    const { origin, output } = await emulate();
    const rows = output()
      .split('\n')
      .filter((line) => /^ {2}\w+ +\w+=/.test(line));
    expect(rows).toHaveLength(providers.length);
    const told = (await control(origin, 'GET', '')).body.providers;
    for (const [index, { name, settings }] of providers.entries()) {
      const { environment } = told[index];
      expect(Object.keys(environment)).toEqual(expect.arrayContaining([settings.baseUrl, settings.apiKey]));
      const assignments = Object.entries(environment).map(([variable, value]) => `${variable}=${value}`);
      expect(rows[index]?.replaceAll("'", '').trim()).toMatch(new RegExp(`^${name} +`));
      for (const assignment of assignments) expect(rows[index]?.replaceAll("'", '')).toContain(assignment);
    }
  });

  it('has the options that docs/emulators.md tells of, and no others', async () => {
    const help = runBatchql(['emulate', '--help']);
    expect(await help.exit).toBe(0);
    const page = readFileSync(new URL('../../docs/emulators.md', import.meta.url), 'utf8');
    const options = (text: string, pattern: RegExp) => Array.from(text.matchAll(pattern), ([, name]) => name);
    expect(options(page, /^\| `--([\w-]+)`/gm)).toEqual(options(help.output(), /^ {2}--([\w-]+)/gm));
  });

  it('serves only the providers that are named, at the pace and with the switches that are said', async () => {
    const { origin } = await emulate(
      ...['--providers', 'openai,mistral', '--seconds', '7200'],
      ...['--switch', 'openai.absentNulls=true', '--switch', 'openai.listOrder=oldest-first'],
    );
    const { providers: told } = (await control(origin, 'GET', '')).body;
    expect(told.map(({ name }: { name: string }) => name)).toEqual(['openai', 'mistral']);
    expect(told[0].switches).toEqual({ absentNulls: true, listOrder: 'oldest-first' });

    const { baseUrl, apiKey } = told[0];
    const headers = { authorization: `Bearer ${apiKey}` };
    const form = new FormData();
    form.set('purpose', 'batch');
    const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: chatBody('Hello') };
    form.set('file', new File([`${JSON.stringify(line)}\n`], 'in.jsonl'));
    const file = await (await fetch(`${baseUrl}/files`, { method: 'POST', headers, body: form })).json();
    const batch = await fetch(`${baseUrl}/batches`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        input_file_id: (file as { id: string }).id,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
      }),
    });
    const { id } = (await batch.json()) as { id: string };
    const at = async () =>
      (await (await fetch(`${baseUrl}/batches/${id}`, { headers })).json()) as { status: string };
    await control(origin, 'POST', '/clock', { advance: { hours: 1.9 } });
    const early = await at();
    expect(early.status).toBe('in_progress');
    // With the switch on, what has no value is left out.
    expect(early).not.toHaveProperty('output_file_id');
    await control(origin, 'POST', '/clock', { advance: { hours: 0.2 } });
    expect((await at()).status).toBe('completed');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at once on %s, with calls that it keeps waiting',
    async (signal) => {
      const { origin, child, exit, output } = await emulate('--providers', 'openai');
      const effect = { kind: 'hold', seconds: 3600 };
      await control(origin, 'POST', '/openai/faults', { operation: '*', effect });
      const held = fetch(`${origin}/openai/v1/batches`).then(
        () => 'answered',
        () => 'cut',
      );
      let calls: unknown[] = [];
      while (calls.length === 0) ({ calls } = (await control(origin, 'GET', '/openai/calls')).body);
      child.kill(signal);
      expect(await exit).toBe(0);
      expect(await held).toBe('cut');
      expect(output().trim().split('\n').at(-1)).toContain('Ctrl-C ends them');
    },
  );

  it.each([
    [
      ['--providers', 'openai,nobody'],
      /^--providers: there is no provider "nobody" here; there are .*openai/,
    ],
    [['--switch', 'nobody.listOrder=x'], /^--switch: there is no provider "nobody" here; there are .*openai/],
    [
      ['--providers', 'mistral', '--switch', 'openai.listOrder=x'],
      /there is no provider "openai" here; there are mistral\.$/,
    ],
    [['--switch', 'openai'], /^--switch must be <provider>\.<name>=<value>, and this is openai\.$/],
    [['--switch', 'openai.absentNulls=perhaps'], /^The switches of openai cannot stand so: absentNulls: /],
    [['--seconds', 'soon'], /must be a number from 0 to 86400/],
    [['--public-url', 'emulators'], /must be an http or https URL/],
  ])('refuses %j in one sentence and exits with 1', async (args, told) => {
    const refused = runBatchql(['emulate', '--port', '0', ...args]);
    expect(await refused.exit).toBe(1);
    expect(refused.output().trim()).toMatch(told);
    expect(refused.output().trim().split('\n')).toHaveLength(1);
  });
});

describe('another BatchQL', () => {
  it('that is given the variables believes to be live, and brings a batch to its end', async () => {
    const { origin } = await emulate('--providers', 'openai', '--seconds', '2');
    const [{ environment }] = (await control(origin, 'GET', '')).body.providers;
    const key = 'bq_a_key_of_this_test';
    const other = runBatchql(['start', '--port', '0'], {
      ...environment,
      DATABASE_URL: database.url,
      BATCHQL_API_KEY: key,
      POLL_FIRST_SECONDS: '0.2',
      POLL_MAX_SECONDS: '0.5',
    });
    running.push(other);
    const service = await other.logged('BatchQL is running');
    expect(service['sandbox']).toBe(false);
    const url = String(service['url']);

    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        query: `mutation($input: CreateBatchInput!) { createBatch(input: $input) {
          ... on CreateBatchPayload { batch { id } } ... on Error { message } } }`,
        variables: {
          input: {
            provider: 'openai',
            submit: 'NOW',
            requests: { list: [{ customId: 'a', body: chatBody('Say hello') }] },
          },
        },
      }),
    });
    const { data } = (await response.json()) as { data: { createBatch: { batch: { id: string } } } };
    const feed = subscribeBySse({
      url,
      key,
      query: `subscription($id: ID!) { batchUpdated(id: $id) {
        batch { status sandbox jobs { edges { node { providerJobId } } } } } }`,
      variables: { id: data.createBatch.batch.id },
    });
    const { batchUpdated } = await feed.waitFor(
      ({ batchUpdated: { batch } }) => batch.status === 'COMPLETED',
    );
    expect(batchUpdated.batch.sandbox).toBe(false);
    const { batches } = (await control(origin, 'GET', '/openai/batches')).body;
    expect(batches).toMatchObject([
      { id: batchUpdated.batch.jobs.edges[0].node.providerJobId, status: 'completed' },
    ]);
  });
});
