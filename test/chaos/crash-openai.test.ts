import { expect, it } from 'vitest';
import { openai } from '../../src/providers/openai/index.ts';
import { plots } from '../support/crash-story.ts';
import { walk } from '../support/crash-walk.ts';

it.each(plots)('survives %s', { timeout: 900_000 }, async (plot) => {
  const t = performance.now();
  const only = (process.env['POINTS'] ?? '').split(',').filter(Boolean).map(Number);
  const w = await walk(openai, plot, only.length ? () => only : undefined);
  console.log(plot, w.deaths, w.points.length, w.waitForPerson, performance.now() - t);
  if (only.length) console.log(w.points.map((p, i) => `${i + 1} ${p.act} ${p.kind} ${p.what}`).join('\n'));
  expect(w.deaths).toBeGreaterThan(0);
});
