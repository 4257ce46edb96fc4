import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, itemsArePending, jobEdges, mayMove, workOf } from '../../src/domain/job.ts';
import { providerFilesStates } from '../../src/domain/provider-files.ts';
import { isFinalJob, type JobStatus, jobStatuses } from '../../src/domain/status.ts';

const statuses = fc.constantFrom(...jobStatuses);
/** What a provider can report: never that a job was planned or is being looked for. */
const reports = fc.constantFrom(
  ...jobStatuses.filter((status) => status !== 'CREATED' && status !== 'UNKNOWN'),
);

describe('the edges of a job', () => {
  test('lead out of every state that is not final, to other states, each named once', () => {
    for (const from of jobStatuses) {
      const targets: readonly JobStatus[] = jobEdges[from];
      expect(targets.length > 0).toBe(!isFinalJob(from));
      expect(targets).not.toContain(from);
      expect(new Set(targets).size).toBe(targets.length);
      for (const to of jobStatuses) expect(mayMove(from, to)).toBe(targets.includes(to));
    }
  });

  test('reach every state from CREATED, and an end from every state', () => {
    const reachable = (from: JobStatus): Set<JobStatus> => {
      const seen = new Set([from]);
      for (const status of seen) for (const to of jobEdges[status]) seen.add(to);
      return seen;
    };
    expect(reachable('CREATED').size).toBe(jobStatuses.length);
    for (const from of jobStatuses) expect([...reachable(from)].some(isFinalJob)).toBe(true);
  });

  test('lead to CREATED only from states in which it can be known that nothing was created', () => {
    expect(jobStatuses.filter((from) => mayMove(from, 'CREATED'))).toEqual(['PENDING', 'UNKNOWN']);
  });

  test('lead from CREATED to the provider only by way of a written intent', () => {
    expect(jobEdges.CREATED.filter((to) => !isFinalJob(to))).toEqual(['PENDING']);
  });

  test('lead to UNKNOWN from every state in which a job may be at its provider, and from no final one', () => {
    const before = jobStatuses.filter((from) => mayMove(from, 'UNKNOWN'));
    expect(before).toEqual(['PENDING', 'RUNNING', 'CANCELLING']);
  });
});

describe('advance', () => {
  test('only ever moves along an edge, or not at all', () => {
    fc.assert(
      fc.property(statuses, fc.option(statuses), (current, reported) => {
        const next = advance(current, reported);
        expect(next === current || mayMove(current, next)).toBe(true);
        expect(next === current || next === reported).toBe(true);
      }),
    );
  });

  test('comes to the same state in whatever order reports short of the end arrive, and never goes back', () => {
    const early = fc.constantFrom('PENDING', 'RUNNING', 'CANCELLING', null);
    fc.assert(
      fc.property(fc.array(early, { maxLength: 6 }), fc.nat(), (reported, seed) => {
        const rotated = reported.map((_, at) => reported[(at + seed) % reported.length]!);
        expect(rotated.reduce<JobStatus>(advance, 'PENDING')).toBe(
          reported.reduce<JobStatus>(advance, 'PENDING'),
        );
        for (const status of reported)
          if (status) expect(advance(advance('PENDING', status), 'PENDING')).toBe(status);
      }),
    );
  });

  test('keeps the first final state, whatever is reported after it', () => {
    fc.assert(
      fc.property(fc.array(reports), (reported) => {
        const expected = reported.find((status) => isFinalJob(status));
        const end = reported.reduce<JobStatus>(advance, 'RUNNING');
        expect(isFinalJob(end) ? end : undefined).toBe(expected);
      }),
    );
  });

  test('adopts a job that was being looked for in any state in which it is found', () => {
    fc.assert(
      fc.property(reports, (reported) => {
        expect(advance('UNKNOWN', reported)).toBe(reported);
      }),
    );
  });

  test('changes nothing for a word we do not know, and nothing for a job that was never sent', () => {
    fc.assert(
      fc.property(statuses, reports, (current, reported) => {
        expect(advance(current, null)).toBe(current);
        expect(advance('CREATED', reported)).toBe('CREATED');
      }),
    );
  });
});

test('items count as pending only while their job waits to be sent', () => {
  expect(jobStatuses.filter(itemsArePending)).toEqual(['CREATED']);
});

describe('workOf', () => {
  const job = {
    providerJobId: 'batch_1',
    collected: false,
    resultsWaiting: false,
    providerFiles: 'KEPT',
  } as const;

  test.each([
    ['CREATED', 'submit'],
    ['PENDING', 'poll'],
    ['UNKNOWN', 'recover'],
    ['RUNNING', 'poll'],
    ['CANCELLING', 'poll'],
    ['COMPLETED', 'collect'],
    ['FAILED', 'collect'],
    ['CANCELLED', 'collect'],
    ['EXPIRED', 'collect'],
  ] as const)('gives a job that is %s the work "%s"', (status, work) => {
    expect(workOf({ ...job, status })).toBe(work);
  });

  test("recovers a job whose sender died before it had a provider's id", () => {
    expect(workOf({ ...job, status: 'PENDING', providerJobId: null })).toBe('recover');
  });

  test("looks at the provider's id only while the job is PENDING", () => {
    for (const status of jobStatuses.filter((other) => other !== 'PENDING')) {
      expect(workOf({ ...job, status, providerJobId: null })).toBe(workOf({ ...job, status }));
    }
  });

  test('copies the results that wait of a job that its provider works on before it polls again', () => {
    const waiting = jobStatuses.filter((status) => !isFinalJob(status));
    const collected = waiting.filter(
      (status) => workOf({ ...job, status, resultsWaiting: true }) === 'collect',
    );
    expect(collected).toEqual(['RUNNING', 'CANCELLING']);
  });

  test('leaves a job in peace exactly when it is final and collected, and nothing of it is to be deleted', () => {
    fc.assert(
      fc.property(
        fc.record({
          status: statuses,
          providerJobId: fc.option(fc.string()),
          collected: fc.boolean(),
          resultsWaiting: fc.boolean(),
          providerFiles: fc.constantFrom(...providerFilesStates),
        }),
        (any) => {
          const isDone = isFinalJob(any.status) && any.collected;
          expect(workOf(any) === null).toBe(isDone && any.providerFiles !== 'DELETING');
          expect(workOf(any) === 'delete').toBe(isDone && any.providerFiles === 'DELETING');
        },
      ),
    );
  });

  test('settles the items of a job that ended before it existed at the provider', () => {
    expect(workOf({ ...job, status: 'FAILED', providerJobId: null })).toBe('collect');
  });
});
