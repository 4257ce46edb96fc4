import { describe, it } from 'vitest';
import { providers } from '../../src/providers/registry.ts';
import { oneOfEachKind } from '../support/crash-points.ts';
import { plots } from '../support/crash-story.ts';
import { count } from '../support/crash-tally.ts';
import { dieAt, runUnharmed } from '../support/crash-walk.ts';

const others = providers.filter(({ name }) => !['openai', 'anthropic'].includes(name));
const lives = others.flatMap((provider) => plots.map((plot) => [provider.name, plot, provider] as const));

describe.each(lives)('A batch for %s that is %s, and whose service dies', (name, plot, provider) => {
  const timeout = 900_000;
  it('at one point of each kind, is sent once and ends as if nothing had been', { timeout }, async () => {
    const path = { provider, plot };
    const unharmed = await runUnharmed(path);
    const numbers = oneOfEachKind(unharmed.points);
    console.log(name, plot, unharmed.points.length, numbers.length);
    const { waitForPerson } = await dieAt(path, unharmed, numbers);
    await count({ provider: name, deaths: numbers.length, doubleDeaths: 0, waitForPerson });
  });
});
