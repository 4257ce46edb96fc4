import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyDelta,
  type BatchFacts,
  batchStatus,
  countsOf,
  type ItemCounts,
  type JobFacts,
  progress,
} from '../../src/domain/batch.ts';
import { batchStatuses, isTerminalBatch, itemStatuses, jobStatuses } from '../../src/domain/status.ts';

const countFields = ['pending', 'submitted', 'succeeded', 'errored', 'expired', 'cancelled'] as const;
const none = countsOf([]);
const totalOf = (counts: ItemCounts): number => countFields.reduce((sum, field) => sum + counts[field], 0);

const few = fc.oneof(fc.constant(0), fc.nat(3));
const anyCounts: fc.Arbitrary<ItemCounts> = fc.record({
  pending: few,
  submitted: few,
  succeeded: few,
  errored: few,
  expired: few,
  cancelled: few,
});
const anyJobs: fc.Arbitrary<JobFacts[]> = fc.array(
  fc.record({ status: fc.constantFrom(...jobStatuses), finalizing: fc.boolean(), validating: fc.boolean() }),
  { maxLength: 4 },
);
const anyBatch: fc.Arbitrary<BatchFacts> = fc
  .record({ open: fc.boolean(), counts: anyCounts, cancelRequested: fc.boolean(), jobs: anyJobs })
  .map((facts) => ({ ...facts, total: totalOf(facts.counts) }));

const job = (status: JobFacts['status'], rest: Partial<JobFacts> = {}): JobFacts => ({
  status,
  finalizing: false,
  validating: false,
  ...rest,
});
/** A closed batch with one item that waits for its result, and these jobs. */
const waiting = (...jobs: JobFacts[]): BatchFacts => ({
  open: false,
  total: 1,
  counts: { ...none, submitted: 1 },
  cancelRequested: false,
  jobs,
});
/** A closed batch of which every item has a result. */
const over = (counts: Partial<ItemCounts>, cancelRequested = false): BatchFacts => {
  const all = { ...none, ...counts };
  return { open: false, total: totalOf(all), counts: all, cancelRequested, jobs: [job('COMPLETED')] };
};

describe('batchStatus', () => {
  test('knows a status for whatever a batch is made of', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(batchStatuses).toContain(batchStatus(batch));
      }),
    );
  });

  test('is terminal, for a closed batch with items, exactly when every item has a result', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        fc.pre(!batch.open && batch.total > 0);
        const everyItemHasOne = batch.counts.pending + batch.counts.submitted === 0;
        expect(isTerminalBatch(batchStatus(batch))).toBe(everyItemHasOne);
      }),
    );
  });

  test('is ACCUMULATING exactly while the batch is open', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(batchStatus(batch) === 'ACCUMULATING').toBe(batch.open);
      }),
    );
  });

  test('does not depend on the order of the jobs', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(batchStatus({ ...batch, jobs: batch.jobs.toReversed() })).toBe(batchStatus(batch));
      }),
    );
  });

  test('is CANCELLED for a batch that was cancelled before it had any item', () => {
    const empty = { open: false, total: 0, counts: none, cancelRequested: true, jobs: [] };
    expect(batchStatus(empty)).toBe('CANCELLED');
  });

  test.each([
    [
      'COMPLETED',
      'one item succeeded among failures',
      over({ succeeded: 1, errored: 5, expired: 1, cancelled: 1 }),
    ],
    ['COMPLETED', 'one item succeeded before the cancellation', over({ succeeded: 1, cancelled: 5 }, true)],
    [
      'CANCELLED',
      'no item succeeded and one was cancelled on request',
      over({ cancelled: 1, expired: 5 }, true),
    ],
    ['EXPIRED', 'no item succeeded, none was cancelled, one expired', over({ expired: 1, errored: 5 })],
    ['EXPIRED', 'a cancellation came too late to cancel any item', over({ expired: 1, errored: 5 }, true)],
    [
      'EXPIRED',
      'an item was cancelled without a request, and one expired',
      over({ cancelled: 1, expired: 1 }),
    ],
    ['FAILED', 'every item failed', over({ errored: 2 })],
    ['FAILED', 'the provider cancelled every item unasked', over({ cancelled: 2 })],
    ['CANCELLING', 'cancelling was asked for', { ...waiting(job('RUNNING')), cancelRequested: true }],
    [
      'CANCELLING',
      'cancelling was asked for and results are being copied',
      { ...waiting(job('CANCELLED')), cancelRequested: true },
    ],
    ['IN_PROGRESS', 'a job runs', waiting(job('RUNNING'))],
    ['IN_PROGRESS', 'a job runs while others wait', waiting(job('CREATED'), job('RUNNING'))],
    [
      'IN_PROGRESS',
      'one job runs and another finalizes',
      waiting(job('RUNNING', { finalizing: true }), job('RUNNING')),
    ],
    ['IN_PROGRESS', 'some jobs are over while others wait', waiting(job('COMPLETED'), job('CREATED'))],
    ['IN_PROGRESS', 'one job is over while another is looked for', waiting(job('FAILED'), job('UNKNOWN'))],
    ['IN_PROGRESS', 'a job is being stopped though nobody asked us', waiting(job('CANCELLING'))],
    [
      'FINALIZING',
      'all jobs are over and results are being copied',
      waiting(job('COMPLETED'), job('EXPIRED')),
    ],
    [
      'FINALIZING',
      'the provider prepares the results',
      waiting(job('RUNNING', { finalizing: true }), job('FAILED')),
    ],
    ['VALIDATING', 'a provider is validating', waiting(job('PENDING', { validating: true }), job('CREATED'))],
    ['SUBMITTED', 'a job is being sent', waiting(job('PENDING'))],
    ['SUBMITTED', 'a job is being looked for', waiting(job('UNKNOWN'), job('CREATED'))],
    ['SUBMITTED', 'no job is planned yet', waiting()],
  ] as const)('is %s when %s', (status, _, batch) => {
    expect(batchStatus(batch)).toBe(status);
  });
});

describe('counts', () => {
  test('count each item once, under its state', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...itemStatuses)), (statuses) => {
        const counts = countsOf(statuses);
        expect(totalOf(counts)).toBe(statuses.length);
        for (const [at, status] of itemStatuses.entries()) {
          expect(counts[countFields[at]!]).toBe(statuses.filter((other) => other === status).length);
        }
      }),
    );
  });

  test('keep their total when items only change their state', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...itemStatuses), { minLength: 1 }),
        fc.nat(),
        (statuses, seed) => {
          const [from, to] = [countFields[itemStatuses.indexOf(statuses[0]!)]!, countFields[seed % 6]!];
          fc.pre(from !== to);
          const counts = countsOf(statuses);
          const changed = applyDelta(counts, { [from]: -1, [to]: 1 });
          expect(totalOf(changed)).toBe(statuses.length);
          expect(changed[from]).toBe(counts[from] - 1);
          expect(applyDelta(changed, { [to]: -1, [from]: 1 })).toEqual(counts);
        },
      ),
    );
  });

  test('stay as they are where nothing is added, and are never changed in place', () => {
    const counts = countsOf(['PENDING']);
    expect(applyDelta(counts, {})).toEqual(counts);
    applyDelta(counts, { pending: 5 });
    expect(counts.pending).toBe(1);
  });

  test('refuse to fall below zero', () => {
    expect(() => applyDelta(countsOf(['SUBMITTED']), { submitted: -2, succeeded: 2 })).toThrow(RangeError);
  });
});

describe('progress', () => {
  test('is the share of items with a result, and 1 exactly when all have one', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        fc.pre(batch.total > 0);
        const share = progress({ ...batch, status: batchStatus(batch) });
        const open = batch.counts.pending + batch.counts.submitted;
        expect(share).toBeCloseTo((batch.total - open) / batch.total);
        expect(share === 1).toBe(open === 0);
      }),
    );
  });

  test('is 0 for an open batch without items, and 1 for one that was cancelled', () => {
    expect(progress({ status: 'ACCUMULATING', counts: none, total: 0 })).toBe(0);
    expect(progress({ status: 'CANCELLED', counts: none, total: 0 })).toBe(1);
  });
});
