/** What `Query.providers` tells is enough to build a form with, and true. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itemKey } from '../../src/domain/ids.ts';
import { providers } from '../../src/providers/registry.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const document = `query { providers {
  name title mode requestForm modelPlace exampleModel exampleBody endpoints completionWindows
  settings { name required meaning }
  limits { requestsMin requestsMax bytesMax lineBytesMax unmixable distinct }
  capabilities { cancel liveCounts partialResults expires recovery recoveryKey recoveryNeedsPublicUrl }
  webhook { registration url verified } facts { subject certainty } } }`;

const told = async () => (await service.query(document)).data.providers;

describe('Query.providers', () => {
  it('tells of every provider, in the order of the registry, all of it with a sense for people', async () => {
    const all = await told();
    expect(all.map(({ name }: { name: string }) => name)).toEqual(providers.map(({ name }) => name));
    for (const { mode, settings, facts } of all) {
      expect(mode).toBe('SANDBOX');
      expect(settings[0]).toMatchObject({ required: true, meaning: expect.stringMatching(/\S/) });
      expect(facts.length).toBeGreaterThanOrEqual(4);
    }
  });

  it('tells where an account’s webhook goes, and that its calls are verified', async () => {
    const { webhook } = (await told()).find(({ name }: { name: string }) => name === 'openai');
    expect(webhook).toMatchObject({ registration: 'ACCOUNT', verified: true });
    expect(webhook.url).toMatch(new RegExp(`^${service.url}/callbacks/openai/[0-9a-f]{32}$`));
  });

  it.each(providers.map(({ name }) => name))(
    'is enough to make a batch for %s: its example, as often as it takes, is a batch that can be submitted',
    async (name) => {
      const form = (await told()).find((one: { name: string }) => one.name === name);
      const bodies = Array.from({ length: form.limits.requestsMin }, () => ({ body: form.exampleBody }));
      const answer = await mutate(service, 'createBatch', {
        provider: form.name,
        endpoint: form.endpoints[0],
        completionWindow: form.completionWindows[0],
        ...(form.modelPlace === 'JOB' ? { model: form.exampleModel } : {}),
        requests: { list: bodies },
        submit: 'NOW',
      });
      expect(answer).toMatchObject({ __typename: 'CreateBatchPayload', batch: { status: 'SUBMITTED' } });
    },
  );
});

describe('A provider without credentials, outside of the sandbox', () => {
  const operatorKey = 'bq_operator_0123456789';
  let live: TestService;
  beforeAll(async () => {
    live = await startTestService({ SANDBOX: '', BATCHQL_API_KEY: operatorKey });
  });
  afterAll(() => live.close());

  it.each(providers.map(({ name, settings }) => [name, settings.apiKey] as const))(
    'is UNCONFIGURED and takes no batch: %s names the setting that it lacks, %s',
    async (name, setting) => {
      const answer = await mutate(live, 'createBatch', { provider: name }, { key: operatorKey });
      expect(answer).toMatchObject({ __typename: 'ProviderNotConfiguredError', provider: name, setting });
      const { data } = await live.query(document, {}, operatorKey);
      const told = data.providers.find((one: { name: string }) => one.name === name);
      expect(told).toMatchObject({ mode: 'UNCONFIGURED', webhook: null });
      expect(told.settings[0].name).toBe(setting);
    },
  );
});

/** A line of the provider's own form, as its encoder writes it for a body of its own. */
function nativeLine({ encoding, example, endpoints }: (typeof providers)[number]): string {
  const body = JSON.stringify(example.body({ prompt: 'Hi', index: 0, model: example.model }));
  const { before, after } = encoding.envelope({ key: itemKey('a'.repeat(20), 0), endpoint: endpoints[0] });
  return before + body + after;
}

const pairs = providers.flatMap((own) =>
  providers.filter((other) => other !== own).map((other) => [own.name, other.name] as const),
);

describe('A native line', () => {
  it.each(providers.map(({ name }) => name))('is recognised by %s without being told', async (name) => {
    const provider = providers.find((one) => one.name === name)!;
    const answer = await mutate(service, 'createBatch', {
      provider: name,
      ...(provider.modelPlace === 'JOB' ? { model: provider.example.model } : {}),
      requests: { jsonl: `${nativeLine(provider)}\n` },
    });
    expect(answer.__typename).toBe('CreateBatchPayload');
  });

  it.each(pairs)(
    'of %s is refused by %s with its number and its name, unless both write alike',
    async (from, to) => {
      const [own, other] = [from, to].map((name) => providers.find((provider) => provider.name === name)!);
      if (own === undefined || other === undefined) throw new Error('there is no such provider');
      const answer = await mutate(service, 'createBatch', {
        provider: to,
        ...(other.modelPlace === 'JOB' ? { model: other.example.model } : {}),
        requests: { jsonl: `\n${nativeLine(own)}` },
      });
      if (answer.__typename === 'CreateBatchPayload') {
        // Services that speak OpenAI's wire have one form.
        expect([own.dialect.form, other.dialect.form]).toContain('{custom_id, method, url, body}');
        return;
      }
      const [issue] = answer.issues;
      expect(issue).toMatchObject({ line: 2 });
      expect(issue.message).toMatch(/^Line 2/);
      const isNamed = issue.message.includes(own.dialect.form) || issue.message.includes(own.title);
      const isAnothers = providers.some(
        ({ dialect, title }) => title !== other.title && issue.message.includes(dialect.form),
      );
      expect(
        isNamed || isAnothers || issue.message.includes('endpoint') || issue.message.includes('body'),
      ).toBe(true);
    },
  );
});

describe('A batch that its provider cannot take', () => {
  it.each(providers.filter(({ limits }) => limits.requestsMin > 1).map(({ name }) => name))(
    'because it is too small for %s is refused before anything is sent, with the least it takes',
    async (name) => {
      const { limits, example, title, modelPlace } = providers.find((provider) => provider.name === name)!;
      const list = Array.from({ length: limits.requestsMin - 1 }, (_, index) => ({
        body: example.body({ prompt: 'Hi', index, model: example.model }),
      }));
      await service.work();
      const calls = service.emulator(name).calls.length;
      const model = modelPlace === 'JOB' ? { model: example.model } : {};
      const answer = await mutate(service, 'createBatch', {
        provider: name,
        ...model,
        requests: { list },
        submit: 'NOW',
      });
      expect(answer).toMatchObject({ __typename: 'ValidationError' });
      expect(answer.issues[0].message).toContain(
        `${title} takes at least ${limits.requestsMin} requests in a job`,
      );
      await service.work();
      expect(service.emulator(name).calls).toHaveLength(calls);
    },
  );

  it.each(providers.filter(({ modelPlace }) => modelPlace === 'JOB').map(({ name }) => name))(
    'because no model is named for %s is refused, naming each request; a request may name its own',
    async (name) => {
      const { example, limits } = providers.find((provider) => provider.name === name)!;
      const body = (index: number) => example.body({ prompt: 'Hi', index, model: null });
      const list = [{ body: body(0) }, { body: body(1), model: 'one-of-its-own' }];
      const answer = await mutate(service, 'createBatch', { provider: name, requests: { list } });
      expect(answer.issues).toHaveLength(1);
      expect(answer.issues[0]).toMatchObject({ path: ['input', 'requests', 'list', '0', 'model'] });
      const filled = Array.from({ length: 2 * limits.requestsMin }, (_, index) => ({
        body: body(index),
        model: `model-${index % 2}`,
      }));
      const batch = `jobs(first: 5) { edges { node { model requestCount } } }`;
      const input = { provider: name, requests: { list: filled }, submit: 'NOW' };
      const made = await mutate(service, 'createBatch', input, { batch });
      expect(made.batch.jobs.edges.map(({ node }: { node: unknown }) => node)).toEqual([
        { model: 'model-0', requestCount: limits.requestsMin },
        { model: 'model-1', requestCount: limits.requestsMin },
      ]);
    },
  );

  it.each(providers.filter(({ modelPlace }) => modelPlace === 'NONE').map(({ name }) => name))(
    'because it names a model, which requests for %s do not have, is refused with the field',
    async (name) => {
      const answer = await mutate(service, 'createBatch', { provider: name, model: 'gpt-5-mini' });
      expect(answer.issues).toMatchObject([{ path: ['input', 'model'] }]);
    },
  );

  it.each(providers.map(({ name }) => name))(
    'because a request is for an endpoint that %s does not have is refused, whatever the word',
    async (name) => {
      const { example, modelPlace } = providers.find((provider) => provider.name === name)!;
      const body = example.body({ prompt: 'Hi', index: 0, model: example.model });
      const model = modelPlace === 'JOB' ? { model: example.model } : {};
      for (const endpoint of ['/v1/nothing', 'constructor', '__proto__', '']) {
        const input = { provider: name, ...model, requests: { list: [{ body, endpoint }] } };
        const answer = await mutate(service, 'createBatch', input);
        expect(answer.issues).toMatchObject([{ path: ['input', 'requests', 'list', '0', 'endpoint'] }]);
      }
    },
  );

  it('because a name in a body cannot be kept is refused, and nothing of it reaches the database', async () => {
    const letta = { provider: 'letta', jsonl: '{"agent_id":"agent-\\u0000","messages":[]}' };
    const openai = {
      provider: 'openai',
      jsonl: '{"customId":"a","body":{"model":"m\\u0000","messages":[{"role":"user","content":"x"}]}}',
    };
    const bedrock = {
      provider: 'bedrock',
      jsonl: '{"customId":"a","model":"m\\u0000","body":{"messages":[]}}',
    };
    for (const { provider, jsonl } of [letta, openai, bedrock]) {
      const answer = await mutate(service, 'createBatch', { provider, requests: { jsonl } });
      expect(answer).toMatchObject({ __typename: 'ValidationError' });
      expect(JSON.stringify(answer.issues)).toMatch(/without the character NUL|must be named/);
    }
  });

  it('because one line is larger than a job may be names the line, whatever else is right', async () => {
    const { example, encoding, endpoints, limits } = providers.find(({ name }) => name === 'sync')!;
    const body = example.body({ prompt: 'x'.repeat(limits.bytesMax), index: 0, model: example.model });
    const { before, after } = encoding.envelope({ key: itemKey('a'.repeat(20), 0), endpoint: endpoints[0] });
    const jsonl = `${nativeLine(providers.find(({ name }) => name === 'sync')!)}\n${before}${JSON.stringify(body)}${after}`;
    const answer = await mutate(service, 'createBatch', { provider: 'sync', requests: { jsonl } });
    expect(answer.issues).toMatchObject([{ line: 2, path: ['input', 'requests', 'jsonl', 'body'] }]);
    expect(answer.issues[0].message).toMatch(
      /takes 5\d{6} bytes as a line; sync\.so Batch API allows 4999999\./,
    );
  });
});
