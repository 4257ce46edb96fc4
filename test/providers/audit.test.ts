/** Runs the provider contract for every provider, and keeps the ids of its checks from changing unseen. */
import { describe, expect, test } from 'vitest';
import { auditProvider, checks } from '../../src/providers/audit.ts';
import { findProvider, providers } from '../../src/providers/registry.ts';

describe('the registry', () => {
  test('has every provider under its own name', () => {
    expect(new Set(providers.map(({ name }) => name)).size).toBe(providers.length);
    for (const provider of providers) expect(findProvider(provider.name)).toBe(provider);
  });

  test('has no provider under a name that nobody uses', () => {
    expect(findProvider('nobody')).toBeNull();
  });
});

describe('the checks', () => {
  test('have ids that are used once and are well formed', () => {
    const ids = checks.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^BQ-[A-Z]\d\d$/.test(id))).toEqual([]);
  });

  test('keep their ids, levels and titles', async () => {
    const list = checks.map(({ id, level, title }) => `${id} ${level} ${title}\n`).join('');
    await expect(list).toMatchFileSnapshot('./audit-checks.txt');
  });

  test('each cite where they come from', () => {
    expect(checks.filter(({ source }) => source === '')).toEqual([]);
  });
});

/** Questions that do not arise for a provider. */
const wholly = ['BQ-S15', 'BQ-S16'];
const unsigned = ['BQ-W02', 'BQ-W03'];
const silent = ['BQ-W01', ...unsigned, 'BQ-W04'];
const pages = ['BQ-C05', 'BQ-C06', 'BQ-C07'];
const keeping = ['BQ-K01', 'BQ-K02', 'BQ-K03'];
const notices: Readonly<Record<string, readonly string[]>> = {
  anthropic: ['BQ-L06', 'BQ-S14', ...wholly, ...silent],
  openai: ['BQ-L06', ...wholly, 'BQ-C07'],
  anyapi: ['BQ-L06', ...wholly, 'BQ-C07', ...silent],
  bedrock: [...wholly, 'BQ-R10', 'BQ-C07', 'BQ-D04', ...silent],
  xai: [
    'BQ-L02',
    'BQ-L06',
    'BQ-S13',
    'BQ-S14',
    'BQ-R02',
    'BQ-R09',
    'BQ-R10',
    ...pages,
    ...keeping,
    ...silent,
  ],
  letta: [
    ...['BQ-L02', 'BQ-L06', 'BQ-S14', ...wholly, 'BQ-R05', 'BQ-R09', 'BQ-R10'],
    ...[...pages, 'BQ-D04', ...keeping, ...unsigned],
  ],
  sync: [...wholly, 'BQ-R09', 'BQ-R10', 'BQ-D04', 'BQ-X01', 'BQ-X02', 'BQ-X03', 'BQ-X04', ...keeping],
  gemini: ['BQ-L02', 'BQ-L06', ...wholly, 'BQ-C07', 'BQ-D04'],
  mistral: ['BQ-L06', ...wholly, 'BQ-R10', 'BQ-C07', ...silent],
};

describe.each(providers.map((provider) => [provider.name, provider] as const))('%s', (name, provider) => {
  test('passes every check of the contract that concerns it', async () => {
    const { findings } = await auditProvider(provider);
    const others = findings.filter(({ verdict }) => verdict !== 'pass');
    expect(others.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(others.map(({ id }) => id)).toEqual(notices[name] ?? []);
    expect(findings.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
  });
});
