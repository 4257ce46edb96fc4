/** Guessing keys is slow, and costs a bounded memory; those who have good ones are not in the way. */
import { describe, expect, it } from 'vitest';
import { createHandClock } from '../../src/clock.ts';
import { createSignInGuard } from '../../src/rates/sign-in-guard.ts';
import { hashOfKey } from '../../src/sign-in.ts';

const start = new Date('2026-11-23T10:00:00.000Z');
const wrong = async () => null;
const good = async () => 'owner';
const refusal = { code: 'RATE_LIMITED', limit: 3 };

describe('A guard of sign-in', () => {
  it('counts each address for itself, and all anew in the next minute', async () => {
    const clock = createHandClock(start);
    const guard = createSignInGuard(clock, 3);
    const guess = (address: string, key: string) => guard.trying(address, hashOfKey(key), wrong);
    for (const key of ['a', 'b', 'c']) expect(await guess('192.0.2.1', key)).toBeNull();
    await expect(guess('192.0.2.1', 'd')).rejects.toMatchObject(refusal);
    expect(await guess('192.0.2.2', 'd')).toBeNull();
    clock.advance({ seconds: 60 });
    expect(await guess('192.0.2.1', 'd')).toBeNull();
  });

  it('does not count good keys, and looks up one that was good before whoever guesses beside it', async () => {
    const guard = createSignInGuard(createHandClock(start), 3);
    for (let count = 0; count < 10; count += 1)
      expect(await guard.trying('192.0.2.1', hashOfKey('good'), good)).toBe('owner');
    for (const key of ['a', 'b', 'c']) await guard.trying('192.0.2.1', hashOfKey(key), wrong);
    expect(await guard.trying('192.0.2.1', hashOfKey('good'), good)).toBe('owner');
    // Once it is taken back, it is one of the wrong ones.
    expect(await guard.trying('192.0.2.1', hashOfKey('good'), wrong)).toBeNull();
    await expect(guard.trying('192.0.2.1', hashOfKey('good'), wrong)).rejects.toMatchObject(refusal);
  });

  it('does not count what could not be looked up', async () => {
    const guard = createSignInGuard(createHandClock(start), 3);
    const away = () => Promise.reject(new Error('the database is away'));
    for (let count = 0; count < 10; count += 1)
      await expect(guard.trying('192.0.2.1', hashOfKey('any'), away)).rejects.toThrow('away');
  });

  it('tells ten thousand addresses apart in a minute, and counts all others as one', async () => {
    const guard = createSignInGuard(createHandClock(start), 3);
    const guess = (address: string) => guard.trying(address, hashOfKey(address), wrong);
    for (let count = 0; count < 10_003; count += 1) await guess(`address ${count}`);
    await expect(guess('one more')).rejects.toMatchObject(refusal);
    expect(await guess('address 0')).toBeNull();
  });
});
