/** `batchql audit`, as an operator runs it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { runBatchql } from '../support/processes.ts';

let service: Emulator;
beforeAll(async () => {
  const pace = { validatingSeconds: 0, runningSeconds: 0, finalizingSeconds: 0, cancellingSeconds: 0 };
  service = await openai.emulate({ clock: systemClock, pace });
});
afterAll(() => service.close());

async function run(args: readonly string[], environment: Record<string, string> = {}) {
  const { exit, output } = runBatchql(['audit', ...args], environment);
  return { code: await exit, said: output() };
}

describe('batchql audit', () => {
  it('prints a line for each check with its id, and exits with 0 where all hold', async () => {
    const { code, said } = await run(['letta', '--only', 'BQ-L03,BQ-L06,BQ-W01']);
    expect(said).toMatch(/✓ BQ-L03 MUST {3}Our own line/);
    expect(said).toMatch(/· BQ-L06 MUST .*\n {2}this provider takes a single request/);
    expect(said).toContain('2 hold, 1 do not arise or only should, 0 fail.');
    expect(code).toBe(0);
  });

  it('asks a real service with its key and the flag, for one small job, and says how it goes', async () => {
    const environment = { OPENAI_API_KEY: service.apiKey, OPENAI_BASE_URL: service.baseUrl };
    const { code, said } = await run(['openai', '--live'], environment);
    expect(said).toContain('OpenAI Batch API, for real: one job of 2 requests');
    expect(said).toContain('9 hold, 0 do not arise or only should, 0 fail.');
    expect(code).toBe(0);
    expect(await service.batches()).toMatchObject([{ requestCount: 2 }]);
    const { said: oneOf } = await run(['openai', '--live', '--only', 'BQ-C01'], environment);
    expect(oneOf).toContain('1 hold, 0 do not arise or only should, 0 fail.');
  });

  it('asks the emulator without the flag although the key is set, and tells of the flag', async () => {
    const environment = { OPENAI_API_KEY: service.apiKey, OPENAI_BASE_URL: service.baseUrl };
    const before = service.calls.length;
    const { said } = await run(['openai', '--only', 'BQ-L04'], {
      ...environment,
      DATABASE_URL: 'postgres://x/y',
    });
    expect(said).toContain('OPENAI_API_KEY is set: --live asks the real service');
    expect(service.calls).toHaveLength(before);
  });

  it.each([
    [['nobody'], {}, 'There is no provider nobody; known are anthropic, openai, '],
    [['openai', '--only', 'BQ-L99'], {}, 'There is no check BQ-L99.'],
    [['openai', '--live'], {}, "must come with a provider's key"],
    [['openai', '--live'], { XAI_API_KEY: 'k' }, 'OPENAI_API_KEY must be set for --live.'],
    [
      ['openai', '--live'],
      { OPENAI_API_KEY: 'sk-wrong-key', OPENAI_BASE_URL: '' },
      'The service could not be audited: ',
    ],
  ])('refuses %j with %j in one sentence, and exits with 1', async (args, environment, sentence) => {
    const filled =
      'OPENAI_BASE_URL' in environment ? { ...environment, OPENAI_BASE_URL: service.baseUrl } : environment;
    const { code, said } = await run(args, filled);
    expect(said).toContain(sentence);
    expect(said).not.toContain('sk-wrong-key');
    expect(said).not.toContain('    at ');
    expect(code).toBe(1);
  });
});
