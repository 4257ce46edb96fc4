import { describe, expect, it } from 'vitest';
import { createHub, type Follower } from '../../src/events/hub.ts';
import { followed } from '../../src/events/stream.ts';

const hint = { organizationId: 'acme', batchId: 'one' };

/** What `next` answers if it answers at once, else `waiting`. */
const atOnce = (follower: Follower) =>
  Promise.race([follower.next(), new Promise((resolve) => setImmediate(() => resolve('waiting')))]);

describe('A follower', () => {
  it('is woken by what was announced since it last asked, once', async () => {
    const hub = createHub();
    const follower = hub.follow({ batchId: 'one' });
    hub.announce(hint);
    expect(await atOnce(follower)).toBe('moved');
    expect(await atOnce(follower)).toBe('waiting');
  });

  it('is woken while it waits', async () => {
    const hub = createHub();
    const next = hub.follow({ batchId: 'one' }).next();
    hub.announce(hint);
    expect(await next).toBe('moved');
  });

  it('that does not read holds one wake-up after ten thousand announcements, of one batch or of many', async () => {
    const hub = createHub();
    const followers = [hub.follow({ batchId: 'one' }), hub.follow({ organizationId: 'acme' })];
    for (let count = 0; count < 10_000; count += 1) {
      hub.announce(hint);
      hub.announce({ organizationId: 'acme', batchId: `batch ${count}` });
    }
    for (const follower of followers) {
      expect(await atOnce(follower)).toBe('moved');
      expect(await atOnce(follower)).toBe('waiting');
    }
  });

  it('of a batch is not woken by another batch, and of an organization not by another organization', async () => {
    const hub = createHub();
    const followers = [hub.follow({ batchId: 'one' }), hub.follow({ organizationId: 'acme' })];
    hub.announce({ organizationId: 'globex', batchId: 'two' });
    expect(await Promise.all(followers.map(atOnce))).toEqual(['waiting', 'waiting']);
    const others = [hub.follow({ batchId: 'one' }), hub.follow({ organizationId: 'acme' })];
    hub.announce({ organizationId: 'acme', batchId: 'two' });
    expect(await Promise.all(others.map(atOnce))).toEqual(['waiting', 'moved']);
  });

  it('of a key is woken by its key alone, and is none that follows batches', async () => {
    const hub = createHub();
    const follower = hub.follow({ apiKeyId: 'acme' });
    hub.announce({ organizationId: 'acme', batchId: 'acme' });
    expect(await atOnce(follower)).toBe('waiting');
    const other = hub.follow({ apiKeyId: 'acme' });
    hub.announce({ apiKeyId: 'acme' });
    expect(await atOnce(other)).toBe('moved');
    expect([hub.size, hub.isEmpty]).toEqual([0, false]);
    follower.close();
    other.close();
    expect(hub.isEmpty).toBe(true);
  });

  it('is woken when hints may have been lost, whatever it follows', async () => {
    const hub = createHub();
    const interests = [{ batchId: 'one' }, { organizationId: 'acme' }, { apiKeyId: 'key' }];
    const followers = interests.map((interest) => hub.follow(interest));
    hub.announceAll();
    expect(await Promise.all(followers.map(atOnce))).toEqual(['moved', 'moved', 'moved']);
  });

  it('that leaves ends its wait, and the hub forgets it', async () => {
    const hub = createHub();
    const follower = hub.follow({ batchId: 'one' });
    const next = follower.next();
    expect(hub.size).toBe(1);
    follower.close();
    follower.close();
    expect(hub.size).toBe(0);
    expect(await next).toBe('closed');
    expect(await follower.next()).toBe('closed');
  });
});

describe('A hub that closes', () => {
  it('ends everybody, also who comes later', async () => {
    const hub = createHub();
    const waiting = hub.follow({ batchId: 'one' }).next();
    hub.close();
    expect(await waiting).toBe('closed');
    expect(await hub.follow({ batchId: 'one' }).next()).toBe('closed');
    expect(hub.size).toBe(0);
  });
});

describe('A stream', () => {
  const waits = async function* (follower: Follower) {
    yield 'first';
    while ((await follower.next()) === 'moved') yield 'moved';
  };

  it('follows nothing before it is read', () => {
    const hub = createHub();
    followed(hub, { batchId: 'one' }, waits);
    expect(hub.size).toBe(0);
  });

  it('follows nothing when it is left before it is read', async () => {
    const hub = createHub();
    const stream = followed(hub, { batchId: 'one' }, waits);
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(hub.size).toBe(0);
  });

  it.each(['return', 'throw'] as const)('that waits is left at once by %s', async (way) => {
    const hub = createHub();
    const stream = followed(hub, { batchId: 'one' }, waits);
    expect(await stream.next()).toEqual({ done: false, value: 'first' });
    const waiting = stream.next();
    await new Promise(setImmediate);
    expect(hub.size).toBe(1);
    const reason = new Error('enough');
    await (way === 'return' ? stream.return() : expect(stream.throw(reason)).rejects.toBe(reason));
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(hub.size).toBe(0);
  });

  it('gives its place back at its end and when reading fails', async () => {
    const hub = createHub();
    const stream = followed(hub, { batchId: 'one' }, async function* (follower) {
      yield (await follower.next()) === 'moved';
      throw new Error('unreadable');
    });
    const first = stream.next();
    hub.announceAll();
    expect(await first).toEqual({ done: false, value: true });
    await expect(stream.next()).rejects.toThrow('unreadable');
    expect(hub.size).toBe(0);
  });

  it('misses nothing that is announced between a reading and the wait for the next', async () => {
    const hub = createHub();
    let version = 0;
    const stream = followed(hub, { batchId: 'one' }, async function* (follower) {
      for (;;) {
        const read = version;
        // Two commits come between what was read and the wait; neither may be slept through.
        if (read === 0) for (version = 1; version <= 2; version += 1) hub.announce(hint);
        yield read;
        await follower.next();
      }
    });
    expect(await stream.next()).toEqual({ done: false, value: 0 });
    expect(await stream.next()).toEqual({ done: false, value: 3 });
    await stream.return();
  });
});
