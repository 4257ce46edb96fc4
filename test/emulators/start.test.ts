import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { isFinalJob } from '../../src/domain/status.ts';
import { variablesOf } from '../../src/emulators/running-emulator.ts';
import type { RunningEmulators } from '../../src/emulators/start.ts';
import type { Connection, JobReport, Provider, SubmissionItem } from '../../src/providers/provider.ts';
import { findProvider, providers } from '../../src/providers/registry.ts';
import { control, startTestEmulators } from '../support/emulators.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batchql-emulators-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const { signal } = new AbortController();

/** How somebody else would be connected, who was told only the variables. */
function connectionOf(running: RunningEmulators, { name, settings }: Provider): Connection {
  const found = running.emulators.find(({ provider }) => provider.name === name);
  const variables = found === undefined ? {} : variablesOf(found);
  const value = (variable: string) => variables[variable] ?? '';
  const more = Object.entries(settings.more ?? {}).map(
    ([key, { variable }]) => [key, value(variable)] as const,
  );
  return {
    baseUrl: value(settings.baseUrl),
    apiKey: value(settings.apiKey),
    more: Object.fromEntries(more.filter(([, text]) => text !== '')),
  };
}

/** Sends as small a job as the provider takes; answers its client and the job. */
async function submitTo(running: RunningEmulators, provider: Provider, prompt = 'Say hello') {
  const [endpoint] = provider.endpoints;
  const nonce = 'emulated000000000000';
  const items = Array.from({ length: provider.limits.requestsMin }, (_, index): SubmissionItem => {
    const body = provider.example.body({
      prompt: `${prompt} ${index}`,
      index,
      model: provider.example.model,
    });
    return { key: `${nonce}-${index}`, endpoint, body: JSON.stringify(body) };
  });
  const lines = items.map((item) => {
    const { before, after } = provider.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const client = provider.connect(connectionOf(running, provider), { clock: systemClock });
  let checkpoint = null;
  const { providerJobId } = await client.submit(
    {
      jobId: `job-${nonce}`,
      nonce,
      endpoint,
      model: provider.example.model,
      completionWindow: provider.completionWindows[0],
      requestCount: items.length,
      encodedBytes: lines.reduce((sum, bytes) => sum + bytes, provider.encoding.frameBytes(items.length)),
      checkpoint: null,
      intentAt: systemClock.now(),
      callbackUrl: null,
    },
    {
      async *items() {
        yield* items;
      },
      saveCheckpoint: async (saved) => {
        checkpoint = saved;
      },
      signal,
      guard: () => {},
    },
  );
  return { client, job: { providerJobId, requestCount: items.length, checkpoint, cancelRequestedAt: null } };
}

const isOver = ({ status }: JobReport): boolean => status !== null && isFinalJob(status);

describe('emulators on one port', () => {
  let running: RunningEmulators;
  beforeAll(async () => {
    running = await startTestEmulators();
  });
  afterAll(() => running.close());

  it.each(providers.map((provider) => [provider.name, provider] as const))(
    '%s takes a job from somebody who was told its variables, and has its results once the clock was moved',
    async (name, provider) => {
      const { client, job } = await submitTo(running, provider);
      expect(isOver(await client.retrieve(job, signal))).toBe(false);
      await control(running.origin, 'POST', '/clock', { advance: { minutes: 2 } });
      const report = await client.retrieve(job, signal);
      expect(report).toMatchObject({ status: 'COMPLETED', resultsReady: true });
      const lines: string[] = [];
      for await (const chunk of client.results({ ...job, report }, null, signal)) lines.push(...chunk.lines);
      expect(lines).toHaveLength(job.requestCount);
      const { batches } = (await control(running.origin, 'GET', `/${name}/batches`)).body;
      expect(batches).toMatchObject([{ requestCount: job.requestCount, keys: { length: job.requestCount } }]);
    },
  );
});

describe('one that is started', () => {
  it('with switches plays the vendor that they describe, and tells them', async () => {
    const openai = findProvider('openai') as Provider;
    const running = await startTestEmulators({
      providers: [openai],
      switches: new Map([['openai', { cancelWhenOver: 'answered' }]]),
    });
    try {
      expect((await control(running.origin, 'GET', '')).body.providers).toMatchObject([
        { name: 'openai', switches: { cancelWhenOver: 'answered' } },
      ]);
      const { client, job } = await submitTo(running, openai);
      await control(running.origin, 'POST', '/clock', { advance: { hours: 1 } });
      const { baseUrl, apiKey } = connectionOf(running, openai);
      const cancelled = await fetch(`${baseUrl}/batches/${job.providerJobId}/cancel`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}` },
      });
      // In the position that is the default this is refused.
      expect(cancelled.status).toBe(200);
      expect(await client.retrieve(job, signal)).toMatchObject({ status: 'COMPLETED' });
    } finally {
      await running.close();
    }
  });

  it.each([
    [
      'a switch that there is not',
      { lightsOff: true },
      /^The switches of openai cannot stand so: .*"lightsOff"/,
    ],
    [
      'a position that it does not have',
      { listOrder: 'random' },
      /^The switches of openai cannot stand so: listOrder: /,
    ],
  ])('with %s says so, and leaves its port free', async (_title, positions, told) => {
    const probe = await startTestEmulators({ providers: [] });
    const port = Number(new URL(probe.origin).port);
    await probe.close();
    const switches = new Map([['openai', positions]]);
    await expect(startTestEmulators({ port, switches })).rejects.toThrow(told);
    await (await startTestEmulators({ port, providers: [] })).close();
  });

  it('in a directory has its batches and its time again after a restart', async () => {
    const place = join(directory, 'kept');
    const mistral = findProvider('mistral') as Provider;
    const first = await startTestEmulators({ directory: place });
    const { job } = await submitTo(first, mistral);
    const { body: moved } = await control(first.origin, 'POST', '/clock', { advance: { minutes: 2 } });
    await first.close();

    const second = await startTestEmulators({ directory: place });
    try {
      expect((await control(second.origin, 'GET', '/clock')).body).toEqual(moved);
      const client = mistral.connect(connectionOf(second, mistral), { clock: systemClock });
      expect(await client.retrieve(job, signal)).toMatchObject({ status: 'COMPLETED' });
    } finally {
      await second.close();
    }
  });

  it('in a directory that cannot be used says so', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    await expect(startTestEmulators({ directory: join(file, 'data') })).rejects.toThrow(
      /clock\.json cannot be used \(ENOTDIR\)/,
    );
    await writeFile(join(directory, 'clock.json'), '{"aheadSeconds": "much"}');
    await expect(startTestEmulators({ directory })).rejects.toThrow(
      /clock\.json cannot be used \(not JSON of ours\)/,
    );
  });

  it('on a port that is taken says so', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      await expect(startTestEmulators({ port })).rejects.toThrow(
        `Port ${port} is taken on 127.0.0.1; choose another with --port.`,
      );
    } finally {
      other.close();
    }
  });

  it('behind another address names that in every URL', async () => {
    const anthropic = findProvider('anthropic') as Provider;
    const running = await startTestEmulators({ publicUrl: 'http://emulators.example:4010' });
    try {
      expect(connectionOf(running, anthropic).baseUrl).toBe('http://emulators.example:4010/anthropic');
      expect(running.controlsUrl).toBe('http://emulators.example:4010/_emulate');
    } finally {
      await running.close();
    }
  });
});

describe('webhooks', () => {
  it('are asked for each second, and one that cannot be sent is told and keeps no others back', async () => {
    const openai = findProvider('openai') as Provider;
    const delivering = (name: string, deliver: () => Promise<number>): Provider => ({
      ...openai,
      name,
      emulate: async (options) => ({ ...(await openai.emulate(options)), deliver }),
    });
    const failures: unknown[] = [];
    const { promise: twice, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const running = await startTestEmulators({
      providers: [
        delivering('failing', () => Promise.reject(new Error('nobody listens'))),
        delivering('waiting', () => new Promise(() => undefined)),
        delivering('sending', async () => {
          asked += 1;
          if (asked === 2) resolve();
          return 0;
        }),
      ],
      deliveryFailed: (provider, error) => void failures.push([provider, error]),
    });
    try {
      await twice;
      expect(failures.slice(0, 1)).toEqual([['failing', new Error('nobody listens')]]);
    } finally {
      await running.close();
    }
  });
});
