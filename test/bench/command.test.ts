import { describe, expect, it, vi } from 'vitest';
import { bench } from '../../bench/command.ts';
import { type BenchRow, judge, type Measured, median } from '../../bench/row.ts';
import { rows } from '../../bench/rows.ts';

const measured: Measured = { work: [90, 70, 80], limit: [100, 120, 100] };

const tiny = (name: string, result: Measured | Error, reach: BenchRow['reach']): BenchRow => ({
  name,
  work: 'counting',
  limit: 'counting by heart',
  source: 'test/bench/command.test.ts',
  unit: 'counts/s',
  reach,
  async run() {
    if (result instanceof Error) throw result;
    return result;
  },
});

async function run(args: readonly string[], all: readonly BenchRow[]) {
  const printed: string[] = [];
  const catching = (text: unknown) => void printed.push(String(text));
  using _log = vi.spyOn(console, 'log').mockImplementation(catching);
  using _error = vi.spyOn(console, 'error').mockImplementation(catching);
  return { code: await bench(args, all), text: printed.join('\n') };
}

describe('npm run bench', () => {
  const reached = tiny('reached', measured, { of: 'ratio', least: 0.8 });
  const missed = tiny('missed', measured, { of: 'ratio', least: 0.81 });

  it('prints the machine, the versions, the ratio, and every rate and median of work and limit', async () => {
    const { code, text } = await run([], [reached]);
    expect(code).toBe(0);
    expect(text).toMatch(/BatchQL \d.*, Node \d.*, Postgres \d.*; \d+ cores/);
    expect(text).toContain('reached reached: ratio 0.800, at least 0.8');
    expect(text).toMatch(/work +80\.0 counts\/s {2}counting {2}\[90\.0 70\.0 80\.0\]/);
    expect(text).toMatch(/limit +100 counts\/s {2}counting by heart \(test\/bench\/command\.test\.ts\)/);
  });

  it('exits with 1 where a row misses what it must reach, and measures the others all the same', async () => {
    const { code, text } = await run([], [missed, reached]);
    expect(code).toBe(1);
    expect(text).toContain('MISSED  missed: ratio 0.800, at least 0.81');
    expect(text).toContain('reached reached');
    expect(text).toContain('Not reached: missed.');
  });

  it('exits with 1 where a row cannot be measured, and where there is none of that name', async () => {
    const broken = tiny('broken', new Error('it broke'), { of: 'ratio', least: 0.8 });
    expect(await run([], [broken])).toMatchObject({ code: 1, text: expect.stringContaining('it broke') });
    expect(await run(['--row', 'other'], [reached])).toEqual({
      code: 1,
      text: 'There is no row other; there are reached.',
    });
  });

  it('measures only the rows that are named, and with --list none', async () => {
    expect((await run(['--row', 'reached'], [missed, reached])).code).toBe(0);
    const { code, text } = await run(['--list'], [missed, reached]);
    expect(code).toBe(0);
    expect(text.split('\n')).toEqual([
      'missed  counting, against counting by heart: at least 0.81',
      'reached  counting, against counting by heart: at least 0.8',
    ]);
  });

  it('holds what should be small from above, by ratio or difference, and every fact with a limit of its own', () => {
    expect(judge({ reach: { of: 'ratio', most: 0.8 } }, measured).reached).toBe(true);
    expect(judge({ reach: { of: 'ratio', most: 0.79 } }, measured).reached).toBe(false);
    expect(judge({ reach: { of: 'difference', most: -20 } }, measured)).toEqual({
      value: -20,
      reached: true,
    });
    const fact = { what: 'statements', unit: '', value: 4 };
    const reach = { of: 'ratio', least: 0 } as const;
    expect(judge({ reach }, { ...measured, facts: [{ ...fact, most: 3 }] }).reached).toBe(false);
    expect(judge({ reach }, { ...measured, facts: [fact] }).reached).toBe(true);
    expect(median([1, 2])).toBe(1.5);
  });

  it('has rows whose names are unique words', () => {
    const names = rows.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  });
});
