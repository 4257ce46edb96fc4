import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { marksIn, providerJobIdSchema } from '../../src/domain/provider-job.ts';
import { personReasons } from '../../src/domain/recovery.ts';
import {
  type JobResolution,
  personReasonOf,
  resolveJobInput,
  standsAgainst,
} from '../../src/domain/resolution.ts';
import { jobStatuses } from '../../src/domain/status.ts';

const sendBefore = new Date('2026-01-01T00:10:00Z');
const arrived = { now: new Date('2026-01-01T00:11:00Z'), requestTimeoutSeconds: 60 };
const waiting = {
  status: 'UNKNOWN',
  dueAt: null,
  sendBefore,
  evidence: { needsPerson: 'unsearchable' },
} as const;
const resolutions = [
  { kind: 'PROVIDER_JOB', providerJobId: 'batch_1' },
  { kind: 'NOT_CREATED' },
  { kind: 'GIVEN_UP' },
] as const satisfies readonly JobResolution[];
const [named, notCreated, givenUp] = resolutions;

describe('A job needs a person', () => {
  test.each(personReasons)('when it is UNKNOWN, nothing is due, and its evidence says %s', (reason) => {
    expect(personReasonOf({ ...waiting, evidence: { needsPerson: reason } })).toBe(reason);
    expect(personReasonOf({ ...waiting, evidence: { needsPerson: reason }, dueAt: sendBefore })).toBeNull();
  });

  test.each(jobStatuses.filter((status) => status !== 'UNKNOWN'))('never when it is %s', (status) => {
    expect(personReasonOf({ ...waiting, status })).toBeNull();
  });

  test('for no reason that nobody knows', () => {
    expect(personReasonOf({ ...waiting, evidence: { needsPerson: 'boredom' } })).toBeNull();
    expect(personReasonOf({ ...waiting, evidence: null })).toBeNull();
  });
});

describe('What stands against settling a job', () => {
  test('is nothing where it waits for a person and everything that was sent has arrived', () => {
    for (const resolution of resolutions) expect(standsAgainst(waiting, resolution, arrived)).toBeNull();
  });

  test.each(jobStatuses.filter((status) => status !== 'UNKNOWN'))('is that it is %s', (status) => {
    for (const resolution of resolutions) {
      expect(standsAgainst({ ...waiting, status }, resolution, arrived)).toContain(`The job is ${status}`);
    }
  });

  test('does not depend on a search where nothing is sent by it', () => {
    const searched = { ...waiting, dueAt: sendBefore, evidence: null };
    for (const resolution of [named, givenUp])
      expect(standsAgainst(searched, resolution, arrived)).toBeNull();
    expect(standsAgainst(searched, notCreated, arrived)).toContain('still being looked for');
  });

  test('of what was created twice it cannot be said that it was not created', () => {
    const twice = { ...waiting, evidence: { needsPerson: 'duplicates' } };
    expect(standsAgainst(twice, notCreated, arrived)).toContain('more than one batch');
    expect(standsAgainst(twice, named, arrived)).toBeNull();
  });

  test('before what was sent has arrived, or cannot any more, it cannot be sent again', () => {
    fc.assert(
      fc.property(fc.integer({ min: -700, max: 700 }), fc.nat(600), (seconds, requestTimeoutSeconds) => {
        const now = new Date(sendBefore.getTime() + seconds * 1000);
        const problem = standsAgainst(waiting, notCreated, { now, requestTimeoutSeconds });
        expect(problem === null).toBe(seconds >= requestTimeoutSeconds);
      }),
    );
  });
});

describe('What a person says of a job', () => {
  const read = (resolution: unknown) => resolveJobInput.safeParse({ resolution });

  test('is one of three things', () => {
    expect(read({ providerJobId: 'batch_1' }).data?.resolution).toEqual(named);
    expect(read({ notCreated: true }).data?.resolution).toEqual(notCreated);
    expect(read({ giveUp: true }).data?.resolution).toEqual(givenUp);
  });

  test.each([
    {},
    { notCreated: false },
    { giveUp: false },
    { notCreated: true, giveUp: true },
    { providerJobId: 'batch_1', giveUp: true },
    { forget: true },
  ])('is never %j', (resolution) => {
    expect(read(resolution).success).toBe(false);
  });
});

describe('The provider’s id of a batch', () => {
  test.each([
    'batch_68f1c2',
    'msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d',
    'batches/k2x9-1',
    'arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abc123',
    '0199c3b2-7d5f-7e21-8f3a-0d2c7c2b9a11',
  ])('may be %s', (id) => {
    expect(providerJobIdSchema.safeParse(id).success).toBe(true);
  });

  test.each([
    '',
    ' batch',
    '../files/1',
    'a/../b',
    '/batches',
    'a?b',
    'a#b',
    'a%2e',
    'a\nb',
    'é',
    'a'.repeat(513),
  ])('may not be %j, of which an address could be made that leads elsewhere', (id) => {
    expect(providerJobIdSchema.safeParse(id).success).toBe(false);
  });
});

test('The marks in a provider’s answer are the words that are as long as a nonce or the end of a callback’s path', () => {
  const nonce = 'abcdefghij0123456789';
  const token = '0123456789abcdef0123456789abcdef';
  const raw = JSON.stringify({
    id: 'batch_1',
    displayName: `batchql-${nonce}`,
    callback: `https://a.test/callbacks/letta/${token}`,
  });
  expect(marksIn(raw)).toEqual([nonce, token]);
  expect(marksIn(`${raw}${raw}`)).toEqual([nonce, token]);
  expect(marksIn('')).toEqual([]);
});
