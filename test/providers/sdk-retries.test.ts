/**
 * Why nobody retries but us: an SDK as it comes sends a creation again when its answer was lost, and the provider then
 * has it twice. That our own clients make the call once, whichever SDK is inside, is checked for every provider by the
 * audit (BQ-S05 to BQ-S09).
 */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { afterEach, expect, test } from 'vitest';
import { createHandClock } from '../../src/clock.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { auditProvider } from '../../src/providers/audit.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { chatBody, messageBody } from '../support/documents.ts';

let emulator: Emulator;
afterEach(() => emulator.close());

const clock = createHandClock(new Date('2026-11-23T10:00:00Z'));
const loseOne = () => emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });

const createByOpenai = async (maxRetries: number) => {
  const sdk = new OpenAI({ apiKey: emulator.apiKey, baseURL: emulator.baseUrl, maxRetries, logLevel: 'off' });
  const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: chatBody('one') };
  const file = await sdk.files.create({
    file: await toFile(Buffer.from(JSON.stringify(line)), 'in.jsonl'),
    purpose: 'batch',
  });
  return sdk.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
};

const createByAnthropic = (maxRetries: number) => {
  const sdk = new Anthropic({
    baseURL: emulator.baseUrl,
    apiKey: emulator.apiKey,
    maxRetries,
    logLevel: 'off',
  });
  const { model, max_tokens } = messageBody('one');
  const params = { model, max_tokens, messages: [{ role: 'user', content: 'one' }] } as const;
  return sdk.messages.batches.create({
    requests: [{ custom_id: 'a', params: { ...params, messages: [...params.messages] } }],
  });
};

test.each([
  ['openai', openai, createByOpenai],
  ['anthropic', anthropic, createByAnthropic],
] as const)(
  '%s: a lost answer makes two batches with the retries of its SDK, and one without',
  async (_name, provider, create) => {
    emulator = await provider.emulate({ clock });
    loseOne();
    await expect(create(0)).rejects.toThrow();
    expect(await emulator.batches()).toHaveLength(1);
    loseOne();
    await create(1);
    expect(await emulator.batches()).toHaveLength(3);
    const { findings } = await auditProvider(provider, { only: ['BQ-S07'] });
    expect(findings).toMatchObject([{ verdict: 'pass' }]);
  },
);
