import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterFailedDeletion,
  deletionRefusal,
  filesOnceCollected,
  providerFilesStates,
} from '../../src/domain/provider-files.ts';
import { batchStatuses, isTerminalBatch } from '../../src/domain/status.ts';

describe('What a provider keeps', () => {
  it('can be deleted exactly when the batch is over', () => {
    for (const status of batchStatuses) {
      expect(deletionRefusal(status) === null).toBe(isTerminalBatch(status));
    }
  });

  it('is deleted once all results are here if it was to be, never where they are lost, and never unasked', () => {
    for (const state of providerFilesStates) {
      expect(filesOnceCollected(state, { isLost: false })).toBe(state);
      expect(filesOnceCollected(state, { isLost: true })).toBe(state === 'DELETING' ? 'KEPT' : state);
    }
  });

  it('is tried again while the failure may pass, and not for ever', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(10_000), (mayPass, failures) => {
        const next = afterFailedDeletion({ mayPass, failures });
        if (!mayPass) expect(next).toBe('FAILED');
        if (next === 'FAILED') {
          expect(afterFailedDeletion({ mayPass, failures: failures + 1 })).toBe('FAILED');
        }
      }),
    );
    expect(afterFailedDeletion({ mayPass: true, failures: 1 })).toBe('DELETING');
    expect(afterFailedDeletion({ mayPass: true, failures: 10_000 })).toBe('FAILED');
  });
});
