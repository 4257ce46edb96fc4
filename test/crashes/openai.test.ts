import { afterAll, describe, it } from 'vitest';
import { openai } from '../../src/providers/openai/index.ts';
import { plots } from '../support/crash-story.ts';
import { dieThrough, trialTimeout } from '../support/crash-trial.ts';
import { dropDatabases } from '../support/emptied-database.ts';

afterAll(dropDatabases);

describe.each(plots)('A batch for openai that is %s, and whose service is killed', (plot) => {
  it(
    'at any statement or call, is sent once and ends as if nothing had been',
    {
      timeout: trialTimeout,
    },
    () => dieThrough({ provider: openai, plot }, 'every point'),
  );
});
