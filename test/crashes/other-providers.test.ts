import { afterAll, describe, it } from 'vitest';
import { providers } from '../../src/providers/registry.ts';
import { plots } from '../support/crash-story.ts';
import { dieThrough, trialTimeout } from '../support/crash-trial.ts';
import { dropDatabases } from '../support/emptied-database.ts';

afterAll(dropDatabases);

/** Those that have no file of their own, in which every point is walked each time. */
const others = providers.filter(({ name }) => name !== 'openai' && name !== 'anthropic');
const lives = others.flatMap((provider) => plots.map((plot) => [provider.name, plot, provider] as const));

describe.each(lives)('A batch for %s that is %s, and whose service is killed', (_name, plot, provider) => {
  it('at a point of each kind, is sent once and ends as if nothing had been', { timeout: trialTimeout }, () =>
    dieThrough({ provider, plot }, 'one of each kind'),
  );
});
