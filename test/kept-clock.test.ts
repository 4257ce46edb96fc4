/** A clock that is kept at the time of another: what it makes of the answers that it gets, and of those it does not. */
import { afterEach, describe, expect, it } from 'vitest';
import { createHandClock, type HandClock, startStopwatch } from '../src/clock.ts';
import { type KeptClock, openKeptClock } from '../src/kept-clock.ts';
import { createLogger } from '../src/log.ts';

const start = new Date('2026-11-29T00:59:00.000Z');
const inSeconds = (seconds: number) => new Date(start.getTime() + seconds * 1000);

let opened: KeptClock | null = null;
let logged: string[] = [];
afterEach(() => {
  opened?.close();
  logged = [];
});

/** A clock on a machine whose own stands at `start`, kept at one that is `ahead`; each way takes so many seconds. */
async function open(ahead: number, ways: readonly number[] = [0, 0, 0]) {
  const machine = createHandClock(start);
  const answers = { ahead, ways: [...ways] };
  const ask = async () => {
    const way = answers.ways.shift() ?? 0;
    if (Number.isNaN(way)) throw new Error('nobody answers');
    machine.advance({ seconds: way });
    const told = new Date(machine.now().getTime() + answers.ahead * 1000);
    machine.advance({ seconds: way });
    return told;
  };
  const log = createLogger({ level: 'info', destination: { write: (line) => void logged.push(line) } });
  opened = await openKeptClock({ ask, log }, machine);
  return { clock: opened, machine, answers };
}

const difference = (clock: KeptClock, machine: HandClock): number =>
  (clock.now().getTime() - machine.now().getTime()) / 1000;

describe('A kept clock', () => {
  it.each([600, -600, 0])('shows the other time on a machine that is %i seconds behind it', async (ahead) => {
    const { clock, machine } = await open(ahead);
    expect(clock.now()).toEqual(inSeconds(ahead));
    machine.advance({ minutes: 2 });
    expect(clock.now()).toEqual(inSeconds(ahead + 120));
  });

  it('says aloud how far the machine is off, once', async () => {
    const { clock } = await open(-600);
    await clock.measure();
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'warn', seconds: -600 }),
    ]);
    logged = [];
    await open(1);
    expect(logged).toEqual([]);
  });

  it('believes the quickest of its first answers, because the others waited for something', async () => {
    const asymmetric = await open(60, [5, 0, 3]);
    expect(difference(asymmetric.clock, asymmetric.machine)).toBe(60);
  });

  it('follows the other clock when that is set, and says so', async () => {
    const { clock, machine, answers } = await open(0);
    answers.ahead = 30;
    await clock.measure();
    expect(difference(clock, machine)).toBe(30);
    expect(logged).toHaveLength(1);
  });

  it('stays as it is where nobody answers, or too late to say anything', async () => {
    const { clock, machine, answers } = await open(10);
    answers.ways = [Number.NaN, 0.6];
    answers.ahead = 90;
    await clock.measure();
    await clock.measure();
    expect(difference(clock, machine)).toBe(10);
  });

  it('does not open where there is no first answer', async () => {
    await expect(open(0, [Number.NaN])).rejects.toThrow('nobody answers');
  });
});

describe('A stopwatch', () => {
  it('tells what the clock on the wall says after the machine has slept, and the steady one after that was set back', () => {
    const machine = { steady: 1_000, wall: 50_000 };
    const seconds = startStopwatch({ steady: () => machine.steady, wall: () => machine.wall });
    machine.steady += 2_000;
    machine.wall += 2_000;
    expect(seconds()).toBe(2);
    machine.wall += 600_000;
    expect(seconds()).toBe(602);
    machine.wall -= 3_600_000;
    machine.steady += 1_000;
    expect(seconds()).toBe(3);
  });
});
