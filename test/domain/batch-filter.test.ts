/** A filter lets through exactly the batches that fit all of it. */
import { describe, expect, it } from 'vitest';
import { type BatchFilter, batchFilterTexts, passes } from '../../src/domain/batch-filter.ts';

const batch = {
  status: 'COMPLETED',
  provider: 'openai',
  createdAt: new Date('2026-11-23T10:00:00Z'),
  name: '100%_of poems',
  metadata: { team: 'search', kind: 'nightly' },
} as const;

describe('A filter of batches', () => {
  it.each<[boolean, BatchFilter]>([
    [true, {}],
    [true, { status: ['FAILED', 'COMPLETED'], provider: ['openai'] }],
    [false, { status: ['COMPLETED'], provider: ['gemini'] }],
    [true, { createdAfter: new Date('2026-11-23T09:59:59.999Z') }],
    [false, { createdBefore: new Date('2026-11-23T10:00:00Z') }],
    [true, { namePrefix: '100%_' }],
    [false, { namePrefix: '100__' }],
    [false, { namePrefix: 'Poems' }],
    [true, { metadata: { team: 'search' } }],
    [true, { metadata: { kind: 'nightly', team: 'search' } }],
    [false, { metadata: { team: 'search', kind: 'weekly' } }],
    [false, { metadata: { constructor: 'search' } }],
  ])('lets the batch through: %s, where it is %j', (through, filter) => {
    expect(passes(filter, batch)).toBe(through);
  });

  it('of a beginning lets no batch through that has no name', () => {
    expect(passes({ namePrefix: 'a' }, { ...batch, name: null })).toBe(false);
  });

  it('is refused where it could match nothing', () => {
    expect(batchFilterTexts.safeParse({ namePrefix: 'a\0' }).success).toBe(false);
    expect(batchFilterTexts.safeParse({ metadata: {} }).success).toBe(false);
    expect(batchFilterTexts.safeParse({ namePrefix: null, metadata: undefined }).success).toBe(true);
  });
});
