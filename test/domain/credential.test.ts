/** Which of an organization's credentials is used, what it is said to be doing, and what may be said of a new one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addCredentialInput,
  chosenOf,
  credentialStatus,
  lastFourOf,
  refusesCredential,
} from '../../src/domain/credential.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 23) + seconds * 1000);

describe('The credential that a new batch uses', () => {
  const moments = fc.option(fc.nat({ max: 3 }).map(at), { nil: null });
  const candidates = fc
    .array(fc.record({ createdAt: fc.nat({ max: 3 }).map(at), failingSince: moments, revokedAt: moments }), {
      maxLength: 6,
    })
    .map((rows) => rows.map((row, index) => ({ ...row, id: `id-${index}` })));

  it('is never a revoked one, and one that fails only where none works; of these the newest', () => {
    fc.assert(
      fc.property(candidates, (rows) => {
        const chosen = chosenOf(rows);
        const usable = rows.filter(({ revokedAt }) => revokedAt === null);
        const working = usable.filter(({ failingSince }) => failingSince === null);
        const among = working.length > 0 ? working : usable;
        if (among.length > 0) expect(among).toContain(chosen);
        else expect(chosen).toBeNull();
        for (const { createdAt } of among)
          expect(chosen?.createdAt.getTime()).toBeGreaterThanOrEqual(+createdAt);
        // Whatever the order in which they are read.
        expect(chosenOf(rows.toReversed())).toBe(chosen);
      }),
    );
  });
});

it.each([
  [{ lastUsedAt: null, failingSince: null, revokedAt: null }, 'UNTRIED'],
  [{ lastUsedAt: at(0), failingSince: null, revokedAt: null }, 'WORKING'],
  [{ lastUsedAt: at(0), failingSince: at(1), revokedAt: null }, 'FAILING'],
  [{ lastUsedAt: null, failingSince: at(1), revokedAt: null }, 'FAILING'],
  [{ lastUsedAt: at(0), failingSince: at(1), revokedAt: at(2) }, 'REVOKED'],
])('%j is %s', (state, status) => {
  expect(credentialStatus(state)).toBe(status);
});

it('A key is told by its last characters only where they leave nearly all of it unsaid', () => {
  expect(lastFourOf('sk-0123456789abcdef')).toBe('cdef');
  expect(lastFourOf('0123456789abcde')).toBeNull();
});

it.each([
  [{ status: 401, code: 'invalid_api_key' }, true],
  [{ status: 403, code: 'unrecognized_client_exception' }, true],
  [{ status: 403, code: 'access_denied_exception' }, false],
  [{ status: 404, code: 'not_found' }, false],
  [{ status: null, code: 'connection_failed' }, false],
])('Whether %j is said of who asks: %s', (failure, isOfAsker) => {
  expect(refusesCredential(failure)).toBe(isOfAsker);
});

describe('What is said of a new credential', () => {
  const good = { provider: 'openai', name: 'ours', apiKey: 'sk-secret' };
  const messagesOf = (input: object) =>
    addCredentialInput.safeParse(input).error?.issues.map(({ message }) => message);

  it.each([
    [{ apiKey: '' }, 'apiKey must be 1 to 4096 ASCII characters, without spaces.'],
    [{ apiKey: 'S3CRET two' }, 'apiKey must be 1 to 4096 ASCII characters, without spaces.'],
    [{ apiKey: 'x'.repeat(4097) }, 'apiKey must be 1 to 4096 ASCII characters, without spaces.'],
    [{ name: '' }, 'name must be 1 to 128 characters long.'],
    [
      { settings: [{ name: 'webhookSecret', value: 'S3CRET'.repeat(3000) }] },
      'value must be 1 to 16384 characters long.',
    ],
  ])('is refused in one sentence that quotes nothing: %j', (change, message) => {
    expect(messagesOf({ ...good, ...change })).toEqual([message]);
  });

  it('needs no settings, and has nothing that nobody reads', () => {
    expect(addCredentialInput.parse(good)).toMatchObject({ settings: [] });
    expect(messagesOf({ ...good, baseUrl: 'http://10.0.0.1' })).toHaveLength(1);
  });
});
