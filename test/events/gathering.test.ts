import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Scope, sightOf, workerScope } from '../../src/domain/scope.ts';
import { gathered, ofEachSight } from '../../src/events/gathering.ts';

const ofOrganization = (organizationId: string, apiKeyId: string, batchIds?: readonly string[]): Scope => ({
  kind: 'organization',
  organizationId,
  apiKeyId,
  access: 'read',
  grant: batchIds === undefined ? null : { batchIds },
});

it('those who ask for the same in one turn are answered by one reading, with the very same object', async () => {
  const read: string[][] = [];
  const ask = gathered(
    (key: string) => key,
    async (keys) => {
      read.push([...keys]);
      return keys.map((key) => ({ key }));
    },
  );
  const [first, second, other] = await Promise.all([ask('one'), ask('one'), ask('two')]);
  expect(read).toEqual([['one', 'two']]);
  expect(first).toBe(second);
  expect(other).toEqual({ key: 'two' });
});

it('a reading begins after everybody it answers has asked, so nobody is told less than there was by then', async () => {
  let committed = 0;
  const begun = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  const ask = gathered(
    (key: string) => key,
    async (keys) => {
      const seen = committed;
      begun.resolve();
      await mayAnswer.promise;
      return keys.map(() => seen);
    },
  );
  const early = ask('one');
  committed = 1;
  await begun.promise;
  committed = 2;
  const late = ask('one');
  mayAnswer.resolve();
  expect(await Promise.all([early, late])).toEqual([1, 2]);
});

it('a reading that fails fails those who asked for it, and nobody who asks afterwards', async () => {
  let fails = true;
  const ask = gathered(
    (key: string) => key,
    async (keys) => {
      if (fails) throw new Error('unreadable');
      return keys;
    },
  );
  const failed = await Promise.allSettled([ask('one'), ask('two')]);
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await ask('one')).toBe('one');
});

it('whoever asks, each statement is for those who may see the same, and each is answered what it asked for', async () => {
  const scopes = fc.constantFrom(
    workerScope,
    ofOrganization('acme', 'one'),
    ofOrganization('acme', 'two'),
    ofOrganization('globex', 'three'),
    ofOrganization('acme', 'one', ['a', 'b']),
    ofOrganization('acme', 'two', ['b', 'a']),
    ofOrganization('acme', 'one', ['a']),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ scope: scopes, id: fc.nat(3) })), async (asked) => {
      const ask = gathered(
        ({ scope, id }: { scope: Scope; id: number }) => JSON.stringify([sightOf(scope), id]),
        ofEachSight(async (scope, keys: readonly { scope: Scope; id: number }[]) => {
          for (const key of keys) expect(sightOf(key.scope)).toBe(sightOf(scope));
          return keys.map(({ id }) => `${sightOf(scope)} ${id}`);
        }),
      );
      expect(await Promise.all(asked.map(ask))).toEqual(
        asked.map(({ scope, id }) => `${sightOf(scope)} ${id}`),
      );
    }),
  );
});
