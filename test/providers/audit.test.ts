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
const notices: Readonly<Record<string, readonly string[]>> = {
  anthropic: ['BQ-S14'],
  openai: ['BQ-C07'],
  mistral: ['BQ-R10', 'BQ-C07'],
  anyapi: ['BQ-C07'],
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
