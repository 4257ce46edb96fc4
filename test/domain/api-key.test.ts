/** What may be said of a key, and how its end is written on a command line. */
import { describe, expect, it } from 'vitest';
import { createApiKeyInput, momentIn, organizationNameSchema } from '../../src/domain/api-key.ts';

const now = new Date('2026-11-23T10:00:00.000Z');
const issuesOf = (input: unknown) =>
  createApiKeyInput(now)
    .safeParse(input)
    .error?.issues.map(({ message }) => message);

describe('A new key', () => {
  it('has a name, a scope and perhaps an end', () => {
    const key = { name: 'ci', scope: 'write' };
    for (const expiresAt of [undefined, null, new Date(now.getTime() + 1)]) {
      expect(issuesOf({ ...key, expiresAt })).toBeUndefined();
    }
  });

  it.each([
    [{ name: '', scope: 'read' }, 'name must be 1 to 128 characters long.'],
    [{ name: 'x'.repeat(129), scope: 'read' }, 'name must be 1 to 128 characters long.'],
    [{ name: 'ci', scope: 'owner' }, 'scope must be one of read, write, admin.'],
    [{ name: 'ci', scope: 'read', expiresAt: now }, 'expiresAt must lie in the future.'],
  ])('%j is refused: %s', (input, message) => {
    expect(issuesOf(input)).toEqual([message]);
  });

  it('has nothing that nobody reads', () => {
    expect(issuesOf({ name: 'ci', scope: 'read', batches: [] })).toHaveLength(1);
  });
});

describe('An organization', () => {
  it.each(['', 'x'.repeat(129), 'a\0b'])('cannot be called %j', (name) => {
    expect(organizationNameSchema.safeParse(name).success).toBe(false);
  });
});

describe('A moment on a command line', () => {
  it.each([
    ['12h', '2026-11-23T22:00:00.000Z'],
    ['90d', '2027-02-21T10:00:00.000Z'],
    ['2027-01-31T00:00:00+01:00', '2027-01-30T23:00:00.000Z'],
  ])('%s is %s', (text, moment) => {
    expect(momentIn(text, now)?.toISOString()).toBe(moment);
  });

  it.each(['', '0d', '-1d', '1.5h', '12', '12m', 'tomorrow', '2027-01-31', '123456d'])(
    '%j is none',
    (text) => {
      expect(momentIn(text, now)).toBeNull();
    },
  );
});
