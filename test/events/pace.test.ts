import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createHub } from '../../src/events/hub.ts';
import { Pace, type SetTimer } from '../../src/events/pace.ts';

/** A timer that runs out when the test says so. */
function handTimer() {
  let due: (() => void) | null = null;
  const setTimer: SetTimer = (work) => {
    due = work;
    return {
      cancel: () => {
        due = null;
      },
    };
  };
  return {
    setTimer,
    get runs() {
      return due !== null;
    },
    runOut() {
      const work = due;
      due = null;
      work?.();
    },
  };
}

it('what is paced is done at once after a quiet time, once an interval at the most, and always after the last wish', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('ask', 'interval')), (steps) => {
      const timer = handTimer();
      let done = 0;
      let wished = 0;
      let servedBy = 0;
      const pace = new Pace(
        () => {
          done += 1;
          servedBy = wished;
        },
        100,
        timer.setTimer,
      );
      let intervals = 0;
      for (const step of steps) {
        if (step === 'ask') {
          const isQuiet = !timer.runs;
          wished += 1;
          pace.ask();
          if (isQuiet) expect(servedBy).toBe(wished);
        } else {
          intervals += 1;
          timer.runOut();
        }
        expect(done).toBeLessThanOrEqual(intervals + 1);
      }
      timer.runOut();
      expect(servedBy).toBe(wished);
    }),
  );
});

it('a pace that is closed does nothing more, and keeps no timer', () => {
  const timer = handTimer();
  let done = 0;
  const pace = new Pace(() => (done += 1), 100, timer.setTimer);
  pace.ask();
  pace.ask();
  pace.close();
  expect(timer.runs).toBe(false);
  timer.runOut();
  expect(done).toBe(1);
});

it('subscribers of one thing are woken together at the pace, those who wait for an answer at once, and nothing is kept of who left', async () => {
  const timer = handTimer();
  const hub = createHub({ intervalMilliseconds: 100, setTimer: timer.setTimer });
  const woken: string[] = [];
  const follow = (name: string, how: 'at once' | 'paced') => {
    const follower = hub.follow({ batchId: 'one' }, how);
    const wait = async () => {
      while ((await follower.next()) === 'moved') woken.push(name);
    };
    void wait();
    return follower;
  };
  const followers = [follow('page', 'paced'), follow('list', 'paced'), follow('sync', 'at once')];
  const settled = () => new Promise(setImmediate);
  const hint = { organizationId: 'acme', batchId: 'one' };
  hub.announce(hint);
  await settled();
  expect(woken.splice(0)).toEqual(['sync', 'page', 'list']);
  hub.announce(hint);
  hub.announceAll();
  await settled();
  expect(woken.splice(0)).toEqual(['sync', 'sync']);
  timer.runOut();
  await settled();
  expect(woken.splice(0)).toEqual(['page', 'list']);
  for (const follower of followers) follower.close();
  expect([hub.isEmpty, timer.runs]).toEqual([true, false]);
});
