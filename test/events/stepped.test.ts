/** Streams that stand at the same place, over a number that counts up: each is told from which number to which. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gathered } from '../../src/events/gathering.ts';
import { createHub } from '../../src/events/hub.ts';
import { type Step, stepped } from '../../src/events/stepped.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A number, its readings, and streams of what it was told to be. */
function counted() {
  const hub = createHub();
  let newest = 1;
  let readings = 0;
  let failure: Error | null = null;
  const read = gathered(String, async (places: readonly number[]): Promise<Step<Range, number>[]> => {
    readings += 1;
    if (failure !== null) throw failure;
    return places.map((after) => ({
      events: after === newest ? [] : [{ from: after + 1, to: newest }],
      next: newest,
    }));
  });
  return {
    hub,
    follow: () => stepped(hub, { batchId: 'one' }, 0, read),
    move() {
      newest += 1;
      hub.announce({ organizationId: 'acme', batchId: 'one' });
    },
    failWith(error: Error | null) {
      failure = error;
    },
    get newest() {
      return newest;
    },
    get readings() {
      return readings;
    },
  };
}

/** So many streams that were all told the beginning. */
async function followers(number: ReturnType<typeof counted>, count: number) {
  const streams = Array.from({ length: count }, number.follow);
  await Promise.all(streams.map((stream) => stream.next()));
  return streams;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('a thousand streams that were told the same are told what comes next by one reading, as the same object', async () => {
  const number = counted();
  const streams = await followers(number, 1000);
  for (let round = 0; round < 3; round += 1) {
    const before = number.readings;
    const told = streams.map((stream) => stream.next());
    number.move();
    const steps = await Promise.all(told);
    expect(new Set(steps.map(({ value }) => value)).size).toBe(1);
    expect(steps[0]?.value).toEqual({ from: number.newest, to: number.newest });
    expect(number.readings - before).toBe(1);
  }
});

it('those who wait are told also when the one that waits for all of them leaves, before the change or while it is read', async () => {
  const number = counted();
  const [first, second, ...others] = await followers(number, 10);
  const told = [first, second, ...others].map((stream) => stream?.next());
  await first?.return();
  number.move();
  // The second has begun to read by now.
  await Promise.resolve();
  await second?.return();
  const steps = await Promise.all(told);
  expect(steps.slice(0, 2)).toEqual([
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
  for (const step of steps.slice(2)) expect(step).toEqual({ done: false, value: { from: 2, to: 2 } });
  expect(number.hub.size).toBe(others.length);
});

it('one that did not ask for a while is told all that it missed as one, and waits with the others again', async () => {
  const number = counted();
  const [slow, ...others] = await followers(number, 5);
  for (let round = 0; round < 3; round += 1) {
    const told = others.map((stream) => stream.next());
    number.move();
    await Promise.all(told);
  }
  expect((await slow?.next())?.value).toEqual({ from: 2, to: 4 });
  const all = [slow, ...others].map((stream) => stream?.next());
  number.move();
  for (const step of await Promise.all(all)) expect(step?.value).toEqual({ from: 5, to: 5 });
});

it('a reading that fails is told to all who wait for it, and leaves nobody behind', async () => {
  const number = counted();
  const streams = await followers(number, 5);
  const told = Promise.allSettled(streams.map((stream) => stream.next()));
  number.failWith(new Error('no database'));
  number.move();
  for (const outcome of await told) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'no database' } });
  }
  expect(number.hub.size).toBe(0);
});

it('all who wait are told the end when the hub closes', async () => {
  const number = counted();
  const told = (await followers(number, 100)).map((stream) => stream.next());
  number.hub.close();
  expect(new Set((await Promise.all(told)).map(({ done }) => done))).toEqual(new Set([true]));
});

it('whatever the order of changes, askings and leavings, each is told every number once and the newest in the end', async () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('move' as const) }),
    fc.record({ kind: fc.constant('turn' as const) }),
    fc.record({ kind: fc.constant('ask' as const), who: fc.nat(5) }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat(5) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const number = counted();
      const readers = Array.from({ length: 6 }, () => {
        const stream = number.follow();
        return { stream, told: [] as Range[], asks: null as Promise<void> | null, left: false };
      });
      const ask = (reader: (typeof readers)[number]) => {
        reader.asks ??= reader.stream.next().then(({ value }) => {
          if (value) reader.told.push(value);
          reader.asks = null;
        });
        return reader.asks;
      };
      for (const each of acts) {
        if (each.kind === 'move') number.move();
        else if (each.kind === 'turn') await turn();
        else {
          const reader = readers[each.who] as (typeof readers)[number];
          if (each.kind === 'ask') ask(reader);
          else {
            reader.left = true;
            await reader.stream.return();
          }
        }
      }
      for (const reader of readers) {
        const knows = () => reader.told.at(-1)?.to ?? 0;
        while (!reader.left && knows() < number.newest) await ask(reader);
        let next = 1;
        for (const { from, to } of reader.told) {
          expect(from).toBe(next);
          next = to + 1;
        }
      }
      expect(number.hub.size).toBe(readers.filter(({ left }) => !left).length);
    }),
  );
});
