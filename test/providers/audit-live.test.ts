/** The checks that a real service can be asked, asked of emulators that are reached as a service would be. */
import { describe, expect, test } from 'vitest';
import { createHandClock } from '../../src/clock.ts';
import { auditService } from '../../src/providers/audit.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';

/** Audits as `--live` does; waiting turns the clock. */
async function auditLive(provider: Provider, changed: Provider = provider) {
  const clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  const emulator = await provider.emulate({ clock });
  try {
    const { findings } = await auditService({
      provider: changed,
      connection: emulator,
      clock,
      nonce: 'live0000000000000000',
      wait: async (seconds) => clock.advance({ seconds }),
    });
    return { findings, batches: await emulator.batches() };
  } finally {
    await emulator.close();
  }
}

const verdicts = (findings: readonly { id: string; verdict: string }[], verdict: string): string[] =>
  findings.filter((finding) => finding.verdict === verdict).map(({ id }) => id);

describe.each(providers.map((provider) => [provider.name, provider] as const))(
  '%s, asked for real',
  (_name, provider) => {
    test('passes every check that needs no faults, for the price of one job of the fewest requests', async () => {
      const { findings, batches } = await auditLive(provider);
      expect(verdicts(findings, 'fail')).toEqual([]);
      expect(findings).toHaveLength(9);
      expect(batches.map(({ requestCount }) => requestCount)).toEqual([
        Math.max(2, provider.limits.requestsMin),
      ]);
    });
  },
);

describe('A service that does not do what the contract says', () => {
  test('fails the checks of just that', async () => {
    const forgetful: Provider = {
      ...openai,
      connect: (connection, services) => ({ ...openai.connect(connection, services), find: async () => [] }),
      decoding: { ...openai.decoding, readText: () => null },
    };
    const { findings } = await auditLive(openai, forgetful);
    expect(verdicts(findings, 'fail')).toEqual(['BQ-F01', 'BQ-D01']);
  });

  test('ends the waiting with what the caller of it throws', async () => {
    const clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
    const emulator = await openai.emulate({ clock });
    const audit = auditService({
      provider: openai,
      connection: emulator,
      clock,
      nonce: 'live0000000000000000',
      wait: async () => {
        throw new Error('long enough');
      },
    });
    await expect(audit).rejects.toThrow('long enough');
    await emulator.close();
  });
});
