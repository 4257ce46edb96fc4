import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beyondHoldings,
  beyondSize,
  changedLayer,
  effectiveQuotas,
  type QuotaLayer,
  type Quotas,
  quotaLayerSchema,
} from '../../src/domain/quota.ts';

const unlimited: Quotas = {
  requestsPerBatch: null,
  bytesPerUpload: null,
  activeBatches: null,
  waitingRequests: null,
  providers: null,
};
const layers = { defaults: unlimited, plan: {}, granted: {}, own: {} };
const amounts = ['requestsPerBatch', 'bytesPerUpload', 'activeBatches', 'waitingRequests'] as const;
const anyAmount = fc.option(fc.nat(1000), { nil: null });
const anyLayer: fc.Arbitrary<QuotaLayer> = fc.record(
  {
    ...Object.fromEntries(amounts.map((name) => [name, anyAmount])),
    providers: fc.option(fc.subarray(['a', 'b', 'c']), { nil: null }),
  },
  { requiredKeys: [] },
);
const orInfinity = (amount: number | null) => amount ?? Number.POSITIVE_INFINITY;

describe('The quotas of an organization', () => {
  it("are the operator's word for it, else its plan's, else the settings'", () => {
    const defaults = { ...unlimited, activeBatches: 10 };
    expect(effectiveQuotas({ ...layers, defaults }).activeBatches).toBe(10);
    const plan = { activeBatches: 5 };
    expect(effectiveQuotas({ ...layers, defaults, plan }).activeBatches).toBe(5);
    expect(effectiveQuotas({ ...layers, defaults, plan, granted: { activeBatches: 7 } }).activeBatches).toBe(
      7,
    );
    expect(
      effectiveQuotas({ ...layers, defaults, plan, granted: { activeBatches: null } }).activeBatches,
    ).toBeNull();
  });

  it('are never more than the operator allows, whatever the organization says of itself', () => {
    fc.assert(
      fc.property(anyLayer, anyLayer, anyLayer, (plan, granted, own) => {
        const allowed = effectiveQuotas({ ...layers, plan, granted });
        const held = effectiveQuotas({ ...layers, plan, granted, own });
        for (const name of amounts) {
          expect(orInfinity(held[name])).toBe(
            Math.min(orInfinity(allowed[name]), orInfinity(own[name] ?? null)),
          );
        }
        for (const name of held.providers ?? []) {
          expect(allowed.providers ?? [name]).toContain(name);
          expect(own.providers ?? [name]).toContain(name);
        }
      }),
    );
  });

  it('change where a change says something, and nowhere else', () => {
    const layer = { activeBatches: 3, requestsPerBatch: 10 };
    expect(changedLayer(layer, { activeBatches: null, bytesPerUpload: undefined })).toEqual({
      activeBatches: null,
      requestsPerBatch: 10,
    });
  });

  it.each([{ activeBatches: -1 }, { activeBatches: 1.5 }, { batches: 1 }, { providers: [''] }])(
    '%j are none',
    (layer) => {
      expect(quotaLayerSchema.safeParse(layer).success).toBe(false);
    },
  );
});

describe('What a call brings', () => {
  const brought = { provider: 'openai', requests: 3, bytes: 100, before: 7 };

  it('is within a limit that it reaches, and beyond one that it passes', () => {
    expect(beyondSize({ ...unlimited, requestsPerBatch: 10, bytesPerUpload: 100 }, brought)).toEqual([]);
    expect(beyondSize({ ...unlimited, requestsPerBatch: 9, bytesPerUpload: 99 }, brought)).toEqual([
      { quota: 'BYTES_PER_UPLOAD', limit: 99, current: 0, requested: 100, provider: null },
      { quota: 'REQUESTS_PER_BATCH', limit: 9, current: 7, requested: 3, provider: null },
    ]);
  });

  it('is refused for a provider that is not among those allowed', () => {
    expect(beyondSize({ ...unlimited, providers: ['openai'] }, brought)).toEqual([]);
    expect(beyondSize({ ...unlimited, providers: ['xai'] }, brought)).toMatchObject([
      { quota: 'PROVIDERS', provider: 'openai' },
    ]);
  });

  it('comes on top of what the organization has: batches with all providers, requests with this one', () => {
    const quotas = { ...unlimited, activeBatches: 3, waitingRequests: 10 };
    const held = new Map([
      ['openai', { batches: 1, waiting: 8 }],
      ['xai', { batches: 2, waiting: 1000 }],
    ]);
    expect(beyondHoldings(quotas, held, 'openai', { batches: 0, waiting: 2 })).toEqual([]);
    expect(beyondHoldings(quotas, held, 'openai', { batches: 1, waiting: 3 })).toEqual([
      { quota: 'ACTIVE_BATCHES', limit: 3, current: 3, requested: 1, provider: null },
      { quota: 'WAITING_REQUESTS', limit: 10, current: 8, requested: 3, provider: 'openai' },
    ]);
  });

  it('is never refused for what it does not add', () => {
    const held = new Map([['openai', { batches: 9, waiting: 9 }]]);
    const quotas = { ...unlimited, activeBatches: 1, waitingRequests: 1 };
    expect(beyondHoldings(quotas, held, 'openai', { batches: 0, waiting: 0 })).toEqual([]);
  });
});
