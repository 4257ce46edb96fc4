import { describe, it } from 'vitest';
import { openai } from '../../src/providers/openai/index.ts';
import { everyPoint } from '../support/crash-points.ts';
import { plots } from '../support/crash-story.ts';
import { count } from '../support/crash-tally.ts';
import { dieAt, runUnharmed } from '../support/crash-walk.ts';

describe.each(plots)('A batch for openai that is %s, and whose service dies', (plot) => {
  const timeout = 900_000;
  it('at any statement or call, is sent once and ends as if nothing had been', { timeout }, async () => {
    const path = { provider: openai, plot };
    const unharmed = await runUnharmed(path);
    const points = process.env['POINTS']?.split(',').map(Number) ?? everyPoint(unharmed.points);
    const { waitForPerson } = await dieAt(path, unharmed, points);
    await count({ provider: openai.name, deaths: points.length - 1, doubleDeaths: 0, waitForPerson });
  });
});
